import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.search.matching import Match, Pose
from emsearch.search.ranking import (
    Calibration,
    Evidence,
    evidence_of,
    group_probabilities,
    group_scores,
    known_probability,
)

POSE = Pose(np.array([1.0, 0.0, 0.0, 0.0]), (0.0, 0.0), 1.0, 1.0, 20.0, 0.0, 0.1)


def fitted(log_posterior: float, correlation: float = 0.6, explained: float = 0.8) -> Match:
    return Match(POSE, 10.0, correlation, True, log_posterior, 0.1, explained, 0.5)


def searched(evidence: float) -> Match:
    return Match(POSE, evidence, 0.4, False, -np.inf, 0.0, 0.0, 0.0)


some_match = st.one_of(st.floats(-1e5, 1e4).map(fitted), st.floats(-50, 2000).map(searched))


@given(st.lists(st.tuples(some_match, st.floats(0, 1)), min_size=1, max_size=30))
def test_probabilities_sum_to_one(pairs: list[tuple[Match, float]]) -> None:
    matches, share = zip(*pairs, strict=True)
    chance = group_probabilities(group_scores(matches, np.array(share), Calibration()))
    assert chance.sum() == pytest.approx(1)
    assert (chance >= 0).all()


def test_order_follows_the_fit_where_the_network_is_undecided() -> None:
    posterior = [-9300.0, -9200.0, -9250.0, -9201.0]
    score = group_scores([fitted(p) for p in posterior], np.full(4, 0.25), Calibration())
    assert np.argsort(score).tolist() == np.argsort(posterior).tolist()
    assert score[1] - score[3] == pytest.approx(Calibration().fit_weight)


def test_order_follows_the_network_where_fits_tie() -> None:
    chance = group_probabilities(group_scores([fitted(-9000)] * 3, np.array([0.1, 0.7, 0.0]), Calibration()))
    assert np.argsort(chance).tolist() == [2, 0, 1]
    expected = (0.7 / 0.1) ** Calibration().network_weight
    assert chance[1] / chance[0] == pytest.approx(expected)


def test_what_was_not_fitted_follows_in_the_order_of_its_evidence() -> None:
    matches = [searched(90), fitted(-9000), searched(100), fitted(-9500)]
    score = group_scores(matches, np.array([0.3, 0.1, 0.3, 0.1]), Calibration())
    assert score[1] > score[3] >= score[2] > score[0]
    assert score[2] - score[0] == pytest.approx(10 * Calibration().coarse_weight)


def test_where_nothing_was_fitted_evidence_and_network_decide() -> None:
    calibration = Calibration(coarse_weight=0.1, network_weight=1.0)
    score = group_scores([searched(50), searched(60), searched(50)], np.array([0.5, 0.1, 0.25]), calibration)
    assert score - score[0] == pytest.approx([0, 1 - np.log(5), -np.log(2)])


def test_calibration_survives_json() -> None:
    calibration = Calibration(0.1, 0.2, 0.3, -3.5, 1.25, 4.0, 0.5, 2.0)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_a_calibration_of_other_fields_keeps_what_it_does_not_name() -> None:
    assert Calibration.from_json({"match_weight": 0.02, "offset": 1}) == Calibration(offset=1.0)


def test_evidence_by_hand() -> None:
    matches = [fitted(-9020, 0.5), fitted(-9000, 0.8, 0.9), fitted(-9040, 0.2)]
    found = evidence_of(np.array([0.1, 0.4, 0.9]), matches, np.array([-6.0, -1.0, -9.0]))
    assert (found.similarity, found.explained) == (0.9, 0.9)
    assert found.gain == pytest.approx(np.log1p(-50 * np.log(0.36)))
    assert found.margin == pytest.approx(np.log(1 + 5))


def test_a_single_candidate_has_no_margin() -> None:
    alone = evidence_of(np.array([0.5]), [fitted(-9000, 0.7, 0.6)], np.array([-3.0]))
    assert (alone.similarity, alone.explained, alone.margin) == (0.5, 0.6, 0.0)
    assert alone.gain > 0


def test_without_matches_only_the_network_speaks() -> None:
    assert evidence_of(np.array([0.2, 0.6]), [], np.zeros(0)) == Evidence(0.6, *[0.0] * 6)


def test_evidence_stays_in_bounds() -> None:
    dark, perfect = (
        evidence_of(np.zeros(1), [fitted(0.0, c, e)], np.zeros(1)) for c, e in ((-0.9, -1e6), (1.0, 40.0))
    )
    assert (dark.gain, dark.explained) == (0.0, -0.5)
    assert np.isfinite(perfect.gain) and perfect.explained == pytest.approx(1.5)


def test_gain_grows_with_correlation() -> None:
    gain = [
        evidence_of(np.zeros(1), [fitted(0.0, float(c))], np.zeros(1)).gain for c in np.linspace(0, 0.99, 50)
    ]
    assert gain[0] == 0 and (np.diff(gain) > 0).all()


def test_known_probability_is_the_logistic_of_the_evidence() -> None:
    calibration = Calibration(
        offset=-1.0, similarity=2.0, explained=1.0, misfit=-1.0, strain=-0.5, gain=0.5, margin=0.25
    )
    evidence = Evidence(0.5, 0.5, 1.0, 9.0, 1.0, 1.0, 2.0)
    assert known_probability(evidence, calibration) == pytest.approx(1 / (1 + np.exp(0.0)))
    assert known_probability(evidence, Calibration()) == 0.5


@pytest.mark.parametrize("offset", [-1e6, 1e6])
def test_overwhelming_evidence_does_not_overflow(offset: float) -> None:
    found = known_probability(Evidence(0.5, 0.5, 0.1, 0.5, 0.1, 400.0, 400.0), Calibration(offset=offset))
    assert found == (0.0 if offset < 0 else 1.0)
