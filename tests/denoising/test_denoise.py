"""Guesses come back in the box and sampling that the images came in."""

import pytest
import torch

from emsearch.denoising.denoise import denoise, unframe
from emsearch.denoising.weights import Denoiser
from emsearch.search.prepare import frame


@pytest.mark.parametrize(("shape", "scale"), [((64, 64), 1.0), ((101, 90), 0.6), ((40, 40), 1.6)])
def test_what_is_framed_and_taken_back_lies_where_it_was(shape: tuple[int, int], scale: float) -> None:
    height, width = shape
    y, x = torch.meshgrid(torch.arange(height) - height // 2, torch.arange(width) - width // 2, indexing="ij")
    side = min(shape)
    blob = torch.exp(-((x - 0.1 * side) ** 2 + (y + 0.05 * side) ** 2) / (2 * (side / 12) ** 2))[None]
    framed = frame(blob, scale, 64, torch.zeros(1, 2))
    back = unframe(framed.images, scale, shape)
    assert back.shape == (1, height, width)
    near = torch.hypot(x.float(), y.float()) < 0.4 * side
    a, b = back[0][near], blob[0][near]
    # Not 1: the plane that is taken away tilts what stands off the middle.
    assert float(torch.corrcoef(torch.stack([a, b]))[0, 1]) > 0.98
    found, true = (torch.tensor([int(p.argmax()) // width, int(p.argmax()) % width]) for p in (back, blob))
    assert int((found - true).abs().max()) <= 1


@pytest.mark.parametrize("pixel", [1.5, 4.5, 9.0, None])
def test_guesses_have_the_shape_of_the_images(denoiser: Denoiser, pixel: float | None) -> None:
    images = torch.randn(2, 70, 81)
    guess = denoise(denoiser, images, pixel)
    assert guess.pictures.shape == images.shape
    assert guess.strength.shape == (2,)
    assert torch.isfinite(guess.pictures).all()
    brighter = denoise(denoiser, 3 * images + 5, pixel)
    torch.testing.assert_close(brighter.pictures, guess.pictures, atol=1e-3, rtol=1e-3)
