"""A known transfer function, undone."""

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.particles.ctf_correction import Correction, correct_ctf
from emsearch.particles.optics import Optics

PIXEL, BOX = 3.0, 64


def optics(angle: float, n: int = 1) -> Optics:
    def every(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.full(n, value, np.float64)

    return Optics(every(300), every(2.7), every(0.1), every(1.6), every(1.2), every(angle), every(np.nan))


def seen(clean: Tensor, angle: float) -> Tensor:
    """Apply an astigmatic transfer function, written out independently of the correction."""
    wavelength, cs = 0.019687, 2.7e7
    k = np.fft.fftfreq(BOX, PIXEL)
    kx, ky = np.meshgrid(k, k)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = kx * c + ky * s, ky * c - kx * s
    k2 = kx**2 + ky**2
    chi = np.pi * wavelength * (16000 * along**2 + 12000 * across**2) - np.pi / 2 * cs * wavelength**3 * k2**2
    spectrum = np.fft.fft2(clean.numpy()) * np.sin(chi + np.arcsin(0.1))
    return torch.from_numpy(np.fft.ifft2(spectrum).real).float()


@pytest.fixture(scope="module")
def clean() -> Tensor:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:BOX, :BOX]
    blobs = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / 2.5) for a, b in rng.uniform(20, 44, (12, 2))]
    image = np.sum(blobs, axis=0)
    return torch.from_numpy(image - image.mean()).float()


def alike(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@pytest.mark.parametrize("method", ["phase-flip", "wiener"])
@pytest.mark.parametrize("angle", [0.0, 40.0, 130.0])
def test_the_picture_comes_nearer_to_the_clean_one(clean: Tensor, method: Correction, angle: float) -> None:
    image = seen(clean, angle)
    corrected = correct_ctf(image[None], PIXEL, optics(angle), method)[0]
    turned = correct_ctf(image[None], PIXEL, optics(angle + 90), method)[0]
    assert alike(corrected, clean) > max(alike(image, clean), alike(turned, clean)) + 0.02
    assert alike(correct_ctf(-image[None], PIXEL, optics(angle), method)[0], -corrected) == pytest.approx(1)


def test_a_wiener_filter_restores_what_noise_does_not_hide(clean: Tensor) -> None:
    assert alike(correct_ctf(seen(clean, 20.0)[None], PIXEL, optics(20.0), "wiener")[0], clean) > 0.85


def test_images_of_unknown_optics_stay_as_they_are(clean: Tensor) -> None:
    images = torch.stack([clean, clean])
    half = optics(0.0, 2)
    half.voltage_kv[1] = np.nan
    corrected = correct_ctf(images, PIXEL, half)
    assert torch.equal(corrected[1], clean) and not torch.equal(corrected[0], clean)
    assert correct_ctf(images, PIXEL, half, "none") is images
