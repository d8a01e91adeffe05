"""Answers as further columns of a STAR file, all else of which stays as it stands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from emsearch.batch.quantity_columns import QUANTITY_COLUMNS
from emsearch.batch.rows import HIT_COLUMNS, particle_rows
from emsearch.particles.source import ParticleSource
from emsearch_index.errors import InputError

__all__ = ["check_star", "write_star"]

_TOKEN = re.compile(r"""'(?:[^']|'(?=\S))*'(?=\s|$)|"(?:[^"]|"(?=\S))*"(?=\s|$)|\S+""")


def _label(column: str) -> str:
    return "".join(word.capitalize() for word in column.split("_"))


_LABELS = {
    "in_database_probability": "_emsInDatabaseProbability",
    "particle_probability": "_emsParticleProbability",
    **{column: f"_emsHit{_label(column)}" for column in HIT_COLUMNS},
    **{column: f"_ems{_label(column)}" for column in QUANTITY_COLUMNS},
    "undecided": "_emsUndecided",
    "error": "_emsError",
}


def check_star(source: ParticleSource) -> None:
    """Refuse a source whose table has columns of an earlier search already."""
    names = source.columns.column_names if source.columns is not None else []
    taken = [name for name in names if f"_{name}" in _LABELS.values()]
    if source.format == "STAR" and taken:
        raise InputError(
            f"{source.path} has the column _{taken[0]} of an earlier search; search the table that it was made "
            "from, or write another format"
        )


def write_star(kept: Iterator[pa.Table], path: Path, source: ParticleSource) -> None:
    """Write the table of a source with ``_ems`` columns after its own.

    A STAR file is copied line by line, optics and other blocks too; of any other source there is one block with the
    particles' names. Numbers that are not there are nan, texts None.
    """
    added = _values(kept)
    with path.open("w", encoding="utf-8", newline="") as file:
        if source.format != "STAR" or source.columns is None:
            file.writelines(_fresh(source, added))
            return
        wanted = [f"_{name}" for name in source.columns.column_names]
        with Path(source.path).open(encoding="utf-8", newline="") as lines:
            file.writelines(_extended(lines, wanted, added, source.path))
    if next(added, None) is not None:
        raise InputError(f"{source.path} has fewer lines than particles; give one line a particle")


def _values(kept: Iterator[pa.Table]) -> Iterator[str]:
    """Yield what is added to the line of each particle."""
    for table in kept:
        rows = particle_rows(table).select(list(_LABELS))
        texts = [_texts(rows.column(name)) for name in rows.column_names]
        for row in zip(*texts, strict=True):
            yield " ".join(row)


def _texts(column: pa.ChunkedArray) -> list[str]:
    from gemmi import cif

    values = column.to_pylist()
    if not pa.types.is_string(column.type):
        return ["nan" if value is None else f"{value:.6g}" for value in values]
    return ["None" if value is None else cif.quote(" ".join(value.split())) for value in values]


def _fresh(source: ParticleSource, added: Iterator[str]) -> Iterator[str]:
    yield "\ndata_particles\n\nloop_\n_rlnImageName #1\n"
    yield from (f"{label} #{k}\n" for k, label in enumerate(_LABELS.values(), start=2))
    yield from (f"{source.name(row)} {values}\n" for row, values in enumerate(added))
    yield "\n"


def _extended(lines: Iterator[str], wanted: list[str], added: Iterator[str], name: str) -> Iterator[str]:
    """Yield the lines of a STAR file, those of the loop with the labels ``wanted`` with what is added to each."""
    labels: list[str] | None = None
    within = False
    for line in lines:
        words = line.split(None, 1)
        text = words[0] if words and not words[0].startswith("#") else ""
        if text == "loop_" or text.startswith("data_"):
            labels, within = ([] if text == "loop_" else None), False
        elif text.startswith("_"):
            within = False
            if labels is not None:
                labels.append(text)
        elif text and labels is not None:
            within, labels = labels == wanted, None
            if within:
                first = len(wanted) + 1
                yield from (f"{label} #{k}\n" for k, label in enumerate(_LABELS.values(), start=first))
        yield f"{_row(line, len(wanted), name)} {_next(added, name)}\n" if within and text else line


def _row(line: str, columns: int, name: str) -> str:
    found = len(_TOKEN.findall(line))
    if found != columns:
        raise InputError(
            f"{name} has a line of {found} values where {columns} were expected; give one line a particle"
        )
    return line.rstrip()


def _next(added: Iterator[str], name: str) -> str:
    values = next(added, None)
    if values is None:
        raise InputError(f"{name} has more lines than particles; it was changed while it was searched")
    return values
