import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from emsearch.evaluation.intervals import bootstrap_interval, wilson_interval


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_scipy(case: tuple[int, int]) -> None:
    right, total = case
    expected = binomtest(right, total).proportion_ci(method="wilson")
    low, high = wilson_interval(right, total)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert 0 <= low <= right / total <= high <= 1


def test_nothing_counted_is_nothing_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_bootstrap_of_a_mean_agrees_with_its_standard_error() -> None:
    data = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(lambda rows: float(data[rows].mean()), np.arange(400))
    error = data.std() / 20
    assert (low, high) == pytest.approx(
        (data.mean() - 1.96 * error, data.mean() + 1.96 * error), abs=0.3 * error
    )


def test_data_that_are_alike_within_a_cluster_count_once() -> None:
    data = np.repeat(np.random.default_rng(0).normal(size=40), 10)
    mean = lambda rows: float(data[rows].mean())  # noqa: E731  # the statistic of both
    wide = np.subtract(*bootstrap_interval(mean, np.repeat(np.arange(40), 10))[::-1])
    narrow = np.subtract(*bootstrap_interval(mean, np.arange(400))[::-1])
    assert wide > 2 * narrow


def test_draws_without_a_value_are_left_out() -> None:
    assert np.isnan(bootstrap_interval(lambda rows: float("nan"), np.arange(3))).all()
    some = bootstrap_interval(lambda rows: float("nan") if 0 in rows else 1.0, np.arange(3))
    assert some == (1.0, 1.0)
