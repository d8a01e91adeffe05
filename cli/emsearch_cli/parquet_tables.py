"""Rows as a Parquet file, whose types are DuckDB's where they are known."""

import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emsearch_cli.plain_values import plain

__all__ = ["parquet_bytes"]

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")


def parquet_bytes(columns: Sequence[str], rows: Sequence[Sequence[Any]], types: Sequence[str] = ()) -> bytes:
    """Return a Parquet file of named columns.

    Parameters
    ----------
    columns
        Their names.
    rows
        A value for each column; dates as dates or, where the type says so, as ISO 8601 text.
    types
        DuckDB's types of the columns; without them a type is guessed from the values.
    """
    values = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
    kinds = types or [""] * len(columns)
    arrays = [_array(column, kind) for column, kind in zip(values, kinds, strict=True)]
    buffer = io.BytesIO()  # Parquet seeks; a pipe cannot
    pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), buffer)
    return buffer.getvalue()


def _array(column: Sequence[Any], kind: str) -> pa.Array:
    if kind in _INTEGERS:
        return pa.array(column, type=pa.int64())
    if kind in ("FLOAT", "DOUBLE") or kind.startswith("DECIMAL"):
        return pa.array(_each(float, column), type=pa.float64())  # NaN and infinity came as text
    if kind == "DATE":
        return pa.array(_each(_date, column), type=pa.date32())
    if kind in ("VARCHAR", "BOOLEAN"):
        return pa.array(column, type=pa.string() if kind == "VARCHAR" else pa.bool_())
    return pa.array(_guessable(column))


def _each(change: Callable[[Any], Any], column: Sequence[Any]) -> list[Any]:
    return [None if value is None else change(value) for value in column]


def _date(value: str | date) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _guessable(column: Sequence[Any]) -> list[Any]:
    # Dates stay dates; numbers that mix int and float in one column, or pass 64 bits, become floats.
    values = [value if isinstance(value, date) else plain(value) for value in column]
    if any(isinstance(value, float) or _is_wide(value) for value in values):
        return [float(value) if isinstance(value, int) else value for value in values]
    return values


def _is_wide(value: Any) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63
