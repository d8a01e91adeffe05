"""Optics and noise: what a micrograph is made of, measured."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.finish import finish
from emsearch.imaging.normalise import disc
from emsearch.imaging.optics import contrast_transfer, electron_wavelength_angstrom
from emsearch.imaging.parameters import ImageParameters, clean_parameters
from emsearch.imaging.simulate import Simulator

PIXEL, BOX = 4.0, 48
CRYO: dict[str, Any] = {
    "voltage_kv": 300.0,
    "defocus_um": 1.5,
    "amplitude_contrast": 0.1,
    "b_factor_angstrom2": 100.0,
}


def parameters(n: int, **values: Any) -> ImageParameters:
    return clean_parameters(np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))).with_values(**values)


def micrographs(projections: Tensor, radius_angstrom: float, p: ImageParameters, seed: int = 0) -> Tensor:
    n = len(projections)
    white = torch.randn(projections.shape, generator=torch.Generator().manual_seed(seed))
    return finish(projections, p, torch.full((n,), PIXEL), torch.full((n,), radius_angstrom), white)


def noise_power(p: ImageParameters) -> Any:
    """Return the mean power spectrum of pure noise (box, box // 2 + 1), 1 for white noise of unit variance."""
    noise = micrographs(torch.zeros(len(p), BOX, BOX), 60.0, p)
    return torch.fft.rfft2(noise).abs().square().mean(0) / BOX**2


def frequency_per_angstrom() -> Tensor:
    return torch.hypot(torch.fft.fftfreq(BOX)[:, None], torch.fft.rfftfreq(BOX)[None, :]) / PIXEL


def radial(power: Tensor) -> Tensor:
    ring = (frequency_per_angstrom() * PIXEL * BOX).round().long().flatten()
    rings = BOX // 2
    inside = ring < rings
    count = torch.bincount(ring[inside], minlength=rings)
    return torch.bincount(ring[inside], weights=power.flatten()[inside], minlength=rings) / count


@pytest.fixture(scope="module")
def projection(cloud: BeadCloud) -> Tensor:
    return Simulator(cloud).projections(np.zeros(1, int), parameters(1), np.full(1, PIXEL), BOX)


@pytest.mark.parametrize("snr", [10.0, 0.5, 0.05])
@pytest.mark.parametrize(
    "values", [{}, {"grain": 0.6, "carbon": 0.2}, {**CRYO, "carbon": 0.4}], ids=["white", "stain", "cryo"]
)
def test_snr_is_the_ratio_of_variances_inside_the_disc(
    projection: Tensor, cloud: BeadCloud, snr: float, values: dict[str, Any]
) -> None:
    n, radius = 300, float(cloud.radius_angstrom[0])
    many = projection.expand(n, -1, -1)
    clean = micrographs(many, radius, parameters(n, **values))
    noise = micrographs(many, radius, parameters(n, **values, snr=snr)) - clean
    inside = disc(BOX, torch.tensor([radius / PIXEL]))[0] > 0
    signal = clean[0][inside]
    assert float(signal.var(correction=0)) == pytest.approx(1, rel=1e-4)
    assert float(signal.var() / noise[:, inside].square().mean()) == pytest.approx(snr, rel=0.05)


def test_a_clean_micrograph_is_the_projection_scaled(projection: Tensor, cloud: BeadCloud) -> None:
    clean = micrographs(projection, float(cloud.radius_angstrom[0]), parameters(1))
    torch.testing.assert_close(clean / clean.max(), projection / projection.max())


def test_shot_noise_is_white() -> None:
    power = radial(noise_power(parameters(300, snr=1.0, **CRYO)))
    torch.testing.assert_close(power[2:], torch.ones(len(power) - 2), atol=0.1, rtol=0)


def test_grain_has_the_spectrum_of_its_width() -> None:
    power = radial(noise_power(parameters(300, snr=1.0, grain=1.0, grain_angstrom=16.0)))
    k = torch.arange(len(power)) / (BOX * PIXEL)
    sigma = 16.0 / 2.3548
    expected = torch.exp(-4 * torch.pi**2 * sigma**2 * k**2)
    seen = slice(2, 16)  # beyond, less than a thousandth is left
    ratio = power[seen] / expected[seen]
    torch.testing.assert_close(ratio / ratio.mean(), torch.ones(14), atol=0.12, rtol=0)


def test_carbon_goes_through_the_ctf_and_variance_stays_one() -> None:
    power = noise_power(parameters(400, snr=1.0, carbon=1.0, **CRYO))
    k = frequency_per_angstrom()

    def one(value: float) -> Tensor:
        return torch.full((1, 1, 1), value)

    wavelength = electron_wavelength_angstrom(300.0)
    ctf = contrast_transfer(k[None].square(), one(1.5), one(wavelength), one(2.7), one(0.1), one(100.0))[0]
    strong = ctf.square() > 0.05 * ctf.square().max()
    ratio = power[strong] / ctf.square()[strong]
    assert float(ratio.std() / ratio.mean()) < 0.1
    assert float(power[~strong].mean() / power[strong].mean()) < 0.1
    noise = micrographs(torch.zeros(400, BOX, BOX), 60.0, parameters(400, snr=1.0, carbon=1.0, **CRYO))
    assert float(noise.var()) == pytest.approx(1, rel=0.03)


def test_ctf_is_applied_to_the_signal(projection: Tensor) -> None:
    image = micrographs(projection, 60.0, parameters(1, **CRYO))[0]
    flipped = micrographs(projection, 60.0, parameters(1, **CRYO, phase_flipped=True))[0]
    before, after, modulus = (torch.fft.rfft2(i) for i in (projection[0], image, flipped))
    k = frequency_per_angstrom()
    strong = before.abs() > 1e-3 * before.abs().max()
    transfer = (after / before).real / (after / before).real[0, 0] * 0.1
    chi = np.pi * 0.019687 * 1.5e4 * k**2 - np.pi / 2 * 2.7e7 * 0.019687**3 * k**4
    expected = torch.sin(chi + np.arcsin(0.1)) * torch.exp(-100 / 4 * k**2)
    torch.testing.assert_close(transfer[strong], expected[strong], atol=0.02, rtol=0)
    scale = modulus[0, 0].real / after[0, 0].real
    torch.testing.assert_close(modulus, (after.abs() * scale) * before / before.abs(), atol=0.1, rtol=1e-2)


def test_gradient_is_a_plane_in_standard_deviations_of_the_noise(projection: Tensor) -> None:
    without = micrographs(projection, 60.0, parameters(1, snr=0.25))[0]
    plane = micrographs(projection, 60.0, parameters(1, snr=0.25, gradient=(1.5, -0.5)))[0] - without
    across = BOX / (BOX - 1)
    assert float(plane[20, -1] - plane[20, 0]) * across == pytest.approx(1.5 * 2, rel=1e-4)
    assert float(plane[-1, 20] - plane[0, 20]) * across == pytest.approx(-0.5 * 2, rel=1e-4)
    assert float(plane[BOX // 2, BOX // 2]) == pytest.approx(0, abs=1e-5)


def test_rim_darkens_the_surroundings_of_the_particle_on_its_side(
    projection: Tensor, cloud: BeadCloud
) -> None:
    radius = float(cloud.radius_angstrom[0])
    values = {"rim": 0.3, "rim_width_angstrom": 50.0}
    clean = micrographs(projection, radius, parameters(1))
    even = micrographs(projection, radius, parameters(1, **values))
    right = micrographs(projection, radius, parameters(1, **values, rim_side=1.0, rim_angle_degrees=0.0))
    below = micrographs(projection, radius, parameters(1, **values, rim_side=1.0, rim_angle_degrees=90.0))
    outside = projection < 1e-3 * projection.max()
    assert float(even[outside].min()) < -0.05 * float(clean.max()) < float(clean[outside].min())

    def lopsided(picture: Tensor) -> tuple[float, float]:
        dark = ((picture - even) * outside)[0]
        return float(dark[:, BOX // 2 + 1 :].sum()), float(dark[BOX // 2 + 1 :].sum())

    assert lopsided(right)[0] < -1
    assert lopsided(below)[1] < -1


def test_a_batch_of_unlike_images_equals_its_images_one_by_one(projection: Tensor) -> None:
    each = [
        {},
        {"rim": 0.2},
        {**CRYO, "snr": 1.0},
        {"snr": 0.5, "grain": 0.5, "carbon": 0.3},
        {**CRYO, "snr": 2.0, "grain": 0.2, "carbon": 0.3, "rim": 0.3, "phase_flipped": True},
        {"snr": 3.0, "carbon": 0.7, "gradient": (0.5, 0.2)},
    ]
    together = parameters(len(each))
    for k, values in enumerate(each):
        for name, value in values.items():
            getattr(together, name)[k] = value
    white = torch.randn(len(each), BOX, BOX, generator=torch.Generator().manual_seed(4))
    projections = projection.expand(len(each), -1, -1)
    pixel, radius = torch.full((len(each),), PIXEL), torch.full((len(each),), 60.0)
    all_at_once = finish(projections, together, pixel, radius, white)
    for k in range(len(each)):
        one = slice(k, k + 1)
        alone = finish(projections[one], together[one], pixel[one], radius[one], white[one])
        torch.testing.assert_close(all_at_once[one], alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(projections, projection.expand(len(each), -1, -1), atol=0, rtol=0)
