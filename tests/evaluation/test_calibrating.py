from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from emsearch.evaluation.calibrating import Case, collect_cases, fit_calibration
from emsearch.search.ranking import Calibration, Evidence, group_probabilities, known_probability

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def synthetic_cases(n: int, *, informative: bool, seed: int = 0) -> list[Case]:
    """Ten candidates each; the right one correlates at 0.8, others near 0.6, where correlation is informative."""
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(n):
        correlation = rng.normal(0.6, 0.03, 10)
        if informative:
            correlation[4] = rng.normal(0.8, 0.03)
        known = Evidence(0.8, float(correlation.max()), 20.0 + rng.normal(), 15.0 + rng.normal())
        unknown = Evidence(
            0.8, float(np.delete(correlation, 4).max()), 3.0 + rng.normal(), 1.0 + rng.normal()
        )
        cases.append(Case(correlation, np.full(10, 0.1), 3000.0, 4, known, unknown))
    return cases


def test_separable_evidence_gives_sure_answers() -> None:
    cases = synthetic_cases(40, informative=True)
    calibration = fit_calibration(cases)
    assert np.mean([known_probability(c.known, calibration) for c in cases]) > 0.95
    assert np.mean([known_probability(c.unknown, calibration) for c in cases]) < 0.05


def test_evidence_that_says_nothing_gives_even_odds() -> None:
    same = Evidence(0.8, 0.6, 3.0, 1.0)
    cases = [replace(c, known=same, unknown=same) for c in synthetic_cases(40, informative=False)]
    assert known_probability(same, fit_calibration(cases)) == pytest.approx(0.5, abs=0.02)


def test_a_correlation_that_tells_groups_apart_is_trusted_and_one_that_does_not_is_not() -> None:
    telling = fit_calibration(synthetic_cases(40, informative=True))
    silent = fit_calibration(synthetic_cases(40, informative=False))
    assert telling.match_weight > 10 * silent.match_weight
    (case,) = synthetic_cases(1, informative=True, seed=9)
    chance = group_probabilities(case.correlation, case.share, case.pixels, telling)
    assert int(chance.argmax()) == 4 and chance[4] > 0.95
    unsure = group_probabilities(case.correlation, case.share, case.pixels, silent)
    assert unsure[4] < 0.5


def test_probabilities_mean_what_they_say() -> None:
    """The network's share is right as often as it claims; a fit must neither sharpen nor flatten it."""
    rng = np.random.default_rng(1)
    cases = []
    for _ in range(600):
        share = rng.dirichlet(np.full(5, 0.7))
        right = int(rng.choice(5, p=share))
        evidence = Evidence(0.5, 0.5, 1.0, 1.0)
        cases.append(Case(np.full(5, 0.5), share, 3000.0, right, evidence, evidence))
    calibration = fit_calibration(cases)
    assert calibration.network_weight == pytest.approx(1, abs=0.15)
    claimed = [group_probabilities(c.correlation, c.share, c.pixels, calibration).max() for c in cases]
    hit = [
        group_probabilities(c.correlation, c.share, c.pixels, calibration).argmax() == c.right for c in cases
    ]
    assert np.mean(claimed) == pytest.approx(np.mean(hit), abs=0.05)


def test_cases_whose_group_was_not_proposed_teach_only_the_rest() -> None:
    cases = synthetic_cases(30, informative=True)
    lost = [replace(c, right=-1) for c in synthetic_cases(10, informative=True, seed=3)]
    with_lost, without = fit_calibration(cases + lost), fit_calibration(cases)
    assert with_lost.match_weight == pytest.approx(without.match_weight)
    assert astuple(with_lost)[2:] != astuple(without)[2:]


def test_nothing_to_learn_from_leaves_the_weights_as_they_are() -> None:
    assert fit_calibration([]) == Calibration()


def test_cases_of_an_index(pooling_index: "SearchIndex") -> None:
    cases = collect_cases(pooling_index, 4, seed=0)
    assert len(cases) == 4
    for case in cases:
        assert len(case.correlation) == len(case.share) == 5
        assert 0 <= case.right < 5
        assert case.pixels == pytest.approx(np.pi * 32**2, rel=0.6)
        assert case.unknown.correlation <= case.known.correlation
        assert case.unknown.similarity <= case.known.similarity
