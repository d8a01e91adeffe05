"""Answers as rows of log-shares, the form in which evidence is added up."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from emsearch.search.hits import Hit

__all__ = ["log_shares"]

_LEAST = 1e-9


def log_shares(
    hits: Sequence[Hit], in_database_probability: float, number: Mapping[str, int]
) -> NDArray[np.float64]:
    """Return the logarithms (g + 1,) of what one image gives each group and, last, "none of these".

    What the hits leave of the probability of being in the database is spread over the groups that they do not name;
    ``number`` says where each group of the index stands.
    """
    share = np.zeros(len(number) + 1)
    named = [number[hit.group] for hit in hits]
    share[named] = [hit.probability for hit in hits]
    others = np.ones(len(share), np.bool_)
    others[[*named, -1]] = False
    if others.any():
        share[others] = max(in_database_probability - float(share.sum()), 0.0) / others.sum()
    share[-1] = 1 - in_database_probability
    share = np.maximum(share, _LEAST)
    return np.asarray(np.log(share / share.sum()))
