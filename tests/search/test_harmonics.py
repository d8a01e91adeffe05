import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.search.correlation import correlate as correlate_packed
from emsearch.search.correlation import packed
from emsearch.search.harmonics import CircularHarmonics, norm

BOX, RINGS, ANGLES = 64, 24, 48
HARMONICS = CircularHarmonics(BOX, RINGS)
AXIS = torch.arange(BOX, dtype=torch.float32) - BOX // 2


def drawn(angle_degrees: float = 0.0, shift_px: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Three unequal Gaussians about pixel box // 2, turned from +x towards +y, then shifted by (x, y)."""
    turn = np.deg2rad(angle_degrees)
    x, y = AXIS[None, :], AXIS[:, None]
    image = torch.zeros(BOX, BOX)
    for px, py, height, sigma in ((9, 2, 1.0, 4), (-6, 7, 0.6, 3), (1, -10, 0.8, 5)):
        at_x = np.cos(turn) * px - np.sin(turn) * py + shift_px[0]
        at_y = np.sin(turn) * px + np.cos(turn) * py + shift_px[1]
        image += height * torch.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * sigma**2))
    return image[None]


def correlate(views: Tensor, queries: Tensor) -> Tensor:
    """Return inner products (v, s, ANGLES)."""
    curves = correlate_packed(views, torch.ones(views.shape[1]), packed(queries))
    return torch.from_numpy(curves.values).permute(1, 2, 0)


def unit(images: Tensor) -> Tensor:
    found = HARMONICS(images)
    return found / norm(found)[None, :, None]


def flattened(image: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the pixels within the disc, the best plane taken away."""
    inside = torch.hypot(AXIS[:, None], AXIS[None, :]) <= RINGS
    rows, columns = inside.nonzero().double().numpy().T
    plane = np.stack([np.ones_like(rows), rows, columns], axis=1)
    values = image[0][inside].double().numpy()
    return np.asarray(values - plane @ np.linalg.lstsq(plane, values)[0])


@pytest.mark.parametrize("step", [1, 13, 24, 37])
def test_rotation_is_found_at_its_step_and_direction(step: int) -> None:
    curve = correlate(unit(drawn()), unit(drawn(step * 360 / ANGLES)))[0, 0]
    assert curve.shape == (ANGLES,)
    assert int(curve.argmax()) == step
    assert float(curve.max()) > 0.999


def test_inner_product_agrees_with_pearson_over_the_disc_without_its_plane() -> None:
    a, b = drawn(), drawn(35.0, (2.0, -1.0))
    expected = np.corrcoef(flattened(a), flattened(b))[0, 1]
    assert float(correlate(unit(a), unit(b))[0, 0, 0]) == pytest.approx(expected, abs=0.01)


def test_norm_is_the_spread_over_the_disc() -> None:
    images = torch.cat([drawn(), 3 * drawn(20.0)])
    expected = [flattened(images[:1]).std(), flattened(images[1:]).std()]
    assert norm(HARMONICS(images)).tolist() == pytest.approx(expected, rel=0.01)


def test_every_order_counts_as_often_in_the_norm_as_in_the_correlation() -> None:
    """White noise holds the highest order too, which stands for one frequency and not two."""
    found = HARMONICS(torch.randn(4, BOX, BOX, generator=torch.Generator().manual_seed(0)))
    own = correlate(found, found)[:, :, 0].diagonal()
    torch.testing.assert_close(own, norm(found).square(), rtol=1e-4, atol=0)


def test_level_and_plane_are_invisible() -> None:
    tilted = 3 * drawn() + 7 + 0.4 * AXIS[None, :] - 0.2 * AXIS[:, None]
    torch.testing.assert_close(HARMONICS(tilted), 3 * HARMONICS(drawn()), rtol=0, atol=2e-4)
    assert float(norm(HARMONICS(tilted - 3 * drawn()))) < 1e-4


def test_contrast_turned_round_gives_the_opposite_sign() -> None:
    assert float(correlate(unit(drawn()), unit(-drawn()))[0, 0, 0]) == pytest.approx(-1, abs=1e-5)


def test_what_lies_beyond_the_radius_does_not_count() -> None:
    beyond = (torch.hypot(AXIS[:, None], AXIS[None, :]) > RINGS + 1).float()
    torch.testing.assert_close(HARMONICS(drawn() + 5 * beyond), HARMONICS(drawn()))


def test_every_view_meets_every_query() -> None:
    views = unit(torch.cat([drawn(k * 40.0) for k in range(3)]))
    queries = unit(torch.cat([drawn(0.0, (k, 1.0)) for k in range(2)]))
    together = correlate(views, queries)
    assert together.shape == (3, 2, ANGLES)
    torch.testing.assert_close(together[2, 1], correlate(views[:, 2:], queries[:, 1:])[0, 0])


@pytest.mark.parametrize(("box", "radius", "rings"), [(32, 100.0, 15), (32, 1.0, 3), (32, 9.7, 9)])
def test_circles_stay_in_the_box_and_are_never_too_few(box: int, radius: float, rings: int) -> None:
    harmonics = CircularHarmonics(box, radius)
    found = harmonics(torch.ones(2, box, box))
    assert found.shape == (ANGLES // 2 + 1, 2, 2 * rings)
    assert float(norm(found).max()) < 1e-4
