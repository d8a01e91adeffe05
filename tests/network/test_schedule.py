import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.network.schedule import box_at, learning_rate_at, lowest_snr_at
from emsearch.network.settings import TrainingSettings


@given(st.floats(0, 1), st.floats(0.01, 0.5))
def test_rate_rises_to_the_peak_and_falls_to_a_hundredth(progress: float, warmup: float) -> None:
    rate = learning_rate_at(progress, 2.0, warmup)
    assert 0 <= rate <= 2.0
    if progress >= warmup:
        assert rate >= 0.02 * (1 - 1e-9)
        assert rate >= learning_rate_at(min(1.0, progress + 0.01), 2.0, warmup)
    else:
        assert rate == pytest.approx(2.0 * progress / warmup)


def test_rate_is_half_way_down_in_the_middle_of_the_cosine() -> None:
    assert learning_rate_at(0.6, 1.0, 0.2) == pytest.approx(0.505)
    assert learning_rate_at(1.5, 1.0, 0.2) == pytest.approx(0.01)


def test_boxes_grow_at_the_ends_of_their_stages() -> None:
    stages = ((0.5, 32), (0.2, 48), (0.3, 64))
    boxes = [box_at(p, stages) for p in (0, 0.499, 0.5, 0.699, 0.7001, 1.0)]
    assert boxes == [32, 32, 48, 48, 64, 64]


@given(st.floats(0, 1), st.floats(0.1, 0.9))
def test_lowest_snr_falls_to_its_end(progress: float, share: float) -> None:
    now = lowest_snr_at(progress, 10.0, 0.1, share)
    assert 0.1 * (1 - 1e-9) <= now <= 10.0 * (1 + 1e-9)
    if progress >= share:
        assert now == pytest.approx(0.1)
    assert lowest_snr_at(progress, 10.0, 0.1, 0.0) == pytest.approx(0.1)


def test_default_stages_make_up_the_whole_run() -> None:
    assert sum(share for share, _ in TrainingSettings().stages) == pytest.approx(1)
