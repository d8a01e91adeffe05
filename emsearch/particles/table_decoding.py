"""The process that reads tables of particles from outside: ``python -m emsearch.particles.table_decoding < FILE``.

Confined as ``decoding.py`` is. Input: the file on standard input, the limits as JSON in the only argument. Output: one
JSON line, ``{"format": ..., "tables": [[name, bytes], ...]}``, then the tables as Arrow streams; or ``{"error": "..."}``.
"""

import json
import sys
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.limits import ReadingLimits, confine
from emsearch.particles.opened_file import UnusableFileError

__all__ = ["main"]

_NUMPY, _CSDAT = b"\x93NUMPY", b"\x94CSDAT"
_MOST_BYTES = 2**30

Columns = dict[str, Any]


def main(argument: str, source: BinaryIO, sink: BinaryIO) -> None:
    """Read the table on ``source`` and write it to ``sink``."""
    confine(ReadingLimits(**json.loads(argument)))
    try:
        kind, tables = _read(source)
    except UnusableFileError as problem:
        sink.write(json.dumps({"error": str(problem)}).encode() + b"\n")
        return
    streams = {name: _arrow(columns) for name, columns in tables.items()}
    sizes = [[name, len(stream)] for name, stream in streams.items()]
    sink.write(json.dumps({"format": kind, "tables": sizes}).encode() + b"\n")
    for stream in streams.values():
        sink.write(stream)


def _read(source: BinaryIO) -> tuple[str, dict[str, Columns]]:
    head = source.read(len(_NUMPY))
    source.seek(0)
    if head == _NUMPY:
        return "cryoSPARC", {"particles": _cryosparc(source)}
    if head == _CSDAT:
        raise UnusableFileError(
            "is a cryoSPARC dataset in the CSDAT container; write it as .cs of the older kind "
            "(cryosparc-tools: Dataset.load(FILE).save(NEW, format=1))"
        )
    return "STAR", _star(source)


def _cryosparc(source: BinaryIO) -> Columns:
    """Return the fields of a structured array; those of several components as name_0, name_1 and so on."""
    try:
        rows = np.load(source, allow_pickle=False)
    except (ValueError, OSError, EOFError, TypeError, SyntaxError) as error:
        problem = " ".join(str(error).split())[:120]
        raise UnusableFileError(
            f"is no readable cryoSPARC file ({problem}); export it again, without pickled objects"
        ) from error
    if not isinstance(rows, np.ndarray) or rows.dtype.names is None or rows.ndim != 1:
        raise UnusableFileError(
            "is a NumPy file without named fields, no cryoSPARC dataset; give the .cs file"
        )
    found: Columns = {}
    for name in rows.dtype.names:
        values = rows[name]
        flat = values.reshape(len(rows), -1) if values.ndim > 1 else values[:, None]
        for k in range(flat.shape[1]):
            found[name if values.ndim == 1 else f"{name}_{k}"] = _plain(flat[:, k])
    return found


def _plain(values: NDArray[Any]) -> Any:
    if values.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in values.tolist()]
    return values.tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values)


def _star(source: BinaryIO) -> dict[str, Columns]:
    """Return the loops of a STAR file by the name of their block, and single values as tables of one row."""
    from gemmi import cif

    content = source.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UnusableFileError(f"is a table of more than {_MOST_BYTES} bytes; split it")
    try:
        document = cif.read_string(content.decode("utf-8", "replace"))
    except (ValueError, RuntimeError) as error:
        problem = " ".join(str(error).split())[:160].replace("string:", "line ")
        raise UnusableFileError(f"is no readable STAR file ({problem}); write it anew") from error
    tables: dict[str, Columns] = {}
    for block in document:
        for item in block:
            if item.loop is not None:
                width = item.loop.width()
                tables[block.name] = {
                    tag[1:]: [cif.as_string(v) for v in item.loop.values[k::width]]
                    for k, tag in enumerate(item.loop.tags)
                }
            elif item.pair is not None:
                tables.setdefault(block.name, {})[item.pair[0][1:]] = [cif.as_string(item.pair[1])]
    if not tables:
        raise UnusableFileError("is a text file without a STAR table; give a STAR file with particles")
    return tables


def _arrow(columns: Columns) -> bytes:
    import pyarrow as pa

    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
