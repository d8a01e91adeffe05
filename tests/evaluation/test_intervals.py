import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from emsearch.evaluation.intervals import wilson_interval


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_scipy(case: tuple[int, int]) -> None:
    right, total = case
    expected = binomtest(right, total).proportion_ci(method="wilson")
    low, high = wilson_interval(right, total)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert 0 <= low <= right / total <= high <= 1


def test_nothing_counted_is_nothing_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
