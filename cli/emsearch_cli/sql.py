"""``emsearch sql``: SQL over the catalogue, ready-made questions, and a prompt."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.catalogues import CATALOGUE_NAME, opened_generation
from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, IndexDir, Quiet, Verbose
from emsearch_cli.tables import write_table
from emsearch_index.errors import InputError, UsageError

__all__ = ["sql"]

_LONGEST_STATEMENT_BYTES = 1 << 20


def sql(
    statement: Annotated[
        str | None,
        typer.Argument(
            metavar="STATEMENT",
            help="One SELECT or EXPLAIN in DuckDB's SQL; after --saved the name of a question, after --schema of a table. "
            "Without one, on a terminal, a prompt asks for statements.",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read the statement from a file.")
    ] = None,
    saved: Annotated[
        bool, typer.Option("--saved", help="List the ready-made questions, or answer the one that is named.")
    ] = False,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="A value for $NAME in the statement; may be given several times.",
        ),
    ] = None,
    hits: Annotated[
        Path | None,
        typer.Option(
            "--hits", metavar="FILE", help="The .parquet file that `emsearch batch` wrote, as the table hits."
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema", help="Print the tables, or the one that is named: columns and what each holds."
        ),
    ] = False,
    rows: Annotated[
        int, typer.Option("--rows", min=1, metavar="N", help="Stop after this many rows, and say so.")
    ] = 10_000,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, metavar="SECONDS", help="Give up after this long.")
    ] = 20.0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the result to a file, not to standard output."
        ),
    ] = None,
    index: IndexDir = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            metavar="|".join(Format),
            case_sensitive=False,
            help="How to write the result; without it, the suffix of --out says it, else it is a table.",
        ),
    ] = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Query the catalogue in SQL.

    `--schema` lists its tables: structures, groups, members, similarities, size classes, views and more. `--saved` lists
    questions that are ready to be asked. Without a statement, a prompt takes them one after another.
    """
    from emsearch_cli import sql_answers as answers
    from emsearch_index.saved_questions import given_parameters

    if schema and saved:
        raise UsageError("both --schema and --saved were given; give one of the two")
    if file is not None and (statement is not None or schema or saved):
        raise UsageError("--file was given beside a statement, --saved or --schema; give one of them")
    form = form or _format_of(out)
    check_folders(out)
    values = given_parameters(parameters or ())
    if schema:
        write_table(answers.schema_table(statement), form, file=out)
        return
    if saved and statement is None:
        write_table(answers.questions_table(), form, file=out)
        return
    asks = statement is None and file is None
    if asks and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "neither a statement nor --file was given, and there is no terminal for a prompt; give one of the two, "
            "--saved to see questions or --schema to see the tables"
        )
    if asks and (out is not None or values):
        raise UsageError(
            "--out and --parameter need a statement; give one, or leave them away for the prompt"
        )
    text = _read(file) if file is not None else statement or ""
    catalogue = opened_generation(index).file(CATALOGUE_NAME)
    target = answers.SqlTarget(catalogue, hits, rows, seconds, Messages(verbose, quiet))
    if asks:
        from emsearch_cli.sql_prompt.loop import converse

        converse(target, form)
    elif saved:
        write_table(answers.answer_saved(target, text, values), form, file=out)
    else:
        write_table(answers.answer(target, text, values), form, file=out)


def _format_of(out: Path | None) -> Format:
    if out is None:
        return Format.TABLE
    suffix = out.suffix.removeprefix(".").lower()
    try:
        return {"txt": Format.TABLE}.get(suffix) or Format(suffix)
    except ValueError:
        known = ", ".join(f".{name}" for name in ("txt", *list(Format)[1:]))
        raise UsageError(f"{out} does not say its format; name it {known}, or give --format") from None


def _read(file: Path) -> str:
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
