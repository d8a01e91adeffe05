"""Every single query as a row of a Parquet file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emsearch.evaluation.ceiling_answers import CEILINGS
from emsearch.evaluation.queries import ANSWERS, Named, Query

__all__ = ["query_record", "write_queries"]

_NUMBERS = {"image": "int32", "among": "int32", "in_index": "bool_"}
_TEXTS = ("set", "group", "structure", "size_class", "matched_structure")


def query_record(query: Query) -> dict[str, Any]:
    """Return a query flat, with the columns of docs/reference/evaluation.md; None where there is nothing to say."""
    truth, pose = query.truth, query.pose
    return {
        "set": query.set,
        "snr": query.snr,
        "image": query.image,
        "in_index": query.in_index,
        "among": query.among,
        "group": truth.group,
        "structure": truth.structure,
        "rmsd_angstrom": truth.rmsd_angstrom,
        "size_class": truth.size_class,
        **{f"quaternion_{axis}": value for axis, value in zip("wxyz", truth.quaternion, strict=True)},
        **{f"direction_{axis}": value for axis, value in zip("xyz", truth.direction, strict=True)},
        "in_plane_degrees": truth.in_plane_degrees,
        **{f"shift_{axis}_angstrom": value for axis, value in zip("xy", truth.shift_angstrom, strict=True)},
        "fill": truth.fill,
        "magnification": truth.magnification,
        "resolution_angstrom": truth.resolution_angstrom,
        **_answer_columns(query),
        "in_database_probability": query.in_database_probability,
        "matched_structure": query.matched_structure,
        "direction_error_degrees": pose.direction_degrees if pose else None,
        "in_plane_error_degrees": pose.in_plane_degrees if pose else None,
        "shift_error_angstrom": pose.shift_angstrom if pose else None,
    }


def _answer_columns(query: Query) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for answer in (*ANSWERS, *CEILINGS):
        name = answer.replace("-", "_")
        found = query.answers.get(answer, Named(None, ""))
        columns[f"{name}_rank"] = found.rank
        columns[f"{name}_first"] = found.first or None
        columns[f"{name}_seconds"] = query.seconds.get(answer)
    return columns


def write_queries(queries: Sequence[Query], path: Path) -> None:
    """Write one row a query; the columns are the same whatever was measured.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    records = [query_record(query) for query in queries]
    columns = {name: [record[name] for record in records] for name in records[0]}
    arrays = {name: pa.array(values, getattr(pa, _kind(name))()) for name, values in columns.items()}
    parquet.write_table(pa.table(arrays), path)


def _kind(column: str) -> str:
    if column in _TEXTS or column.endswith("_first"):
        return "string"
    return _NUMBERS.get(column, "int32" if column.endswith("_rank") else "float64")
