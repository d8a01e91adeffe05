from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.imaging.rotations import quaternion_about_beam
from emsearch.shapes.rotations import quaternions_to_matrices, super_fibonacci
from emsearch.shapes.self_superposition import self_rotations
from emsearch.structures.beads import BeadModel
from emsearch.structures.symmetry import point_group_of_rotations

HALF_TURN_ABOUT_X = np.diag([1.0, -1.0, -1.0])
_GOLDEN = (1 + np.sqrt(5)) / 2


def about_z(n: int) -> NDArray[np.float64]:
    return quaternions_to_matrices(quaternion_about_beam(np.arange(n) * 360 / n))


def icosahedral() -> NDArray[np.float64]:
    """Return the 60 rotations that permute the twelve vertices of an icosahedron."""
    corner = np.array([[0, a, b * _GOLDEN] for a in (-1, 1) for b in (-1, 1)])
    corners = np.concatenate([corner, np.roll(corner, 1, 1), np.roll(corner, 2, 1)])
    first, neighbour = corners[0], corners[np.argsort(corners @ corners[0])[-2]]

    def frame(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        x = a / np.linalg.norm(a)
        y = b - (b @ x) * x
        y /= np.linalg.norm(y)
        return np.stack([x, y, np.cross(x, y)], 1)

    edge = first @ neighbour
    pairs = [(a, b) for a in corners for b in corners if np.isclose(a @ b, edge)]
    return np.array([frame(a, b) @ frame(first, neighbour).T for a, b in pairs])


def assembly(operators: NDArray[np.float64], seed: int = 0) -> BeadModel:
    """Return copies of a lopsided subunit, in an orientation of no account."""
    rng = np.random.default_rng(seed)
    lobe = np.array([[44.0, 10.0, 22.0], [58.0, 22.0, 6.0], [50.0, -6.0, 40.0]])
    subunit = np.repeat(lobe, 20, 0) + rng.normal(size=(60, 3)) * 5
    place = np.einsum("kij,nj->kni", operators, subunit).reshape(-1, 3)
    place = place @ quaternions_to_matrices(super_fibonacci(7)[3]).T
    n = len(place)
    return BeadModel(
        centroid_angstrom=(place - place.mean(0)).astype(np.float32),
        mass_da=np.full(n, 110, np.float32),
        volume_angstrom3=np.full(n, 133, np.float32),
        width_angstrom=np.full(n, 2, np.float32),
        scattering_angstrom=np.full(n, 30, np.float32),
        nucleic=np.zeros(n, np.bool_),
    )


@pytest.mark.parametrize(
    ("operators", "name"),
    [
        (about_z(1), "C1"),
        (about_z(2), "C2"),
        (about_z(7), "C7"),
        (np.concatenate([about_z(3), about_z(3) @ HALF_TURN_ABOUT_X]), "D3"),
        (icosahedral(), "I"),
    ],
    ids=["C1", "C2", "C7", "D3", "I"],
)
def test_the_rotations_of_an_assembly_are_found(operators: NDArray[np.float64], name: str) -> None:
    model = assembly(operators)
    found = self_rotations(model)
    assert len(found) == len(operators)
    assert point_group_of_rotations(found) == name
    np.testing.assert_allclose(found[0], np.eye(3), atol=1e-9)
    np.testing.assert_allclose(
        found @ found.transpose(0, 2, 1), np.broadcast_to(np.eye(3), found.shape), atol=1e-6
    )
    place = model.centroid_angstrom.astype(np.float64)
    for rotation in found:  # each bead lands near another
        moved = place @ rotation.T
        distance = np.linalg.norm(moved[::40, None] - place[None], axis=2).min(1)
        assert distance.max() < 4


def test_one_subunit_that_differs_much_breaks_the_symmetry() -> None:
    model = assembly(about_z(5))
    heavy = model.mass_da.copy()
    heavy[:60] *= 3
    assert len(self_rotations(replace(model, mass_da=heavy))) == 1
