import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.search.prepare import centre_of_particle_px, frame

NONE = torch.zeros(1, 2)


def gaussian(height: int, width: int, sigma_px: float, at: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Draw a blob at (x, y) from pixel size // 2, (1, height, width)."""
    x = np.arange(width)[None, :] - width // 2 - at[0]
    y = np.arange(height)[:, None] - height // 2 - at[1]
    return torch.from_numpy(np.exp(-(x**2 + y**2) / (2 * sigma_px**2)).astype(np.float32))[None]


def correlation(a: Tensor, b: Tensor) -> float:
    return float(np.corrcoef(a.numpy().ravel(), b.numpy().ravel())[0, 1])


def width_px(image: Tensor, aperture_px: Tensor) -> float:
    """Return the standard deviation of the blob that fits a framed image (box, box) best."""
    box = image.shape[-1]
    sigmas = np.geomspace(1.5, 20, 400)
    fits = [correlation(normalise(gaussian(box, box, float(s)), aperture_px)[0], image) for s in sigmas]
    assert max(fits) > 0.999
    return float(sigmas[int(np.argmax(fits))])


def middle_px(image: Tensor) -> tuple[float, float]:
    """Return where the brightest part of (box, box) stands from pixel box // 2, (x, y)."""
    weight = (image / image.max() - 0.5).clamp_min(0)
    axis = torch.arange(image.shape[-1]) - image.shape[-1] // 2
    return float((weight * axis).sum() / weight.sum()), float((weight * axis[:, None]).sum() / weight.sum())


def test_scale_one_changes_nothing_but_the_normalisation() -> None:
    image = torch.randn(2, 64, 64, generator=torch.Generator().manual_seed(0))
    framed = frame(image, 1.0, 64, torch.zeros(2, 2))
    assert framed.aperture_px.tolist() == [32.0, 32.0]
    torch.testing.assert_close(framed.images, normalise(image, framed.aperture_px), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("scale", "sigma"), [(0.37, 12.0), (2.1, 3.0), (1.0, 6.0)])
def test_a_blob_keeps_its_physical_width(scale: float, sigma: float) -> None:
    framed = frame(gaussian(128, 128, sigma), scale, 64, NONE)
    assert width_px(framed.images[0], framed.aperture_px) == pytest.approx(scale * sigma, rel=0.02)
    assert middle_px(framed.images[0]) == pytest.approx((0, 0), abs=0.05)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_centre_moves_the_particle_to_the_middle(scale: float) -> None:
    image = gaussian(100, 100, 3.0, at=(6.3, -4.1))
    framed = frame(image, scale, 64, torch.tensor([[6.3, -4.1]]))
    assert middle_px(framed.images[0]) == pytest.approx((0, 0), abs=0.1)
    as_it_stands = frame(image, scale, 64, NONE)
    assert middle_px(as_it_stands.images[0]) == pytest.approx((6.3 * scale, -4.1 * scale), abs=0.15)


def test_each_image_has_its_own_centre_and_aperture() -> None:
    images = torch.cat([gaussian(100, 100, 7.0), gaussian(100, 100, 7.0, at=(8.0, 0.0))])
    framed = frame(images, 0.5, 64, torch.tensor([[0.0, 0.0], [8.0, 0.0]]))
    assert framed.aperture_px.tolist() == [25.0, 21.0]
    assert correlation(*framed.images) > 0.98


def test_detail_beyond_the_new_sampling_is_taken_away() -> None:
    blob = gaussian(128, 128, 12.0)
    grating = 0.5 * torch.cos(
        2 * torch.pi * 0.35 * torch.arange(128)
    )  # 0.35 of a cycle a pixel: aliases at 0.37
    plain, mixed = (frame(image, 0.37, 64, NONE).images for image in (blob, blob + grating))
    assert correlation(plain, mixed) > 0.99


@pytest.mark.parametrize("size", [(61, 80), (80, 61), (63, 63), (64, 90), (91, 64)])
@pytest.mark.parametrize("scale", [0.6, 1.3])
def test_images_of_any_shape_keep_their_middle(size: tuple[int, int], scale: float) -> None:
    framed = frame(gaussian(*size, 6.0), scale, 64, NONE)
    assert framed.images.shape == (1, 64, 64)
    assert middle_px(framed.images[0]) == pytest.approx((0, 0), abs=0.05)
    assert float(framed.aperture_px[0]) == pytest.approx(min(32.0, min(size) / 2 * scale))


def test_nothing_is_invented_outside_the_picture() -> None:
    image = torch.randn(1, 40, 60, generator=torch.Generator().manual_seed(1))
    framed = frame(image, 1.0, 64, NONE)
    axis = torch.arange(64) - 32
    outside = torch.hypot(axis[:, None].float(), axis[None, :].float()) >= 20
    assert float(framed.images[0][outside].abs().max()) == 0
    assert float(framed.images[0][~outside].abs().max()) > 1


@pytest.mark.parametrize("at", [(0.0, 0.0), (7.0, -5.0), (-9.0, 3.0)])
@pytest.mark.parametrize("size", [(100, 100), (96, 131)])
def test_centre_of_an_off_centre_particle(at: tuple[float, float], size: tuple[int, int]) -> None:
    noise = torch.randn(1, *size, generator=torch.Generator().manual_seed(2))
    found = centre_of_particle_px(gaussian(*size, 14.0, at=at) + 0.3 * noise)
    assert found[0].tolist() == pytest.approx(at, abs=2.0)
    assert found.shape == (1, 2)


def test_noise_moves_nothing_far() -> None:
    noise = torch.randn(64, 100, 100, generator=torch.Generator().manual_seed(3))
    distance = torch.linalg.vector_norm(centre_of_particle_px(noise), dim=1)
    assert float(distance.max()) <= 15
    assert torch.isfinite(distance).all()


def test_a_particle_at_the_edge_is_not_believed() -> None:
    assert centre_of_particle_px(gaussian(100, 100, 5.0, at=(35.0, 0.0))).tolist() == [[0.0, 0.0]]


def test_flat_images_stay_where_they_are() -> None:
    assert centre_of_particle_px(torch.full((1, 40, 40), 3.0)).tolist() == [[0.0, 0.0]]
