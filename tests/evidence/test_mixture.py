"""Fractions of a sample against the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.evidence.likelihood import prior_of
from emsearch.evidence.mixture import Mixture, fit_mixture

GROUPS = 40


def draw(seed: int, fractions: dict[int, float], n: int, clarity: float = 2.0) -> NDArray[np.float64]:
    """Draw calibrated shares of a mixture of groups, ``GROUPS`` being none; every group has a look-alike.

    The scores of groups 2 k and 2 k + 1 have a correlation of 0.7 in their means.
    """
    rng = np.random.default_rng(seed)
    mean = np.eye(GROUPS + 1)
    for k in range(0, GROUPS, 2):
        mean[k, k + 1] = mean[k + 1, k] = 0.7
    truth = rng.choice(list(fractions), size=n, p=list(fractions.values()))
    score = clarity * mean[truth] + rng.standard_normal((n, GROUPS + 1))
    square = ((score[:, None] - clarity * mean[None]) ** 2).sum(2)
    logit = -0.5 * square + np.log(prior_of(GROUPS))
    logit -= logit.max(1, keepdims=True)
    return np.asarray(logit - np.log(np.exp(logit).sum(1, keepdims=True)))


TRUTH = {3: 0.35, 10: 0.25, 24: 0.2, GROUPS: 0.2}


@pytest.fixture(scope="module")
def fits() -> list[Mixture]:
    return [fit_mixture(draw(seed, TRUTH, 1000)) for seed in range(12)]


def test_fractions_lie_in_their_intervals(fits: list[Mixture]) -> None:
    within = []
    for mixture in fits:
        found = {GROUPS if c.group is None else c.group: c for c in mixture.components}
        within += [k in found and found[k].low <= f <= found[k].high for k, f in TRUTH.items()]
    assert np.mean(within) >= 0.85


def test_there_are_hardly_any_others(fits: list[Mixture]) -> None:
    false = [c.fraction for m in fits for c in m.components if c.group not in (3, 10, 24, None)]
    assert len(false) <= 3
    assert sum(false) / len(fits) < 0.02


def test_fractions_and_responsibilities_sum_to_one(fits: list[Mixture]) -> None:
    for mixture in fits:
        assert sum(c.fraction for c in mixture.components) == pytest.approx(1)
        np.testing.assert_allclose(mixture.responsibility.sum(1), 1)
        assert mixture.components == tuple(sorted(mixture.components, key=lambda c: -c.fraction))


def test_images_that_say_nothing_are_no_groups() -> None:
    mixture = fit_mixture(np.tile(np.log(prior_of(GROUPS)), (300, 1)))
    assert [c.group for c in mixture.components] == [None]


def test_the_same_seed_gives_the_same_intervals() -> None:
    shares = draw(1, TRUTH, 200)
    assert fit_mixture(shares, seed=4).components == fit_mixture(shares, seed=4).components
