"""Views of a shape: where its axes lie in them, and what settles axes that symmetry leaves open."""

from dataclasses import fields, replace

import numpy as np
import pytest

from emsearch.gallery.projections import draw_projections
from emsearch.gallery.viewing_axes import principal_axes, six_views
from emsearch.structures.beads import BeadModel
from tests.gallery.conftest import ellipsoid


def eight_beads() -> BeadModel:
    beads = ellipsoid((30, 30, 30))
    return BeadModel(**{field.name: getattr(beads, field.name)[:8] for field in fields(beads)})


def spans(image: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> tuple[int, int]:
    """Return how many columns and rows a shape fills."""
    seen = image > 0.3
    return int(seen.any(axis=0).sum()), int(seen.any(axis=1).sum())


def test_axes_are_those_of_the_ellipsoid_whatever_way_it_lies() -> None:
    beads = ellipsoid((60, 40, 20))
    axes = principal_axes(beads)
    assert axes is not None
    np.testing.assert_allclose(np.abs(axes), np.eye(3), atol=0.1)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_views_are_rotations_and_show_long_middle_and_short_where_they_say() -> None:
    beads = ellipsoid((60, 40, 20))
    views = six_views(beads)
    assert len(views.names) == len(set(views.names)) == 6
    np.testing.assert_allclose(np.linalg.det(views.turns), 1)
    np.testing.assert_allclose(
        views.turns @ views.turns.transpose(0, 2, 1), np.tile(np.eye(3), (6, 1, 1)), atol=1e-12
    )
    drawn = draw_projections(beads, 64)
    along_short, along_middle, along_long = (spans(image) for image in drawn.images[:3])
    assert along_short[0] > 1.3 * along_short[1] and along_middle[0] > 2 * along_middle[1]
    assert along_long[0] > 1.5 * along_long[1] and along_long[0] < along_short[0]


def test_round_shapes_are_seen_along_deposited_axes() -> None:
    corners = np.array(np.meshgrid(*[[-30.0, 30.0]] * 3)).reshape(3, -1).T
    cube = replace(eight_beads(), centroid_angstrom=corners.astype(np.float32))
    assert principal_axes(cube) is None
    np.testing.assert_allclose(six_views(cube).turns[0][2], (0, 0, 1))
    np.testing.assert_allclose(np.linalg.det(six_views(cube).turns), 1)


def test_pictures_fill_their_frame_and_touch_no_edge() -> None:
    drawn = draw_projections(ellipsoid((80, 30, 30)), 64)
    assert drawn.images.shape == (6, 64, 64) and drawn.images.max() == 1
    edge = np.concatenate([drawn.images[:, [0, -1]].ravel(), drawn.images[:, :, [0, -1]].ravel()])
    assert edge.max() < 0.02
    assert spans(drawn.images[0])[0] > 40
    assert 160 < drawn.side_angstrom < 230
