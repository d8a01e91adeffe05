"""What a whole stack is made of: some of its particles matched, and the fractions that explain them all."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.matched_sample import shortlist_of, spread_over, witnesses
from emsearch.batch.parts import Parts
from emsearch.batch.sets import STACK, ParticleSets
from emsearch.batch.shares import KeptShares
from emsearch.batch.stack_search import StackSearch
from emsearch.evidence.mixture import Component, fit_mixture
from emsearch.search.engine import SearchIndex

__all__ = ["MIXTURE_IMAGES", "Part", "mixture_of_stack"]

MIXTURE_IMAGES = 300
"""So many images, evenly spread over the stack, say a fraction to about three percent."""

_AT_ONCE = 10  # images that are matched before what they say is kept


@dataclass(frozen=True, slots=True)
class Part:
    """A group, or what is none, and its fraction of a stack, with its 95 % interval.

    ``shows`` is the group's representative, "none of these" or "no particle"; ``group`` and ``title`` are those of a group.
    """

    shows: str
    fraction: float
    low: float
    high: float
    group: str | None = None
    title: str | None = None


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
            found = witnesses(stack, some, shortlist).values()
            kept = [[*w.said.tolist(), w.log_particle] for w in found]
            parts.keep(note, kept)
        said.append(np.array(kept).reshape(-1, len(shortlist) + 2))
        progress(first + len(some), len(rows))
    everything = np.concatenate(said)
    components = fit_mixture(everything[:, :-1], everything[:, -1]).components
    return tuple(_part(stack.index, shortlist, component) for component in components)


def _part(index: SearchIndex, shortlist: NDArray[np.int64], component: Component) -> Part:
    limits = (component.fraction, component.low, component.high)
    if isinstance(component.shows, str):
        return Part(component.shows, *limits)
    group = index.groups[shortlist[component.shows]]
    return Part(group.representative, *limits, group.id, group.title)
