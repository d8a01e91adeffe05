"""Some particles of many, matched by projection against the groups that may come into question."""

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.set_evidence import Witness, witness
from emsearch.batch.stack_search import StackSearch
from emsearch.search.engine import SearchIndex
from emsearch.search.proposal import propose_together
from emsearch.search.shortlist import SHORTLIST

__all__ = ["shortlist_of", "spread_over", "witnesses"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def spread_over(rows: Rows, count: int) -> Rows:
    """Return up to ``count`` of some rows, evenly spread and always the same.

    >>> spread_over(np.arange(100, 110), 4).tolist()
    [100, 103, 106, 109]
    """
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(np.int64)]


def shortlist_of(index: SearchIndex, pooled: Floats) -> NDArray[np.int64]:
    """Return the groups (g,) that the network's mean shares (groups,) of many images put first."""
    order = np.argsort(-pooled, kind="stable")[:SHORTLIST]
    return order[pooled[order] > 0]


def witnesses(stack: StackSearch, rows: Rows, shortlist: NDArray[np.int64]) -> dict[int, Witness]:
    """Match particles against a shortlist (g,); return what each says of it, by row."""
    found: dict[int, Witness] = {}
    for alike in stack.read(rows.tolist()).alike:
        images = alike.bright(stack.contrast)
        proposals = propose_together(stack.index, images, alike.pixel_size_angstrom)
        for k, place in enumerate(alike.place.tolist()):
            found[int(rows[place])] = witness(
                stack.index, images[k], proposals, k, shortlist, alike.transfer(k)
            )
    return found
