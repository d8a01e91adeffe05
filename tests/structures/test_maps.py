import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from emsearch.structures.errors import StructureError
from emsearch.structures.expand import centred
from emsearch.structures.features import measure
from emsearch.structures.maps import map_beads
from emsearch.structures.mrc import Density

RADIUS_ANGSTROM = 60.0
VOLUME = 4.0 / 3.0 * np.pi * RADIUS_ANGSTROM**3


def ball(voxel_angstrom: float, box: int, at: tuple[float, float, float] = (0, 0, 0)) -> NDArray[np.float32]:
    """Return a ball of density 1, blurred to about 15 A, ``at`` (x, y, z) in A from the box's centre."""
    axis = (np.arange(box) - box / 2) * voxel_angstrom
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    square = (x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2
    solid = (square <= RADIUS_ANGSTROM**2).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(solid, 3.4 / voxel_angstrom), dtype=np.float32)


def cubic(values: NDArray[np.float32], voxel_angstrom: float) -> Density:
    return Density(values, (voxel_angstrom,) * 3)


@pytest.mark.parametrize(("voxel", "box"), [(5.0, 40), (2.0, 90)])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (250.0, 0.0), (1.0, -3.0)])
def test_automatic_level_encloses_the_true_volume(
    voxel: float, box: int, scale: float, offset: float
) -> None:
    values = (ball(voxel, box) * scale + offset).astype(np.float32)
    beads, _ = map_beads(cubic(values, voxel), None, "a.mrc")
    features = measure(centred(beads), "C1")
    assert features.volume_angstrom3 == pytest.approx(VOLUME, rel=0.06)
    assert features.mass_da == pytest.approx(VOLUME / 1.21, rel=0.06)
    assert features.rg_angstrom == pytest.approx(np.sqrt(0.6) * RADIUS_ANGSTROM, rel=0.03)


def test_noise_and_dust_are_left_out() -> None:
    random = np.random.default_rng(2)
    values = ball(5.0, 44) + random.normal(0.0, 0.12, (44, 44, 44)).astype(np.float32)
    values[2, 2, 2] = 1.0
    beads, level = map_beads(cubic(values, 5.0), None, "a.mrc")
    assert level > 3 * 0.12
    assert float(beads.volume_angstrom3.sum()) == pytest.approx(VOLUME, rel=0.1)
    assert measure(centred(beads), "C1").dmax_angstrom < 2 * RADIUS_ANGSTROM + 15.0


def test_two_bodies_of_like_size_both_stay() -> None:
    values = ball(5.0, 70, (-90, 0, 0)) + ball(5.0, 70, (90, 0, 0))
    beads, _ = map_beads(cubic(values, 5.0), None, "a.mrc")
    assert float(beads.volume_angstrom3.sum()) == pytest.approx(2 * VOLUME, rel=0.06)


@pytest.mark.parametrize("voxel", [5.0, 2.0])
def test_given_level_is_taken_on_the_map_as_it_is(voxel: float) -> None:
    box = int(200 / voxel)
    values = ball(voxel, box)
    beads, level = map_beads(cubic(values, voxel), 0.2, "a.mrc")
    assert level == 0.2
    expected = float((values > 0.2).sum()) * voxel**3
    assert float(beads.volume_angstrom3.sum()) == pytest.approx(expected, rel=1e-3)


def test_axes_and_unequal_voxels() -> None:
    values = np.zeros((12, 14, 16), np.float32)
    values[2:10, 5, 7] = 1.0  # a rod along z
    beads, _ = map_beads(Density(values, (5.0, 6.0, 7.0)), 0.5, "a.mrc")
    extent = np.ptp(beads.centroid_angstrom, axis=0)
    np.testing.assert_allclose(extent, [0.0, 0.0, 7 * 7.0])
    assert float(beads.volume_angstrom3.sum()) == pytest.approx(8 * 5 * 6 * 7)


def test_unusable_maps_and_levels() -> None:
    flat = cubic(np.ones((8, 8, 8), np.float32), 5.0)
    with pytest.raises(StructureError, match=r"a\.mrc: the map is flat"):
        map_beads(flat, None, "a.mrc")
    good = cubic(ball(5.0, 40), 5.0)
    with pytest.raises(StructureError, match="no voxel above level 7; the highest is 1"):
        map_beads(good, 7.0, "a.mrc")
    for level in (-1.0, float("nan")):
        with pytest.raises(StructureError, match="is not above the background"):
            map_beads(good, level, "a.mrc")
