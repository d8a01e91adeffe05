"""What a whole stack is made of, by the network's word."""

from dataclasses import dataclass

import numpy as np

from emsearch.batch.set_evidence import alike_for_all, network_rows
from emsearch.batch.sets import STACK, ParticleSets
from emsearch.batch.shares import KeptShares
from emsearch.evidence.mixture import fit_mixture
from emsearch.search.answering import SHORTLIST
from emsearch.search.engine import SearchIndex

__all__ = ["Part", "mixture_of_stack"]

_IMAGES = 4000
"""So many images, evenly spread, say the fractions to a percent."""


@dataclass(frozen=True, slots=True)
class Part:
    """A group (None: none of the index's) and its fraction of a stack, with its 95 % interval."""

    group: str | None
    representative: str | None
    title: str | None
    fraction: float
    low: float
    high: float


def mixture_of_stack(index: SearchIndex, shares: KeptShares, particles: int) -> tuple[Part, ...]:
    """Fit the fractions of the groups that come first on average, the largest fraction first."""
    pooled, there = shares.pooled(ParticleSets((STACK,), np.zeros(particles, np.int64)))
    rows = np.flatnonzero(there)
    if not len(rows):
        return ()
    rows = rows[np.linspace(0, len(rows) - 1, min(_IMAGES, len(rows))).round().astype(np.int64)]
    shortlist = np.argsort(-alike_for_all(index, pooled[0]), kind="stable")[:SHORTLIST]
    said = [network_rows(index, share, shortlist, flat=False) for share in shares.of(rows)]
    found = fit_mixture(np.concatenate(said))
    parts = []
    for c in found.components:
        group = None if c.group is None else index.groups[shortlist[c.group]]
        parts.append(
            Part(
                group=group.id if group else None,
                representative=group.representative if group else None,
                title=group.title if group else None,
                fraction=c.fraction,
                low=c.low,
                high=c.high,
            )
        )
    return tuple(parts)
