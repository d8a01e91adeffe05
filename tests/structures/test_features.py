from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from emsearch.structures.beads import BeadModel
from emsearch.structures.features import longest_extent, measure
from emsearch.structures.read import read_structure

Make = Callable[..., BeadModel]


def test_rod(make_beads: Make) -> None:
    length = 200.0
    points = np.zeros((2001, 3))
    points[:, 2] = np.linspace(-length / 2, length / 2, 2001)
    rod = measure(make_beads(points), "C1")
    assert rod.gyration_angstrom2[0] == pytest.approx(length**2 / 12, rel=2e-3)
    assert rod.gyration_angstrom2[1:] == pytest.approx((0.0, 0.0), abs=1e-3)
    assert rod.anisotropy == pytest.approx(1.0, abs=1e-4)
    assert rod.dmax_angstrom == pytest.approx(length + 3.4, abs=1e-3)
    assert rod.inertia_da_angstrom2[0] == pytest.approx(0.0, abs=1.0)


def test_ring(make_beads: Make) -> None:
    radius, width = 60.0, 2.0
    angle = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    points = radius * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
    ring = measure(make_beads(points, width), "C1")
    expected = (radius**2 / 2 + width**2, radius**2 / 2 + width**2, width**2)
    assert ring.gyration_angstrom2 == pytest.approx(expected, rel=1e-5)
    assert ring.acylindricity_angstrom2 == pytest.approx(radius**2 / 2, rel=1e-5)
    assert ring.dmax_angstrom == pytest.approx(2 * radius + 3.4, rel=1e-5)
    assert ring.inertia_da_angstrom2[2] == pytest.approx(ring.mass_da * (radius**2 + 2 * width**2), rel=1e-5)


def test_sphere(make_beads: Make) -> None:
    radius = 50.0
    axis = np.arange(-radius, radius + 1, 2.0)
    grid = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    ball = measure(make_beads(grid[np.sum(grid**2, axis=1) <= radius**2]), "C1")
    assert ball.rg_angstrom == pytest.approx(np.sqrt(3 / 5) * radius, rel=0.01)
    assert ball.anisotropy == pytest.approx(0.0, abs=1e-6)
    assert ball.dmax_angstrom == pytest.approx(2 * radius + 3.4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rotation_and_translation_change_nothing(make_beads: Make, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(0.0, (40.0, 25.0, 10.0), (300, 3))
    moved = Rotation.random(random_state=seed).apply(points) + random.uniform(-500, 500, 3)
    one, two = measure(make_beads(points, 1.2), "C1"), measure(make_beads(moved, 1.2), "C1")
    assert two.gyration_angstrom2 == pytest.approx(one.gyration_angstrom2, rel=1e-3)
    assert two.dmax_angstrom == pytest.approx(one.dmax_angstrom, rel=1e-5)
    assert two.anisotropy == pytest.approx(one.anisotropy, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 1500), flat=st.integers(0, 2))
def test_longest_extent_is_exact(seed: int, count: int, flat: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, 3))
    points[:, :flat] = 0.0
    assert longest_extent(points) == pytest.approx(pdist(points).max())


def test_one_bead(make_beads: Make) -> None:
    single = measure(make_beads(np.zeros((1, 3)), 2.0), "C1")
    assert single.dmax_angstrom == 3.4
    assert single.rg_angstrom == pytest.approx(np.sqrt(12.0))


def all_atoms(path: Path, assembly_name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and masses of every atom of the assembly, expanded by gemmi."""
    structure = gemmi.read_structure(str(path))
    model = structure[0]
    for assembly in structure.assemblies:
        if assembly.name == assembly_name:
            model = gemmi.make_assembly(assembly, structure[0], gemmi.HowToNameCopiedChain.Dup)
    atoms = [(cra.atom.pos.tolist(), cra.atom.element.weight) for cra in model.all()]
    return np.array([place for place, _ in atoms]), np.array([weight for _, weight in atoms])


@pytest.mark.parametrize("entry", ["6cvm", "1aon", "1aew", "4zxb", "1a34"])
def test_beads_agree_with_all_atoms(shared: Path, entry: str) -> None:
    path = shared / "structures" / f"{entry}.cif.gz"
    structure = read_structure(path)
    place, weight = all_atoms(path, structure.assembly_id)
    offset = place - weight @ place / weight.sum()
    eigenvalues = np.linalg.eigvalsh((weight[:, None] * offset).T @ offset / weight.sum())[::-1]
    features = structure.features
    assert features.gyration_angstrom2 == pytest.approx(tuple(eigenvalues), rel=0.01)
    assert features.rg_angstrom == pytest.approx(np.sqrt(eigenvalues.sum()), rel=0.003)
    # a hydrogen or so for each heavy atom: 6-7 % of a protein's mass, 3-4 % of RNA's
    assert 1.03 < features.mass_da * structure.completeness / weight.sum() < 1.085
    assert features.dmax_angstrom == pytest.approx(longest_extent(place), abs=6.0)
