import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.search.noise import noise_weight

BOX = 64
RING = 23.0, 31.0
AXIS = torch.arange(BOX, dtype=torch.float32) - BOX // 2


def white(seed: int) -> Tensor:
    return torch.randn(BOX, BOX, generator=torch.Generator().manual_seed(seed))


def frequency() -> Tensor:
    return torch.hypot(torch.fft.fftfreq(BOX)[:, None], torch.fft.rfftfreq(BOX)[None, :])


def smoothed(image: Tensor, sigma_px: float = 1.5) -> Tensor:
    transfer = torch.exp(-2 * (np.pi * sigma_px * frequency()) ** 2)
    smooth: Tensor = torch.fft.irfft2(torch.fft.rfft2(image) * transfer, s=image.shape)
    return smooth


def low_and_high(weight: Tensor) -> tuple[float, float]:
    k = frequency()
    return float(weight[k < 0.06].mean()), float(weight[k > 0.3].mean())


def test_white_noise_weighs_all_frequencies_alike() -> None:
    weight = torch.stack([noise_weight(white(seed), *RING) for seed in range(20)]).mean(0)
    low, high = low_and_high(weight)
    assert low == pytest.approx(1, abs=0.25) and high == pytest.approx(1, abs=0.1)


def test_frequencies_where_smooth_noise_is_weak_weigh_more() -> None:
    for seed in range(5):
        low, high = low_and_high(noise_weight(smoothed(white(seed)), *RING))
        assert high > 5 * low


@pytest.mark.parametrize("image", [white(0), smoothed(white(1)), 1e4 * white(2) + 3e4])
def test_weights_are_positive_and_their_mean_is_one(image: Tensor) -> None:
    weight = noise_weight(image, *RING)
    assert weight.shape == (BOX, BOX // 2 + 1)
    assert float(weight.min()) > 0
    assert float(weight.mean()) == pytest.approx(1, abs=1e-5)


def test_no_frequency_is_taken_for_free_of_noise() -> None:
    weight = noise_weight(smoothed(white(3), 4.0), *RING)
    highest = float(weight.max())
    assert (weight == highest).float().mean() > 0.5
    assert highest < 2


def test_only_the_ring_is_read() -> None:
    inner, outer = RING
    away = torch.hypot(AXIS[:, None], AXIS[None, :])
    elsewhere = (away < inner) | (away > outer)
    expected = noise_weight(white(4), *RING)
    torch.testing.assert_close(noise_weight(white(4) + 50.0 * elsewhere, *RING), expected)


def test_level_and_strength_do_not_matter() -> None:
    expected = noise_weight(white(5), *RING)
    torch.testing.assert_close(noise_weight(20 * white(5) + 4, *RING), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_an_image_without_noise_weighs_all_frequencies_alike(level: float) -> None:
    torch.testing.assert_close(
        noise_weight(torch.full((BOX, BOX), level), *RING), torch.ones(BOX, BOX // 2 + 1)
    )


def test_a_ring_without_pixels_weighs_all_frequencies_alike() -> None:
    torch.testing.assert_close(noise_weight(white(6), 2.1, 2.2), torch.ones(BOX, BOX // 2 + 1))
