"""Preferred orientation."""

import numpy as np
import pytest

from emsearch.evidence.directions import spread_of_directions


def even(rng: np.random.Generator, n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    d = rng.standard_normal((n, 3))
    return np.asarray(d / np.linalg.norm(d, axis=1, keepdims=True))


def test_even_directions_are_called_uneven_as_often_as_the_p_value_says() -> None:
    rng = np.random.default_rng(1)
    p = [s.uniform_p for _ in range(600) if (s := spread_of_directions(even(rng, 60)))]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(p) == pytest.approx(0.5, abs=0.05)


def test_one_way_of_lying_shows() -> None:
    rng = np.random.default_rng(2)
    flat = even(rng, 60) * [0.3, 0.3, 1.0]
    spread = spread_of_directions(flat / np.linalg.norm(flat, axis=1, keepdims=True))
    assert spread is not None and spread.uniform_p < 1e-4


def test_opposite_directions_are_one() -> None:
    d = even(np.random.default_rng(3), 30)
    sign = np.where(np.arange(30) % 2, 1, -1)[:, None]
    assert spread_of_directions(d) == spread_of_directions(d * sign)


def test_coverage_is_what_is_expected_of_even_directions() -> None:
    rng = np.random.default_rng(4)
    found = [s for _ in range(40) if (s := spread_of_directions(even(rng, 25)))]
    assert np.mean([s.covered for s in found]) == pytest.approx(found[0].expected_covered, abs=0.03)


def test_few_images_say_nothing() -> None:
    assert spread_of_directions(even(np.random.default_rng(5), 9)) is None
