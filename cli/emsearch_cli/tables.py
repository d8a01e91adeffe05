"""Rows of named columns to standard output or a file, in the format that ``--format`` names."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from emsearch_cli.options import Format
from emsearch_cli.plain_values import plain
from emsearch_index.errors import InputError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Table", "json_text", "stdout_console", "write_delimited", "write_json", "write_table"]

# Text from files may hold what a terminal obeys; a person sees it instead. Tabs and ends of lines stay.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}

_PIPE_WIDTH = 200  # columns of a table that goes to a file or a pipe, which has no width of its own


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and their rows; a cell is a number, text, boolean, date, list or None.

    ``types`` are DuckDB's, where they are known; Parquet then does not have to guess them.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    types: tuple[str, ...] = ()

    @classmethod
    def of(cls, records: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> "Table":
        """Make a table of records that all have the same keys.

        >>> Table.of([{"id": "1aon", "mass_kda": 870.0}]).columns
        ('id', 'mass_kda')
        """
        names = tuple(columns if columns is not None else (records[0] if records else ()))
        return cls(names, [[record[name] for name in names] for record in records])

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries of plain JSON values."""
        return [dict(zip(self.columns, map(plain, row), strict=True)) for row in self.rows]


def write_table(table: Table, form: Format, *, title: str = "", file: Path | None = None) -> None:
    """Write a table to standard output, or to a file, whole or not at all.

    ``title`` stands above it where a person reads it.

    Raises
    ------
    UsageError
        Parquet on a terminal, or a file that is a device or folder.
    InputError
        The file cannot be written.
    """
    if file is None:
        _write(table, form, title, sys.stdout)
        return
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is no regular file; name a file, or leave --out away for standard output")
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            _write(table, form, title, out)
        part.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}); name another file") from error
    finally:
        part.unlink(missing_ok=True)


def _write(table: Table, form: Format, title: str, out: TextIO) -> None:
    if form is Format.TABLE:
        _write_for_people(table, title, out)
    elif form in (Format.TSV, Format.CSV):
        write_delimited(table, "\t" if form is Format.TSV else ",", out)
    elif form is Format.JSON:
        print(json_text(table.records(), indent=2), file=out)
    elif form is Format.JSONL:
        for record in table.records():
            print(json_text(record, indent=None), file=out)
    else:
        _write_parquet(table, out)


def write_json(value: Any) -> None:
    """Write one JSON document, indented."""
    print(json_text(value, indent=2))


def json_text(value: Any, *, indent: int | None) -> str:
    """Return strict JSON: NaN and infinities, which JSON lacks, become null.

    >>> json_text({"a": float("nan")}, indent=None)
    '{"a": null}'
    """
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def stdout_console() -> "Console":
    """Return the console for people: as wide as the terminal, or wide enough not to cut in a pipe."""
    return _console(sys.stdout)


def _console(out: TextIO) -> "Console":
    from rich.console import Console

    return Console(file=out, width=None if out.isatty() else _PIPE_WIDTH, highlight=False)


def _write_for_people(table: Table, title: str, out: TextIO) -> None:
    from emsearch_cli.terminal_tables import TextColumn, print_table

    columns = []
    for position, name in enumerate(table.columns):
        values = [row[position] for row in table.rows]
        known = [value for value in values if value is not None]
        numeric = bool(known) and all(isinstance(value, int | float) for value in known)
        columns.append(TextColumn(name, [_cell(value) for value in values], numeric))
    print_table(_console(out), columns, title)


def _cell(value: Any) -> str:
    """Return the text of a cell for a person: five significant digits, lists with commas."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 10_000 else f"{value:.5g}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, dict):
        return json_text(value, indent=None)
    return str(value).translate(_VISIBLE)


def write_delimited(table: Table, delimiter: str, out: TextIO) -> None:
    """Write a table as CSV or TSV, its columns named in the first line."""
    import csv

    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_field(plain(value)) for value in row])


def _field(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return " ".join(str(item) for item in value)
    if isinstance(value, list | dict):
        return json_text(value, indent=None)
    return value


def _write_parquet(table: Table, out: TextIO) -> None:
    if out.isatty():
        raise UsageError(
            "--format parquet writes binary data and standard output is a terminal; "
            "send it to a file, as in '> result.parquet'"
        )
    from emsearch_cli.parquet_tables import parquet_bytes

    out.buffer.write(parquet_bytes(table.columns, table.rows, table.types))
