"""The network's shares of a whole stack, read back chunk by chunk from the parts of a batch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.parts import Parts
from emsearch.batch.sets import ParticleSets

__all__ = ["KeptShares"]

Floats = NDArray[np.float64]


class KeptShares:
    """Shares (n, groups) of n particles, which are never held all at once."""

    def __init__(self, parts: Parts, chunks: Sequence[range]) -> None:
        self._parts = parts
        self._chunks = chunks

    def pooled(self, sets: ParticleSets) -> tuple[Floats, NDArray[np.bool_]]:
        """Return each set's mean share of each group (sets, groups), and which particles have shares at all (n,)."""
        total: Floats | None = None
        there = np.zeros(len(sets.number), np.bool_)
        for number, rows in enumerate(self._chunks):
            share = self._parts.shares(number)
            good = ~np.isnan(share[:, 0])
            there[rows.start : rows.stop] = good
            total = np.zeros((len(sets.names), share.shape[1])) if total is None else total
            np.add.at(total, sets.number[rows.start : rows.stop][good], share[good].astype(np.float64))
        count = np.bincount(sets.number[there], minlength=len(sets.names))
        return (np.zeros((len(sets.names), 0)) if total is None else total) / np.maximum(count, 1)[
            :, None
        ], there
