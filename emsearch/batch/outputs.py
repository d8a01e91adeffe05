"""Finished answers as one file, written as they are read and renamed when whole."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from emsearch.batch.rows import hit_rows, particle_rows
from emsearch.batch.star import write_star
from emsearch.particles.source import ParticleSource
from emsearch_index.errors import UsageError

__all__ = ["FORMATS", "format_of", "write_rows"]

FORMATS = ("parquet", "csv", "tsv", "jsonl", "star")
"""What a batch can be written as; each is also the suffix that chooses it."""

_ROW_GROUP = 2**14  # rows of a Parquet row group at least, but the last


def format_of(output: Path, form: str | None) -> str:
    """Return the format of an output: as told, or by its suffix.

    >>> format_of(Path("hits.parquet"), None)
    'parquet'
    """
    found = form or output.suffix.removeprefix(".").lower()
    if found not in FORMATS:
        suffixes = ", ".join(f".{name}" for name in FORMATS)
        raise UsageError(f"{output} does not say its format; name it {suffixes}, or give --format")
    return found


def write_rows(kept: Iterator[pa.Table], path: Path, form: str, source: ParticleSource) -> None:
    """Write answers, a chunk at a time: one row a particle as "parquet" or "star", a hit as "csv", "tsv" or "jsonl"."""
    if form == "star":
        write_star(kept, path, source)
    else:
        _WRITERS[form](kept, path)


def _write_parquet(kept: Iterator[pa.Table], path: Path) -> None:
    writer: pq.ParquetWriter | None = None
    for table in _gathered(kept):
        rows = particle_rows(table)
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
    if writer is not None:
        writer.close()


def _gathered(kept: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield tables of a row group each."""
    some: list[pa.Table] = []
    for table in kept:
        some.append(table)
        if sum(map(len, some)) >= _ROW_GROUP:
            yield pa.concat_tables(some)
            some = []
    if some:
        yield pa.concat_tables(some)


def _write_delimited(kept: Iterator[pa.Table], path: Path, delimiter: str) -> None:
    with path.open("wb") as file:
        for number, table in enumerate(kept):
            options = pa_csv.WriteOptions(
                include_header=number == 0, delimiter=delimiter, quoting_style="needed"
            )
            pa_csv.write_csv(hit_rows(table), file, options)


def _write_csv(kept: Iterator[pa.Table], path: Path) -> None:
    _write_delimited(kept, path, ",")


def _write_tsv(kept: Iterator[pa.Table], path: Path) -> None:
    _write_delimited(kept, path, "\t")


def _write_jsonl(kept: Iterator[pa.Table], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for table in kept:
            for row in hit_rows(table).to_pylist():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


_WRITERS: dict[str, Callable[[Iterator[pa.Table], Path], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "tsv": _write_tsv,
    "jsonl": _write_jsonl,
}
