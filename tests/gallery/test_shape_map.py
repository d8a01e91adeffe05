"""The map: the same each time, like shapes together, and size to the right."""

import numpy as np
import pytest

from emsearch.gallery.layout import classical_scaling, neighbour_layout
from emsearch.gallery.shape_distances import SizeAndForm, shape_distances
from emsearch.gallery.shape_map import shape_map
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import UsageError


def distances(
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=2))


def test_the_map_is_the_same_each_time_and_grows_to_the_right(catalogue: Catalogue) -> None:
    points = shape_map(catalogue)
    assert points == shape_map(catalogue)
    assert len({point.group for point in points}) == 15
    x, y = np.array([(point.x, point.y) for point in points]).T
    assert max(np.ptp(x), np.ptp(y)) == pytest.approx(1, abs=1e-3)
    assert np.corrcoef(x, np.log([point.dmax_angstrom for point in points]))[0, 1] > 0.6


def test_one_size_class_makes_a_map_of_its_own(catalogue: Catalogue) -> None:
    points = shape_map(catalogue, "small")
    assert 0 < len(points) < 15 and {point.size_class for point in points} == {"small"}
    with pytest.raises(UsageError, match="'huge'"):
        shape_map(catalogue, "huge")


def test_computed_similarities_stand_and_others_follow_size_and_form() -> None:
    extents = np.array([[30, 30, 30], [30, 30, 30], [33, 30, 28], [60, 60, 60], [60, 20, 20]], float)
    shapes = SizeAndForm(extents, np.full(5, 1e5), np.sqrt((extents**2).sum(axis=1)) * 2.6)
    found = shape_distances(shapes, np.array([[0, 1]]), np.array([0.9]))
    np.testing.assert_allclose(found, found.T)
    assert found[0, 1] == pytest.approx(np.sqrt(-2 * np.log(0.9)))
    assert not found.diagonal().any()
    assert found[0, 1] < found[0, 2] < found[0, 3] < 3 and found[0, 2] < found[0, 4]
    # Shapes of one size and form that were not compared are as far as unlike ones of a size: a similarity of 0.74.
    assert shape_distances(shapes, np.empty((0, 2), int), np.empty(0))[0, 1] == pytest.approx(np.sqrt(0.6))


def test_classical_scaling_gives_a_plane_back() -> None:
    plane = np.random.default_rng(1).normal(size=(20, 2)) * (3, 1)
    np.testing.assert_allclose(distances(classical_scaling(distances(plane))), distances(plane), atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 11, 12, 40])
def test_any_number_of_points_has_finite_places(n: int) -> None:
    points = np.random.default_rng(n).normal(size=(n, 5))
    placed = neighbour_layout(distances(points))
    assert placed.shape == (n, 2) and np.isfinite(placed).all()


def test_clusters_stay_together() -> None:
    rng = np.random.default_rng(2)
    label = np.repeat(np.arange(4), 15)
    placed = distances(
        neighbour_layout(distances(rng.normal(size=(4, 8))[label] * 3 + 0.3 * rng.normal(size=(60, 8))))
    )
    np.fill_diagonal(placed, np.inf)
    assert (label[placed.argsort(axis=1)[:, :5]] == label[:, None]).mean() > 0.95


def test_shapes_all_alike_are_laid_out_too() -> None:
    assert np.isfinite(neighbour_layout(np.zeros((15, 15)))).all()
