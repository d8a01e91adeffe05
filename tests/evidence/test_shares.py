import numpy as np
import pytest

from emsearch.evidence.shares import log_shares
from emsearch.search.hits import Hit

NUMBER = {f"G{k}": k for k in range(5)}


def hit(group: str, probability: float) -> Hit:
    return Hit(1, group, "1abc", "", ("1abc",), probability, None, 100.0, 100.0, "d0-130", None)


def test_hits_none_and_the_rest_keep_their_probabilities() -> None:
    share = np.exp(log_shares([hit("G3", 0.5), hit("G1", 0.1)], 0.9, NUMBER))
    assert share == pytest.approx([0.1, 0.1, 0.1, 0.5, 0.1, 0.1])


def test_hits_that_name_every_group_leave_nothing_over() -> None:
    share = np.exp(log_shares([hit(g, 0.2) for g in NUMBER], 1.0, NUMBER))
    assert share[:5] == pytest.approx([0.2] * 5)
    assert share[5] < 1e-6 and share.sum() == pytest.approx(1)
