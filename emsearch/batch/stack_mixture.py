"""What a whole stack is made of: some of its particles matched, and the fractions that explain them all."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emsearch.batch.matched_sample import shortlist_of, spread_over, witnesses
from emsearch.batch.parts import Parts
from emsearch.batch.sets import STACK, ParticleSets
from emsearch.batch.shares import KeptShares
from emsearch.batch.stack_search import StackSearch
from emsearch.evidence.mixture import fit_mixture

__all__ = ["MIXTURE_IMAGES", "Part", "mixture_of_stack"]

MIXTURE_IMAGES = 300
"""So many images, evenly spread over the stack, say a fraction to about three percent."""

_AT_ONCE = 10  # images that are matched before what they say is kept


@dataclass(frozen=True, slots=True)
class Part:
    """A group (None: none of the index's) and its fraction of a stack, with its 95 % interval."""

    group: str | None
    representative: str | None
    title: str | None
    fraction: float
    low: float
    high: float


def mixture_of_stack(
    stack: StackSearch, shares: KeptShares, parts: Parts, progress: Callable[[int, int], None]
) -> tuple[Part, ...]:
    """Fit the fractions of the stack, the largest first; ``progress`` is told of the images that are matched."""
    pooled, there = shares.pooled(ParticleSets((STACK,), np.zeros(stack.source.count, np.int64)))
    rows = spread_over(np.flatnonzero(there), MIXTURE_IMAGES)
    if not len(rows):
        return ()
    shortlist = shortlist_of(stack.index, pooled[0])
    said = []
    progress(0, len(rows))
    for first in range(0, len(rows), _AT_ONCE):
        note, some = f"mixture-{first:06d}", rows[first : first + _AT_ONCE]
        kept = parts.note(note)
        if kept is None:
            kept = [w.said.tolist() for w in witnesses(stack, some, shortlist).values()]
            parts.keep(note, kept)
        said.append(np.array(kept))
        progress(first + len(some), len(rows))
    components = fit_mixture(np.concatenate(said)).components
    groups = [None if c.group is None else stack.index.groups[shortlist[c.group]] for c in components]
    return tuple(
        Part(
            group=group.id if group else None,
            representative=group.representative if group else None,
            title=group.title if group else None,
            fraction=c.fraction,
            low=c.low,
            high=c.high,
        )
        for c, group in zip(components, groups, strict=True)
    )
