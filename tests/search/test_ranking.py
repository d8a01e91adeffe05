import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.search.ranking import (
    Calibration,
    Evidence,
    evidence_of,
    group_probabilities,
    known_probability,
    log_likelihood,
)

unit = st.floats(-1, 1)
share = st.floats(0, 1)


@given(st.lists(st.tuples(unit, share), min_size=1, max_size=30), st.floats(1, 4000))
def test_probabilities_sum_to_one(pairs: list[tuple[float, float]], pixels: float) -> None:
    correlation, shares = np.array(pairs).T
    chance = group_probabilities(correlation, shares, pixels, Calibration())
    assert chance.sum() == pytest.approx(1)
    assert (chance >= 0).all()


def test_order_follows_correlation_where_the_network_is_undecided() -> None:
    correlation = np.array([0.3, 0.7, 0.5, 0.69])
    chance = group_probabilities(correlation, np.full(4, 0.25), 3000.0, Calibration())
    assert np.argsort(chance).tolist() == np.argsort(correlation).tolist()


def test_order_follows_the_network_where_correlations_tie() -> None:
    chance = group_probabilities(np.full(3, 0.6), np.array([0.1, 0.7, 0.0]), 3000.0, Calibration())
    assert np.argsort(chance).tolist() == [2, 0, 1]
    expected = (0.7 / 0.1) ** Calibration().network_weight
    assert chance[1] / chance[0] == pytest.approx(expected)


def test_log_likelihood_grows_with_correlation_and_pixels() -> None:
    values = log_likelihood(np.linspace(0, 0.99, 50), 100.0)
    assert (np.diff(values) > 0).all()
    assert values[0] == 0
    assert log_likelihood(np.array([0.6]), 200.0)[0] == pytest.approx(-100 * np.log(1 - 0.36))


def test_a_negative_or_perfect_correlation_stays_in_bounds() -> None:
    values = log_likelihood(np.array([-0.9, 1.0]), 100.0)
    assert values[0] == 0 and np.isfinite(values[1])


def test_calibration_survives_json() -> None:
    calibration = Calibration(0.1, 0.2, -3.5, 1.25, 4.0, 0.5, 2.0)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_evidence_by_hand() -> None:
    correlation = np.array([0.5, 0.8, 0.2])
    gain = log_likelihood(correlation, 100.0)
    found = evidence_of(np.array([0.1, 0.4, 0.9]), correlation)
    assert (found.similarity, found.correlation) == (0.9, 0.8)
    assert found.gain == found.margin == pytest.approx(gain[1] - gain[0])
    four = evidence_of(np.zeros(4), np.array([0.8, 0.5, 0.2, 0.1]))
    assert four.gain > four.margin


def test_a_single_candidate_gains_over_nothing() -> None:
    alone = evidence_of(np.array([0.5]), np.array([0.5]))
    assert alone.gain == 0
    assert alone.margin == pytest.approx(log_likelihood(np.array([0.5]), 100.0)[0])


def test_known_probability_is_the_logistic_of_the_evidence() -> None:
    calibration = Calibration(offset=-1.0, similarity=2.0, correlation=1.0, gain=0.5, margin=0.25)
    evidence = Evidence(0.5, 0.5, 1.0, 2.0)
    assert known_probability(evidence, calibration) == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert known_probability(evidence, Calibration()) == 0.5


@pytest.mark.parametrize("offset", [-1e6, 1e6])
def test_overwhelming_evidence_does_not_overflow(offset: float) -> None:
    found = known_probability(Evidence(0.5, 0.5, 400.0, 400.0), Calibration(offset=offset))
    assert found == (0.0 if offset < 0 else 1.0)
