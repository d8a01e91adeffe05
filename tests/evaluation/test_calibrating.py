from dataclasses import astuple, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.evaluation.calibrating import Case, collect_cases, fit_calibration, fit_particle, noise_fits
from emsearch.search.matching import Match, Pose
from emsearch.search.ranking import (
    Calibration,
    best_log_posterior,
    group_probabilities,
    group_scores,
    known_probability,
    particle_evidence,
)

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

POSE = Pose(np.array([1.0, 0.0, 0.0, 0.0]), (0.0, 0.0), 1.0, 1.0, 20.0, 0.0, 0.1)


def a_match(log_posterior: float, correlation: float = 0.6, explained: float = 0.6) -> Match:
    return Match(POSE, 100.0, correlation, True, log_posterior, 0.1, explained, 0.5)


def synthetic_cases(n: int, *, informative: bool, seed: int = 0) -> list[Case]:
    """Ten candidates each; where the fit is informative, the right one explains all of the image and leads by 60."""
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(n):
        posterior, correlation = rng.normal(-9000, 3, 10), rng.normal(0.6, 0.03, 10)
        matches = [a_match(float(p), float(c)) for p, c in zip(posterior, correlation, strict=True)]
        if informative:
            matches[4] = a_match(rng.normal(-8940, 3), rng.normal(0.8, 0.03), rng.normal(0.98, 0.02))
        cases.append(Case(tuple(matches), np.full(10, 0.1), np.full(10, 0.8), 4))
    return cases


def chances(case: Case, calibration: Calibration) -> NDArray[np.float64]:
    return group_probabilities(group_scores(case.matches, case.share, calibration))


def test_a_case_without_its_group_lacks_nothing_else() -> None:
    (case,) = synthetic_cases(1, informative=True)
    struck = case.without_right()
    assert struck.right == -1
    assert struck.matches == case.matches[:4] + case.matches[5:]
    assert len(struck.share) == len(struck.similarity) == 9
    assert struck.without_right().matches == struck.matches


def test_separable_evidence_gives_sure_answers() -> None:
    cases = synthetic_cases(40, informative=True)
    calibration = fit_calibration(cases)

    def known(case: Case) -> float:
        return known_probability(case.evidence(calibration), calibration)

    assert np.mean([known(c) for c in cases]) > 0.95
    assert np.mean([known(c.without_right()) for c in cases]) < 0.05


def test_evidence_that_says_nothing_gives_even_odds() -> None:
    same = Case((a_match(-9000),) * 10, np.full(10, 0.1), np.full(10, 0.8), 4)
    calibration = fit_calibration([same] * 40)
    assert same.evidence(calibration) == same.without_right().evidence(calibration)
    assert known_probability(same.evidence(calibration), calibration) == pytest.approx(0.5, abs=0.02)


def test_a_fit_that_tells_groups_apart_is_trusted_and_one_that_does_not_is_not() -> None:
    telling = fit_calibration(synthetic_cases(40, informative=True))
    silent = fit_calibration(synthetic_cases(40, informative=False))
    assert telling.fit_weight > 3 * silent.fit_weight
    (case,) = synthetic_cases(1, informative=True, seed=9)
    chance = chances(case, telling)
    assert int(chance.argmax()) == 4 and chance[4] > 0.95
    (case,) = synthetic_cases(1, informative=False, seed=9)
    assert chances(case, silent).max() < 0.5


def test_probabilities_mean_what_they_say() -> None:
    """The network's share is right as often as it claims; a fit must neither sharpen nor flatten it."""
    rng = np.random.default_rng(1)
    cases = []
    for _ in range(400):
        share = rng.dirichlet(np.full(5, 0.7))
        right = int(rng.choice(5, p=share))
        cases.append(Case((a_match(-9000),) * 5, share, np.full(5, 0.5), right))
    calibration = fit_calibration(cases)
    assert calibration.network_weight == pytest.approx(1, abs=0.15)
    claimed = [chances(c, calibration).max() for c in cases]
    hit = [chances(c, calibration).argmax() == c.right for c in cases]
    assert np.mean(claimed) == pytest.approx(np.mean(hit), abs=0.05)


def test_cases_whose_group_was_not_proposed_teach_only_the_rest() -> None:
    cases = synthetic_cases(30, informative=True)
    lost = [replace(c, right=-1) for c in synthetic_cases(10, informative=False, seed=3)]
    with_lost, without = fit_calibration(cases + lost), fit_calibration(cases)
    assert astuple(with_lost)[:3] == pytest.approx(astuple(without)[:3])
    assert astuple(with_lost)[3:] != astuple(without)[3:]


def test_nothing_to_learn_from_leaves_the_weights_as_they_are() -> None:
    lost = [replace(c, right=-1) for c in synthetic_cases(3, informative=True)]
    assert fit_calibration([]) == fit_calibration(lost) == Calibration()


def test_cases_of_an_index(pooling_index: "SearchIndex") -> None:
    cases = collect_cases(pooling_index, 4, seed=0)
    assert len(cases) == 4
    for case in cases:
        assert len(case.matches) == len(case.share) == len(case.similarity) == 5
        assert 0 <= case.right < 5
        assert all(m.fitted for m in case.matches)
        whole, struck = case.evidence(Calibration()), case.without_right().evidence(Calibration())
        assert 0 < struck.similarity <= whole.similarity


def test_particles_are_told_from_noise() -> None:
    rng = np.random.default_rng(4)
    fitted = fit_particle(Calibration(), rng.normal(60, 20, 200).tolist(), rng.normal(4, 6, 70).tolist())

    def evidence(log_posterior: float) -> float:
        return particle_evidence([a_match(log_posterior - 5), a_match(log_posterior)], fitted)

    assert evidence(60) > 3 and evidence(4) < -3
    assert fit_particle(fitted, [50.0], []) == fitted


def test_nothing_fitted_says_nothing_of_a_particle() -> None:
    assert particle_evidence([], Calibration()) == 0.0


def test_the_best_of_many_fits_to_noise_explains_little(pooling_index: "SearchIndex") -> None:
    noise = noise_fits(pooling_index, 3, seed=0)
    particles = [best_log_posterior(c.matches) for c in collect_cases(pooling_index, 4, seed=0)]
    assert len(noise) == 3 and np.median(noise) < np.median(particles)
