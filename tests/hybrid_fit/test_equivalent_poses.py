"""A threefold symmetry is known as one, and nothing else is."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from emsearch.hybrid_fit.equivalent_poses import Equivalents
from emsearch.structures.beads import BeadModel


@pytest.fixture(scope="module")
def trimer(blobs: dict[str, BeadModel]) -> BeadModel:
    """Return three lobed structures around z, each given a little noise of its own."""
    one = blobs["blob1"]
    place = one.centroid_angstrom + np.array([45.0, 0, 0])
    rng = np.random.default_rng(1)
    copies = [Rotation.from_euler("z", a, degrees=True).apply(place) for a in (0, 120, 240)]
    together = np.concatenate(copies) + rng.normal(size=(3 * len(one), 3)) * 0.3

    return BeadModel(
        centroid_angstrom=(together - together.mean(0)).astype(np.float32),
        mass_da=np.tile(one.mass_da, 3),
        volume_angstrom3=np.tile(one.volume_angstrom3, 3),
        width_angstrom=np.tile(one.width_angstrom, 3),
        scattering_angstrom=np.tile(one.scattering_angstrom, 3),
        nucleic=np.tile(one.nucleic, 3),
    )


def about(axis: str, degrees: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(Rotation.from_euler(axis, degrees, degrees=True).as_matrix())


def test_a_turn_of_the_symmetry_is_found_from_nearby(trimer: BeadModel) -> None:
    found = Equivalents(trimer).symmetry(about("x", 7) @ about("z", 127))
    assert found is not None
    np.testing.assert_allclose(found.turn, about("z", 120), atol=0.01)
    third = len(trimer) // 3
    # Where beads lie closer than their noise another one may stand in the place.
    assert np.mean(found.bead == (np.arange(len(trimer)) + third) % len(trimer)) > 0.97


@pytest.mark.parametrize("turn", [about("z", 60), about("x", 180), about("y", 90)])
def test_no_other_turn_is_of_the_symmetry(trimer: BeadModel, turn: object) -> None:
    assert Equivalents(trimer).symmetry(np.asarray(turn)) is None


def test_poses_are_alike_up_to_symmetry_and_ten_degrees(trimer: BeadModel) -> None:
    equivalents = Equivalents(trimer)
    pose = about("x", 35) @ about("z", 20)
    others = [pose @ about("z", 126), about("y", 8) @ pose, pose @ about("z", 105), about("y", 40) @ pose]
    assert [equivalents.alike(pose, other) for other in others] == [True, True, False, False]
    assert equivalents.distinct([pose, *others], 2) == [0, 3]
    assert equivalents.distinct([pose, *others], 9) == [0, 3, 4]
