import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.search.polar import PolarGrid, polar_coefficients

GRID = PolarGrid(rings=24)
BOX = 64


def drawn(angle_degrees: float = 0.0, shift_px: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Three unequal Gaussians about pixel box // 2, turned from +x towards +y, then shifted by (x, y)."""
    turn = np.deg2rad(angle_degrees)
    x = np.arange(BOX)[None, :] - BOX // 2
    y = np.arange(BOX)[:, None] - BOX // 2
    image = np.zeros((BOX, BOX))
    for px, py, height, sigma in ((9, 2, 1.0, 4), (-6, 7, 0.6, 3), (1, -10, 0.8, 5)):
        at_x = np.cos(turn) * px - np.sin(turn) * py + shift_px[0]
        at_y = np.sin(turn) * px + np.cos(turn) * py + shift_px[1]
        image += height * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * sigma**2))
    return torch.from_numpy(image[None].astype(np.float32))


def curve(a: Tensor, b: Tensor) -> Tensor:
    """Return the correlation of b with a turned by each step of the grid."""
    correlation: Tensor = torch.fft.irfft((a.conj() * b).sum(1), n=GRID.angles) * GRID.angles
    return correlation[0]


def test_inner_product_is_the_correlation() -> None:
    image = drawn()
    own = polar_coefficients(image, GRID)
    assert float(curve(own, own)[0]) == pytest.approx(1, abs=1e-5)
    assert float(curve(own, polar_coefficients(-image, GRID))[0]) == pytest.approx(-1, abs=1e-5)
    scaled = polar_coefficients(3 * image + 7, GRID)
    assert float(curve(own, scaled)[0]) == pytest.approx(1, abs=1e-5)


def test_inner_product_agrees_with_pearson_over_the_disc() -> None:
    a, b = drawn(), drawn(35.0, (2.0, -1.0))
    axis = np.arange(BOX) - BOX // 2
    inside = np.hypot(axis[:, None], axis[None, :]) <= GRID.rings
    expected = np.corrcoef(a[0].numpy()[inside], b[0].numpy()[inside])[0, 1]
    found = curve(polar_coefficients(a, GRID), polar_coefficients(b, GRID))[0]
    assert float(found) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("step", [1, 17, 32, 50])
def test_rotation_is_found_at_its_step_and_direction(step: int) -> None:
    turned = drawn(step * 360 / GRID.angles)
    found = curve(polar_coefficients(drawn(), GRID), polar_coefficients(turned, GRID))
    assert int(found.argmax()) == step
    assert float(found.max()) > 0.999


def test_shift_moves_the_middle_to_where_the_particle_stands() -> None:
    centred = polar_coefficients(drawn(), GRID)
    moved = drawn(shift_px=(3.5, -2.25))
    there = polar_coefficients(moved, GRID, torch.tensor([[3.5, -2.25]]))
    elsewhere = polar_coefficients(moved, GRID, torch.tensor([[-2.25, 3.5]]))
    assert float(curve(centred, there)[0]) > 0.995
    assert float(curve(centred, elsewhere)[0]) < 0.7


def test_each_image_has_its_own_shift_and_norm() -> None:
    images = torch.cat([drawn(), 100 * drawn(shift_px=(2.0, 0.0))])
    found = polar_coefficients(images, GRID, torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
    assert found.shape == (2, GRID.rings, GRID.angles // 2 + 1)
    torch.testing.assert_close(found[0], found[1], atol=2e-3, rtol=0)


def test_circles_that_leave_the_image_read_zero() -> None:
    wide = PolarGrid(rings=60)
    samples = torch.fft.irfft(polar_coefficients(drawn(), wide), n=wide.angles, norm="ortho")[0]
    beyond = samples[48:] / wide.area()[48:, None].sqrt()  # past the corners, 45 px away
    assert float(beyond.std()) < 1e-4
    assert float(samples.std()) > 1e-3


def test_an_empty_image_gives_zero_and_a_flat_one_no_nan() -> None:
    assert float(polar_coefficients(torch.zeros(1, BOX, BOX), GRID).abs().max()) == 0
    assert torch.isfinite(polar_coefficients(torch.ones(1, BOX, BOX), GRID).abs()).all()


def test_areas_sum_to_one() -> None:
    assert float(GRID.area().sum() * GRID.angles) == pytest.approx(1)
