"""The child process of `emsearch_index.sql`: one JSON request on stdin, one JSON answer on stdout."""

import json
import math
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import IndexCorruptError, IndexMissingError, InputError, QueryError, UsageError
from emsearch_index.schema import HITS

__all__ = ["answer", "limit", "main", "reply"]

_OWN_MEMORY_MIB = 1024  # address space of Python, DuckDB's code and its allocator's arenas


def main() -> None:
    """Limit this process, then answer the request; the statement is only read after the limits stand."""
    request = json.load(sys.stdin)
    limit(request["limits"])
    sys.stdout.write(reply(request))


def reply(request: dict[str, Any]) -> str:
    """Return the answer to a request, or why there is none, as JSON without folders of the server."""
    try:
        text = json.dumps(answer(request), allow_nan=False)
    except (InputError, UsageError) as error:
        text = _failure("query", str(error))
    except (IndexCorruptError, IndexMissingError) as error:
        text = _failure("index", str(error))
    except MemoryError:
        text = _failure("query", "the statement needs more memory than it may use: ask for less")
    return _mask(text, request)


def limit(limits: dict[str, Any]) -> None:
    """Let the kernel limit this process: time, memory, and no byte of any file to be written."""
    cpu = limits["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":  # macOS refuses RLIMIT_AS; DuckDB's own memory limit stands there too
        space = (limits["memory_mib"] + _OWN_MEMORY_MIB) << 20
        resource.setrlimit(resource.RLIMIT_AS, (space, space))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run the statement and return columns, types, rows and whether rows were cut off.

    Raises
    ------
    QueryError
        The statement is refused or fails, or its first row alone is larger than the result may be.
    InputError
        The file of hits cannot be read.
    """
    limits = request["limits"]
    with Catalogue.guarded(Path(request["catalogue"]), limits["memory_mib"]) as catalogue:
        if request["hits"] is not None:
            from emsearch_index.hits_file import opened_hits

            catalogue.register(HITS.name, opened_hits(Path(request["hits"])))
        columns, types, rows = catalogue.select(request["sql"], request["parameters"])
        kept, truncated = _capped(rows, limits["rows"], limits["result_bytes"])
    return {"columns": columns, "types": types, "rows": kept, "truncated": truncated}


def _capped(rows: Iterator[tuple[Any, ...]], most_rows: int, most_bytes: int) -> tuple[list[list[Any]], bool]:
    kept: list[list[Any]] = []
    size = 0
    for row in rows:
        if len(kept) == most_rows:
            return kept, True
        values = [_plain(value) for value in row]
        size += len(json.dumps(values, allow_nan=False))
        if size > most_bytes:
            if not kept:
                raise QueryError(f"one row of the result is larger than {most_bytes} bytes: ask for less")
            return kept, True
        kept.append(values)
    return kept, False


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)  # JSON has no NaN and no infinity
        case Decimal():
            return float(value)
        case date() | datetime() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return str(value)


def _mask(text: str, request: dict[str, Any]) -> str:
    # over the whole JSON text, so that names, types, plans and messages are covered like values
    catalogue = Path(request["catalogue"])
    for folder in (str(catalogue.parent), str(catalogue.resolve().parent), request["home"]):
        text = text.replace(f"{json.dumps(folder)[1:-1]}/", "")
    return text


def _failure(kind: str, message: str) -> str:
    return json.dumps({"kind": kind, "error": message})


if __name__ == "__main__":
    main()
