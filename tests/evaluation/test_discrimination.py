import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.evaluation.discrimination import (
    area_under_roc,
    calibration_error,
    false_accept_rate,
    miss_rate,
    reliability,
)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]), st.booleans()), min_size=2, max_size=30)
)
def test_area_is_the_share_of_pairs_in_the_right_order(cases: list[tuple[float, bool]]) -> None:
    yes = [p for p, known in cases if known]
    no = [p for p, known in cases if not known]
    probability, known = np.array([p for p, _ in cases]), np.array([k for _, k in cases])
    if not yes or not no:
        assert np.isnan(area_under_roc(probability, known))
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in yes for b in no]
    assert area_under_roc(probability, known) == pytest.approx(np.mean(pairs))


def test_perfect_and_reversed_order() -> None:
    known = np.array([True, True, False])
    assert area_under_roc(np.array([0.9, 0.8, 0.1]), known) == 1
    assert area_under_roc(np.array([0.1, 0.2, 0.9]), known) == 0


def test_probabilities_that_hold_have_no_calibration_error() -> None:
    probability = np.repeat([0.25, 0.75], 4)
    known = np.array([1, 0, 0, 0, 1, 1, 1, 0], np.bool_)
    assert calibration_error(probability, known) == pytest.approx(0)
    assert calibration_error(probability, ~known) == pytest.approx(0.5)


def test_the_table_has_a_bin_for_every_probability() -> None:
    bins = reliability(np.array([0.0, 0.05, 0.95, 1.0]), np.array([False, True, True, True]))
    assert [b.count for b in bins] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (bins[0].claimed, bins[0].held) == pytest.approx((0.025, 0.5))
    assert np.isnan(bins[1].held)
    assert (bins[9].low, bins[9].high) == (0.9, 1.0)


def test_accepting_and_missing_at_one_half() -> None:
    probability, known = np.array([0.9, 0.4, 0.5, 0.2]), np.array([True, True, False, False])
    assert false_accept_rate(probability, known) == 0.5
    assert miss_rate(probability, known) == 0.5
    assert np.isnan(false_accept_rate(probability[:2], known[:2]))
    assert np.isnan(miss_rate(probability[2:], known[2:]))
