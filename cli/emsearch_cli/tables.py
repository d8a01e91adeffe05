"""Rows of named columns to standard output, in the format that ``--format`` names."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from emsearch_cli.options import Format
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Table", "json_text", "plain", "stdout_console", "write_json", "write_table"]

_PIPE_WIDTH = 200  # columns of a table that goes to a file or a pipe, which has no width of its own


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and their rows; a cell is a number, text, boolean, date, list or None."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

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


def write_table(table: Table, form: Format, *, title: str = "") -> None:
    """Write a table to standard output; ``title`` stands above it where a person reads it."""
    if form is Format.TABLE:
        _write_rich(table, title)
    elif form in (Format.TSV, Format.CSV):
        _write_delimited(table, "\t" if form is Format.TSV else ",")
    elif form is Format.JSON:
        write_json(table.records())
    elif form is Format.JSONL:
        for record in table.records():
            print(json_text(record, indent=None))
    else:
        _write_parquet(table)


def write_json(value: Any) -> None:
    """Write one JSON document, indented."""
    print(json_text(value, indent=2))


def json_text(value: Any, *, indent: int | None) -> str:
    """Return strict JSON: NaN and infinities, which JSON lacks, become null.

    >>> json_text({"a": float("nan")}, indent=None)
    '{"a": null}'
    """
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value as what JSON knows: dates and paths as text, tuples as lists, NaN as None."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy arrays and scalars, which the library may hand over
        return plain(value.tolist())
    return str(value)


def stdout_console() -> "Console":
    """Return the console for people: as wide as the terminal, or wide enough not to cut in a pipe."""
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def _write_rich(table: Table, title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    rich_table = RichTable(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for position, name in enumerate(table.columns):
        cells = [row[position] for row in table.rows if row[position] is not None]
        numeric = bool(cells) and all(isinstance(cell, int | float) for cell in cells)
        rich_table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        rich_table.add_row(*(Text(_cell(value)) for value in row))
    stdout_console().print(rich_table)


def _cell(value: Any) -> str:
    """Return the text of a cell for a person: five significant digits, lists with commas."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 1000 else f"{value:.5g}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, dict):
        return json_text(value, indent=None)
    return str(value)


def _write_delimited(table: Table, delimiter: str) -> None:
    import csv

    writer = csv.writer(sys.stdout, delimiter=delimiter, lineterminator="\n")
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


def _write_parquet(table: Table) -> None:
    if sys.stdout.isatty():
        raise UsageError(
            "--format parquet writes binary data and standard output is a terminal; "
            "send it to a file, as in '> result.parquet'"
        )
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = list(zip(*table.rows, strict=True)) if table.rows else [() for _ in table.columns]
    arrays = [pa.array(_parquet_column(column)) for column in columns]
    buffer = io.BytesIO()  # Parquet seeks; a pipe cannot
    pq.write_table(pa.Table.from_arrays(arrays, names=list(table.columns)), buffer)
    sys.stdout.buffer.write(buffer.getvalue())


def _parquet_column(column: Sequence[Any]) -> list[Any]:
    # Dates stay dates; numbers that mix int and float in one column become floats.
    values = [value if isinstance(value, date) else plain(value) for value in column]
    if any(isinstance(value, float) for value in values):
        return [float(value) if isinstance(value, int) else value for value in values]
    return values
