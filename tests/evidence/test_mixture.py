"""Fractions of a sample against the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.evidence.likelihood import prior_of
from emsearch.evidence.mixture import Mixture, Other, fit_mixture

GROUPS = 40
Floats = NDArray[np.float64]
Shown = int | Other


def draw(seed: int, fractions: dict[Shown, float], n: int, clarity: float = 2.0) -> tuple[Floats, Floats]:
    """Draw calibrated shares of a mixture, and how much likelier each image is as a group than as noise.

    An image is a point: noise lies about the origin, everything else at ``clarity`` along an axis of its own. Every group
    has a look-alike: the means of groups 2 k and 2 k + 1 have a correlation of 0.7.
    """
    rng = np.random.default_rng(seed)
    mean = np.vstack([np.eye(GROUPS + 1), np.zeros(GROUPS + 1)])
    for k in range(0, GROUPS, 2):
        mean[k, k + 1] = mean[k + 1, k] = 0.7
    place: dict[Shown, int] = {"none of these": GROUPS, "no particle": GROUPS + 1}
    drawn = rng.choice(len(fractions), size=n, p=list(fractions.values()))
    truth = np.array([place.get(shown, shown) for shown in fractions], np.int64)[drawn]
    point = clarity * mean[truth] + rng.standard_normal((n, GROUPS + 1))
    log_density = -0.5 * ((point[:, None] - clarity * mean[None]) ** 2).sum(2)
    logit = log_density[:, :-1] + np.log(prior_of(GROUPS))
    particle = np.logaddexp.reduce(log_density[:, :GROUPS], axis=1) - np.log(GROUPS) - log_density[:, -1]
    return logit - np.logaddexp.reduce(logit, axis=1)[:, None], particle


TRUTH: dict[Shown, float] = {3: 0.35, 10: 0.25, 24: 0.2, "none of these": 0.1, "no particle": 0.1}


@pytest.fixture(scope="module")
def fits() -> list[Mixture]:
    return [fit_mixture(*draw(seed, TRUTH, 1000)) for seed in range(12)]


def test_fractions_lie_in_their_intervals(fits: list[Mixture]) -> None:
    within = []
    for mixture in fits:
        found = {c.shows: c for c in mixture.components}
        within += [k in found and found[k].low <= f <= found[k].high for k, f in TRUTH.items()]
    assert np.mean(within) >= 0.85


def test_there_are_hardly_any_others(fits: list[Mixture]) -> None:
    false = [c.fraction for m in fits for c in m.components if c.shows not in TRUTH]
    assert len(false) <= 3
    assert sum(false) / len(fits) < 0.02


def test_fractions_and_responsibilities_sum_to_one(fits: list[Mixture]) -> None:
    for mixture in fits:
        assert sum(c.fraction for c in mixture.components) == pytest.approx(1)
        np.testing.assert_allclose(mixture.responsibility.sum(1), 1)
        assert mixture.components == tuple(sorted(mixture.components, key=lambda c: -c.fraction))


@pytest.mark.parametrize(("log_particle", "all_of_it"), [(4.0, "none of these"), (-4.0, "no particle")])
def test_images_that_favour_no_group_are_none(log_particle: float, all_of_it: Other) -> None:
    mixture = fit_mixture(np.tile(np.log(prior_of(GROUPS)), (300, 1)), np.full(300, log_particle))
    assert {c.shows for c in mixture.components} == {"none of these", "no particle"}
    assert mixture.components[0].shows == all_of_it and mixture.components[0].fraction > 0.95


def test_the_same_seed_gives_the_same_intervals() -> None:
    shares = draw(1, TRUTH, 200)
    assert fit_mixture(*shares, seed=4).components == fit_mixture(*shares, seed=4).components
