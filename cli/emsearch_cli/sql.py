"""``emsearch sql``: one statement over the catalogue."""

import math
from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.catalogues import CATALOGUE_NAME, opened_generation
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import InputError, UsageError

__all__ = ["sql"]

_LONGEST_STATEMENT_BYTES = 1 << 20


def sql(
    statement: Annotated[
        str | None, typer.Argument(metavar="STATEMENT", help="One SELECT or EXPLAIN in DuckDB's SQL.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read the statement from a file.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the tables, their columns and what each holds.")
    ] = False,
    rows: Annotated[
        int, typer.Option("--rows", min=1, metavar="N", help="Stop after this many rows, and say so.")
    ] = 10_000,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, metavar="SECONDS", help="Give up after this long.")
    ] = 20.0,
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Query the catalogue in SQL.

    `--schema` lists its tables: structures, groups, members, similarities, size classes, views and more.
    """
    messages = Messages(verbose, quiet)
    if schema:
        write_table(_schema(), form)
        return
    from emsearch_index.sql import SqlLimits, run_sql

    text = _one_statement(statement, file)
    limits = SqlLimits(rows=rows, wall_seconds=seconds, cpu_seconds=math.ceil(seconds))
    result = run_sql(opened_generation(index).file(CATALOGUE_NAME), text, limits)
    write_table(Table(tuple(result.columns), result.rows), form)
    if result.truncated:
        messages.say(
            f"cut off after {len(result.rows)} rows; --rows raises the limit, a LIMIT in SQL lowers it"
        )


def _one_statement(statement: str | None, file: Path | None) -> str:
    if (statement is None) == (file is None):
        given = "both a statement and --file were" if file else "neither a statement nor --file was"
        raise UsageError(f"{given} given; give one of the two, or --schema to see the tables")
    if statement is not None:
        return statement
    assert file is not None
    if not file.is_file():
        raise InputError(f"--file {file} is not a regular file; give a text file with one SQL statement")
    if file.stat().st_size > _LONGEST_STATEMENT_BYTES:
        raise InputError(f"--file {file} is larger than 1 MiB; give a text file with one SQL statement")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--file {file} cannot be read as UTF-8 text; give a file with one SQL statement"
        ) from error


def _schema() -> Table:
    from emsearch_index.schema import TABLES

    rows = [
        [table.name, column.name, column.type, column.comment] for table in TABLES for column in table.columns
    ]
    return Table(("table", "column", "type", "meaning"), rows)
