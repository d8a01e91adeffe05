import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from emsearch.search.correlation import Curves, correlate, log_mean_likelihood, packed
from emsearch.search.harmonics import CircularHarmonics, norm, packed_views

HARMONICS = CircularHarmonics(32, 12.0)


def unit(count: int, seed: int) -> torch.Tensor:
    noise = torch.randn(count, 32, 32, generator=torch.Generator().manual_seed(seed))
    found = HARMONICS(noise)
    return found / norm(found)[None, :, None]


@pytest.fixture(scope="module")
def curves() -> Curves:
    views = unit(20, 0)
    views[:, 7] = unit(3, 1)[:, 2]  # one view is one of the copies
    return correlate(views, torch.ones(20), packed(unit(3, 1)))


def test_the_best_of_each_view_stands_where_it_is_said_to(curves: Curves) -> None:
    values = curves.values
    np.testing.assert_allclose(values.max((0, 2)), curves.best, atol=1e-6)
    np.testing.assert_allclose(values[curves.turn, np.arange(20), curves.copy], curves.best, atol=1e-6)
    assert curves.best[7] == pytest.approx(1, abs=1e-5)
    assert (curves.turn[7], curves.copy[7]) == (0, 2)


def test_bytes_change_correlations_little(curves: Curves) -> None:
    views = unit(20, 0)
    stored, step = packed_views(views)
    assert stored.dtype == torch.int8
    exact = correlate(views, torch.ones(20), packed(unit(3, 1)))
    coarse = correlate(stored, step, packed(unit(3, 1)))
    np.testing.assert_allclose(coarse.values, exact.values, atol=5e-3)


@pytest.mark.parametrize("pixels", [20.0, 400.0])
def test_likelihoods_are_summed_over_all_poses(curves: Curves, pixels: float) -> None:
    weight = np.array([0.5, 0.3, 0.2], np.float32)
    correlation = np.clip(curves.values.astype(np.float64), 0, 0.995)
    log_likelihood = -pixels / 2 * np.log1p(-np.square(correlation)) + np.log(weight)
    expected = logsumexp(log_likelihood) - np.log(correlation.shape[0] * correlation.shape[1])
    assert log_mean_likelihood(curves, weight, pixels) == pytest.approx(expected, abs=0.02)


def test_scale_multiplies_every_view() -> None:
    views, copies = unit(4, 2), packed(unit(2, 3))
    scale = torch.tensor([1.0, 0.5, 2.0, 0.1])
    plain, scaled = (correlate(views, s, copies) for s in (torch.ones(4), scale))
    np.testing.assert_allclose(scaled.best, plain.best * scale.numpy(), rtol=1e-5)
    np.testing.assert_allclose(
        scaled.values, plain.values * scale.numpy()[None, :, None], rtol=1e-5, atol=1e-7
    )
