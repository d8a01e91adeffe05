"""Superposition: copies are found whatever their pose and hand, and scores do not depend on order or box."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from emsearch.shapes.errors import ShapeError
from emsearch.shapes.overlap import overlaps_linear
from emsearch.shapes.prepared import PreparedShape, merge_points, prepare_shape
from emsearch.shapes.refinement import refine_pose
from emsearch.shapes.rotations import mirrored, quaternions_to_matrices, super_fibonacci
from emsearch.shapes.similarity import pair_grid, pair_resolution, self_overlap, similarity_of_pose
from emsearch.shapes.superposition import inverted, superpose, superpose_shapes
from emsearch.structures.beads import BeadModel
from emsearch.structures.read import read_structure

Make = Callable[..., BeadModel]
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def particle(name: str, blob: Make, ring: Make) -> BeadModel:
    if name == "ring":
        return ring(7, 60.0)
    return blob(3, (80, 50, 30)) if name == "long" else blob(4, (40, 40, 40))


def read(name: str) -> BeadModel:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return read_structure(path).beads


@pytest.mark.parametrize("name", ["ring", "long", "globular"])
def test_a_structure_on_itself_scores_one(name: str, blob: Make, ring: Make) -> None:
    model = particle(name, blob, ring)
    assert superpose(model, model).score == pytest.approx(1.0, abs=5e-4)


@pytest.mark.parametrize("name", ["ring", "long", "globular"])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_moved_copy_is_found(
    name: str, mirror: bool, seed: int, blob: Make, ring: Make, moved: Make
) -> None:
    model = particle(name, blob, ring)
    rotation, translation = Rotation.random(random_state=seed).as_matrix(), np.array([40.0, -25.0, 10.0])
    found = superpose(moved(model, rotation, translation, mirror), model)
    assert found.score > 0.99
    assert found.mirror == mirror
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)
    if name != "ring":  # whose copies coincide in several poses
        assert np.allclose(found.rotation, rotation, atol=0.03)
        assert np.allclose(found.translation_angstrom, translation, atol=1.0)


@pytest.mark.parametrize("mirror", [False, True])
def test_the_transform_maps_b_onto_a(mirror: bool, blob: Make, moved: Make) -> None:
    b = blob(5, (70, 45, 30))
    a = moved(b, Rotation.random(random_state=8).as_matrix(), np.array([5.0, 6.0, 7.0]), mirror)
    found = superpose(a, b)
    flip = np.diag([1.0, 1.0, -1.0 if found.mirror else 1.0])
    landed = b.centroid_angstrom @ (found.rotation @ flip).T + found.translation_angstrom
    assert np.sqrt(np.mean((landed - a.centroid_angstrom) ** 2)) < 1.0


@pytest.mark.parametrize("mirror", [False, True])
def test_order_changes_neither_score_nor_pose(mirror: bool, blob: Make, moved: Make) -> None:
    a = blob(6, (70, 45, 30))
    b = moved(blob(7, (70, 45, 30)), Rotation.random(random_state=1).as_matrix(), np.ones(3), mirror)
    forth, back = superpose(a, b), inverted(superpose(b, a))
    assert forth.score == back.score
    assert forth.mirror == back.mirror
    assert np.allclose(forth.rotation, back.rotation)
    assert np.allclose(forth.translation_angstrom, back.translation_angstrom)


def test_the_same_pair_gives_the_same_bits(blob: Make) -> None:
    a, b = blob(6, (50, 45, 42)), blob(7, (50, 45, 42))
    first, second = superpose(a, b), superpose(a, b)
    assert first.score == second.score
    assert np.array_equal(first.rotation, second.rotation)


def best_of_many(a: PreparedShape, b: PreparedShape) -> float:
    """Score 10,000 rotations of each hand at full resolution and refine the first 40."""
    resolution = pair_resolution(a, b)
    fixed, moving = (merge_points(shape.beads, resolution / 3.0) for shape in (a, b))
    grid = pair_grid(fixed, moving, resolution)
    field = (grid.coefficients, grid.origin_angstrom, grid.spacing_angstrom, moving.position, moving.mass)
    proper = quaternions_to_matrices(super_fibonacci(10_000))
    starts = np.concatenate([proper, mirrored(proper)])
    first = np.argsort(-overlaps_linear(*field, starts))[:40]
    best = max(
        refine_pose(*field, starts[k], np.zeros(3), b.rg_angstrom, 0.1 * resolution, 1e-4, 30)[2]
        for k in first
    )
    return float(best / np.sqrt(self_overlap(fixed, resolution) * self_overlap(moving, resolution)))


def test_the_search_misses_little_of_a_brute_force_one(blob: Make) -> None:
    axes = [(80, 50, 30), (50, 48, 46), (70, 68, 30)]
    deficits = []
    for semi_axes in axes:
        shapes = [prepare_shape(blob(seed, semi_axes)) for seed in range(3)]
        for a, b in itertools.combinations(shapes, 2):
            deficits.append(best_of_many(a, b) - superpose_shapes(a, b).score)
    assert max(deficits) < 0.01
    assert np.mean(deficits) < 0.002


def test_a_pose_is_scored_as_the_search_scores_it(blob: Make) -> None:
    shape = prepare_shape(blob(3, (80, 50, 30)))
    score = similarity_of_pose(shape.points, shape.points, np.eye(3), np.zeros(3), shape.resolution_angstrom)
    apart = similarity_of_pose(
        shape.points, shape.points, np.eye(3), np.array([40.0, 0, 0]), shape.resolution_angstrom
    )
    assert score == pytest.approx(1.0)
    assert apart < 0.8


@pytest.mark.parametrize(("rg", "expected"), [(24.0, 12.0), (60.0, 20.0)])
def test_resolution_follows_the_smaller(rg: float, expected: float, blob: Make, moved: Make) -> None:
    model = blob(3, (60, 50, 40))
    scale = rg / prepare_shape(model).rg_angstrom
    small = prepare_shape(moved(model, np.eye(3) * scale, np.zeros(3)))
    large = prepare_shape(moved(model, np.eye(3) * scale * 1.3, np.zeros(3)))
    assert pair_resolution(small, large) == pytest.approx(expected, rel=0.01)
    assert superpose_shapes(large, small).resolution_angstrom == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("cell", [5.0, 20.0])
def test_merging_conserves_mass_centre_and_radius_of_gyration(cell: float, blob: Make) -> None:
    beads = prepare_shape(blob(3, (80, 50, 30))).beads
    merged = merge_points(beads, cell)
    assert len(merged.mass) < len(beads.mass)
    assert merged.mass.sum() == pytest.approx(1.0, rel=1e-5)
    assert np.allclose(merged.mass @ merged.position, 0.0, atol=1e-3)

    def rg2(points: object) -> float:
        assert isinstance(points, type(beads))
        return float(points.mass @ (points.position**2).sum(axis=1) + 3.0 * points.variance_angstrom2)

    assert rg2(merged) == pytest.approx(rg2(beads), rel=1e-4)


def test_models_without_a_shape_are_refused(blob: Make, moved: Make) -> None:
    with pytest.raises(ShapeError, match="at one point"):
        prepare_shape(moved(blob(1, (9, 8, 7)), np.zeros((3, 3)), np.zeros(3)))
    model = blob(1, (60, 50, 40))
    empty = BeadModel(
        model.centroid_angstrom[:0],
        model.mass_da[:0],
        model.volume_angstrom3[:0],
        model.width_angstrom[:0],
        model.scattering_angstrom[:0],
        model.nucleic[:0],
    )
    with pytest.raises(ShapeError, match="0 beads"):
        prepare_shape(empty)


def test_one_fold_of_other_sequences_is_one_shape() -> None:
    a, b = read("structures/1dtn.cif.gz"), read("structures/2mnr.cif.gz")
    assert superpose(a, b).score > 0.95


def test_unlike_globules_below_40_angstrom_are_not_one_shape() -> None:
    a, b = read("structures/3wip.cif.gz"), read("structures/4c7v.cif.gz")
    found = superpose(a, b)
    assert found.resolution_angstrom < 20.0
    assert found.score < 0.90
