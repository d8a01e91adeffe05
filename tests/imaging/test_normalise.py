import math

import pytest
import torch
from torch import Tensor

from emsearch.imaging.normalise import disc, normalise, soft_disc


@pytest.fixture
def images() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, 33, 33, generator=generator) * 7 + 30


APERTURE = torch.tensor([16.0, 12.5, 16.0, 7.0, 10.0])


def ramp(box: int) -> tuple[Tensor, Tensor]:
    axis = torch.arange(box) - box // 2
    return axis[None, :].float(), axis[:, None].float()


def test_mean_plane_and_variance_inside_the_aperture(images: Tensor) -> None:
    x, y = ramp(33)
    weight = soft_disc(33, APERTURE)
    flat = torch.where(weight > 0, normalise(images + 3 * x - 2 * y, APERTURE) / weight, 0)
    total = weight.sum((1, 2))
    for pattern in (torch.ones(33, 33), x.expand(33, 33), y.expand(33, 33)):
        moment = (flat * weight * pattern).sum((1, 2)) / total
        torch.testing.assert_close(moment, torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close((flat.square() * weight).sum((1, 2)) / total, torch.ones(5))


@pytest.mark.parametrize("box", [32, 33])
def test_scale_offset_and_plane_do_not_matter(box: int) -> None:
    pictures = torch.randn(3, box, box, generator=torch.Generator().manual_seed(2))
    x, y = ramp(box)
    aperture = torch.tensor([box / 2, 10.0, 13.3])
    changed = 40 * pictures + 1000 + 5 * x - 3 * y
    torch.testing.assert_close(normalise(changed, aperture), normalise(pictures, aperture), atol=2e-3, rtol=0)


def test_zero_beyond_the_aperture(images: Tensor) -> None:
    result = normalise(images, APERTURE)
    x, y = ramp(33)
    assert not result[:, torch.hypot(x, y) >= 16].any()
    assert not result[3, torch.hypot(x, y) >= 7].any()
    assert (result[3, torch.hypot(x, y) < 5] != 0).all()


def test_normalising_twice_changes_only_the_soft_edge(images: Tensor) -> None:
    once = normalise(images, APERTURE)[0]
    twice = normalise(once[None], APERTURE[:1])[0]
    x, y = ramp(33)
    inside = torch.hypot(x, y) < 14
    scale = (twice[inside] * once[inside]).sum() / once[inside].square().sum()
    assert float(scale) == pytest.approx(1, abs=0.08)  # the softened edge holds less variance
    torch.testing.assert_close(twice[inside] / scale, once[inside], atol=0.05, rtol=0)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_commutes_with_normalising(images: Tensor, turns: int) -> None:
    turned = normalise(images.rot90(turns, (1, 2)), APERTURE)
    torch.testing.assert_close(turned, normalise(images, APERTURE).rot90(turns, (1, 2)), atol=1e-4, rtol=0)


def test_mirroring_commutes_with_normalising(images: Tensor) -> None:
    torch.testing.assert_close(
        normalise(images.flip(2), APERTURE), normalise(images, APERTURE).flip(2), atol=1e-4, rtol=0
    )


def test_an_image_without_contrast_comes_back_as_zeros() -> None:
    assert not normalise(torch.zeros(2, 16, 16), torch.full((2,), 8.0)).any()
    assert not normalise(torch.ones(1, 16, 16), torch.full((1,), 8.0)).any()


def test_disc_counts_the_pixels_within_its_radius() -> None:
    masks = disc(65, torch.tensor([0.0, 1.0, math.sqrt(2), 30.0]))
    assert masks.dtype == torch.float32
    assert masks.sum((1, 2))[:3].tolist() == [1, 5, 9]
    assert float(masks[3].sum()) == pytest.approx(math.pi * 900, rel=0.01)
    assert masks[:, 32, 32].tolist() == [1, 1, 1, 1]


def test_the_input_is_left_alone(images: Tensor) -> None:
    before = images.clone()
    normalise(images, APERTURE)
    assert torch.equal(images, before)
