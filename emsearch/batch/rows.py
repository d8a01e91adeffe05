"""Answers as tables: as they are kept while a batch runs, one row a particle, and one row a hit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from emsearch.batch.answers import AnsweredChunk
from emsearch.batch.quantity_columns import QUANTITY_COLUMNS, QUANTITY_TYPES, quantity_values
from emsearch.search.answering import Reply
from emsearch.search.hits import Hit

__all__ = ["HIT_COLUMNS", "hit_rows", "kept_rows", "particle_rows"]

_HIT_TYPES: dict[str, pa.DataType] = {
    "group": pa.string(),
    "representative": pa.string(),
    "title": pa.string(),
    "size_class": pa.string(),
    "probability": pa.float64(),
    "similarity": pa.float64(),
    "structure": pa.string(),
    "quaternion_w": pa.float64(),
    "quaternion_x": pa.float64(),
    "quaternion_y": pa.float64(),
    "quaternion_z": pa.float64(),
    "in_plane_degrees": pa.float64(),
    "shift_x_px": pa.float64(),
    "shift_y_px": pa.float64(),
    "fill": pa.float64(),
    "correlation": pa.float64(),
}

HIT_COLUMNS = tuple(_HIT_TYPES)
"""What is told of a hit; from ``structure`` on only where it was matched by projection."""

_OF_PARTICLE = ("row", "particle", "in_database_probability", "particle_probability")
_LAST = (*QUANTITY_COLUMNS, "undecided", "error")

_KEPT = pa.schema(
    {
        **QUANTITY_TYPES,
        "row": pa.int64(),
        "particle": pa.string(),
        "in_database_probability": pa.float64(),
        "particle_probability": pa.float64(),
        "undecided": pa.int64(),
        "error": pa.string(),
        "hits": pa.list_(pa.struct(list(_HIT_TYPES.items()))),
    }
)


def kept_rows(answered: AnsweredChunk, name: Callable[[int], str]) -> pa.Table:
    """Return a chunk's answers, one row a particle, its hits as a list; rows count from 1."""
    replies = answered.replies
    columns = {
        "row": [row + 1 for row in answered.rows],
        "particle": [name(row) for row in answered.rows],
        "in_database_probability": [
            None if isinstance(r, str) else r.in_database_probability for r in replies
        ],
        "particle_probability": [None if isinstance(r, str) else r.particle_probability for r in replies],
        "undecided": [None if isinstance(r, str) else len(r.undecided) for r in replies],
        "error": [r if isinstance(r, str) else None for r in replies],
        "hits": [_hits(r) for r in replies],
        **quantity_values(answered.quantities),
    }
    return pa.table(columns, schema=_KEPT)


def _hits(reply: Reply | str) -> list[dict[str, Any]]:
    return [] if isinstance(reply, str) else [_hit(hit) for hit in reply.hits]


def _hit(hit: Hit) -> dict[str, Any]:
    found: dict[str, Any] = {
        "group": hit.group,
        "representative": hit.representative,
        "title": hit.title,
        "size_class": hit.size_class,
        "probability": hit.probability,
        "similarity": hit.similarity,
    }
    view = hit.view
    if view is not None:
        found |= dict(zip((f"quaternion_{axis}" for axis in "wxyz"), view.quaternion, strict=True))
        found |= {
            "structure": view.structure,
            "in_plane_degrees": view.in_plane_degrees,
            "shift_x_px": view.shift_px[0],
            "shift_y_px": view.shift_px[1],
            "fill": view.fill,
            "correlation": view.correlation,
        }
    return found


def particle_rows(kept: pa.Table) -> pa.Table:
    """Return one row a particle: its first hit flat, and all hits as a list of structs."""
    hits = kept.column("hits").combine_chunks()
    offsets, lengths = hits.offsets.to_numpy(), hits.value_lengths().to_numpy(zero_copy_only=False)
    first = hits.values.take(pa.array(offsets[:-1], mask=lengths == 0))
    columns = {name: kept.column(name) for name in _OF_PARTICLE}
    columns |= dict(zip(HIT_COLUMNS, _fields(first), strict=True))
    return pa.table({**columns, **{name: kept.column(name) for name in _LAST}, "hits": hits})


def hit_rows(kept: pa.Table) -> pa.Table:
    """Return one row a particle and rank; a particle with an error has one row without a hit."""
    hits = kept.column("hits").combine_chunks()
    lengths = hits.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.maximum(lengths, 1)
    parent = np.repeat(np.arange(len(kept)), rows)
    rank = np.arange(len(parent)) - np.repeat(np.cumsum(rows) - rows, rows)
    none = np.repeat(lengths == 0, rows)
    place = np.repeat(hits.offsets.to_numpy()[:-1], rows) + rank
    every = hits.values.take(pa.array(place, mask=none))
    of_particle = kept.select([*_OF_PARTICLE, *_LAST]).take(pa.array(parent))
    columns = {name: of_particle.column(name) for name in _OF_PARTICLE}
    columns |= {"rank": pa.array(rank + 1, mask=none)}
    columns |= dict(zip(HIT_COLUMNS, _fields(every), strict=True))
    return pa.table({**columns, **{name: of_particle.column(name) for name in _LAST}})


def _fields(hits: pa.StructArray) -> list[pa.Array]:
    """Return the fields of structs (n,), null where the struct is."""
    return list(hits.flatten())
