"""Columns of Python or numpy values as an Arrow table that fits a table of the catalogue."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emsearch_index.schema import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["arrow_table"]


def arrow_table(definition: Table, columns: Mapping[str, "NDArray[Any] | list[Any]"]) -> Any:
    """Return columns as an Arrow table with the types of the schema.

    A numpy array of shape (n, m) fills a list column, m numbers a row.

    Raises
    ------
    ValueError
        A column that the table does not have, a value that does not fit its type, or unequal lengths.
    """
    import pyarrow as pa

    types = {
        "DOUBLE": pa.float64(),
        "REAL": pa.float32(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "VARCHAR": pa.string(),
        "BOOLEAN": pa.bool_(),
        "DOUBLE[]": pa.list_(pa.float64()),
        "DATE": pa.date32(),
    }
    arrays = {}
    for name, values in columns.items():
        column = definition.column(name)
        one_dimensional = list(values) if getattr(values, "ndim", 1) > 1 else values
        try:
            # text only from text; the rest by a cast, which takes ISO 8601 dates and refuses 3.7 as INTEGER
            guess = pa.string() if column.type == "VARCHAR" else None
            arrays[name] = pa.array(one_dimensional, type=guess).cast(types[column.type])
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise ValueError(f"a value for {definition.name}.{name} is no {column.type}: {error}") from error
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns for table {definition.name} differ in length: {lengths}")
    return pa.table(arrays)
