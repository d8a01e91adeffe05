"""How many of the network's groups are compared with an image: the more, the less it is sure of."""

from collections.abc import Sequence

import numpy as np

from emsearch.search.proposal import Candidate

__all__ = ["SHORTLIST", "shortlist"]

SHORTLIST = 150
"""The most groups that are compared unless told otherwise."""

_SHARE = 0.95
_LEAST = 40


def shortlist(
    candidates: Sequence[Candidate], most: int = SHORTLIST, struck: int | None = None
) -> list[Candidate]:
    """Return the first candidates until they hold 0.95 of the shares of all, 40 at least and ``most`` at most.

    With ``struck`` it is the list of an image whose structure is not in the index, and that group besides, so that the same
    comparison answers both with it and without it.
    """
    others = [c for c in candidates if c.group != struck]
    share = np.array([c.share for c in others])
    before = np.cumsum(share) - share
    enough = int(np.count_nonzero(before < _SHARE * share.sum()))
    chosen = others[: min(most, max(enough, _LEAST))]
    return chosen + [c for c in candidates[: most + 1] if c.group == struck]
