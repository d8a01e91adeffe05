from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.search.proposal import Candidate
from emsearch.search.shortlist import SHORTLIST, shortlist

ONE = Candidate(
    group=0,
    structure="a",
    sampling=cast(Any, SimpleNamespace()),
    share=0.0,
    classifier=0.0,
    vote=0.0,
    similarity=0.0,
)


def candidates(share: NDArray[np.floating]) -> list[Candidate]:
    return [replace(ONE, group=k, share=float(s)) for k, s in enumerate(share / share.sum())]


def groups(found: list[Candidate]) -> list[int]:
    return [c.group for c in found]


def test_a_sure_network_leaves_few_to_compare_and_an_unsure_one_many() -> None:
    assert groups(shortlist(candidates(0.5 ** np.arange(300)))) == list(range(40))
    assert groups(shortlist(candidates(np.ones(300)))) == list(range(SHORTLIST))
    assert groups(shortlist(candidates(np.ones(100)))) == list(range(95))
    assert groups(shortlist(candidates(np.ones(30)))) == list(range(30))


@pytest.mark.parametrize("most", [1, 7, 60])
def test_no_more_are_compared_than_are_asked_for(most: int) -> None:
    assert groups(shortlist(candidates(np.ones(300)), most)) == list(range(most))


def test_a_struck_group_takes_no_part_in_the_choice_and_comes_along() -> None:
    share = np.concatenate([[50.0], np.ones(99)])
    assert len(shortlist(candidates(share))) == 93
    with_it = shortlist(candidates(share), struck=0)
    assert groups(with_it) == [*range(1, 96), 0]
    far = shortlist(candidates(np.ones(300)), 50, struck=200)
    assert groups(far) == list(range(50))
    assert groups(shortlist(candidates(np.ones(300)), 50, struck=50)) == [*range(50), 50]
