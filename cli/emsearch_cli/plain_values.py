"""Values as JSON knows them."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

__all__ = ["plain"]


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
