from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist
from scipy.spatial.transform import Rotation

from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import bend, bent
from emsearch.structures.blocks import bond_matrix, cut_into_blocks, interpolated
from emsearch.structures.elastic import Modes, normal_modes
from emsearch.structures.errors import StructureError
from emsearch.structures.read import read_structure
from emsearch.structures.springs import cutoff_of, springs
from emsearch_index.errors import UsageError

Make = Callable[..., BeadModel]
Points = NDArray[np.float64]


def ellipsoid(axes_angstrom: tuple[float, float, float], seed: int = 0, spacing: float = 5.1) -> Points:
    """Return points about a spacing apart that fill an ellipsoid, irregularly."""
    steps = [np.arange(-half, half + spacing, spacing) for half in axes_angstrom]
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = grid[np.sum((grid / np.array(axes_angstrom)) ** 2, axis=1) <= 1.0]
    return np.asarray(inside + np.random.default_rng(seed).uniform(-1.2, 1.2, inside.shape))


def dumbbell() -> tuple[Points, list[NDArray[np.int64]]]:
    """Return two balls of 20 A radius on a thin neck along x, and the indices of each ball."""
    ball = ellipsoid((20.0, 20.0, 20.0), 1)
    neck = ellipsoid((14.0, 4.0, 4.0), 2, 3.8)
    aside = np.array([32.0, 0.0, 0.0])
    points = np.concatenate([ball - aside, neck, ball + aside])
    return points, [np.arange(len(ball)), np.arange(len(points) - len(ball), len(points))]


def rmsd(a: BeadModel, b: BeadModel) -> float:
    one, two = (m.centroid_angstrom.astype(np.float64) for m in (a, b))
    _, distance = Rotation.align_vectors(one - one.mean(axis=0), two - two.mean(axis=0))
    return float(distance / np.sqrt(len(a)))


def dense_hessian(points: Points, pairs: NDArray[np.int64]) -> Points:
    """Compose the Hessian from its 3 x 3 superelements -d d^T / |d|^2 (Atilgan et al. 2001, equation 4)."""
    count = len(points)
    blocks = np.zeros((count, count, 3, 3))
    for i, j in pairs:
        direction = (points[j] - points[i]) / np.linalg.norm(points[j] - points[i])
        blocks[i, j] = blocks[j, i] = -np.outer(direction, direction)
    blocks[np.arange(count), np.arange(count)] = -blocks.sum(axis=1)
    return blocks.transpose(0, 2, 1, 3).reshape(3 * count, 3 * count)


def as_one_body(points: Points) -> Points:
    """Return an orthonormal basis (6, 3 n) of the rigid-body motions of the points."""
    turns = [np.cross(axis, points - points.mean(axis=0)) for axis in np.eye(3)]
    shifts = [np.tile(axis, (len(points), 1)) for axis in np.eye(3)]
    return np.asarray(np.linalg.qr(np.array(shifts + turns).reshape(6, -1).T)[0].T)


def flat(modes: Modes) -> Points:
    return modes.displacement.reshape(len(modes), -1)


def test_the_modes_are_the_softest_of_the_hessian_beside_six_of_no_stiffness(make_beads: Make) -> None:
    model = make_beads(ellipsoid((22.0, 15.0, 11.0)))
    points = model.centroid_angstrom.astype(np.float64)
    values, vectors = np.linalg.eigh(dense_hessian(points, springs(points, 15.0)))
    modes = normal_modes(model)
    assert np.abs(values[:6]).max() < 1e-9 < 1e-2 < values[6]
    np.testing.assert_allclose(modes.eigenvalue, values[6:16], rtol=1e-8)
    assert np.all(np.diff(modes.eigenvalue) >= 0.0)
    np.testing.assert_allclose(np.abs(np.sum(flat(modes) * vectors.T[6:16], axis=1)), 1.0, atol=1e-6)
    np.testing.assert_allclose(flat(modes) @ flat(modes).T, np.eye(10), atol=1e-9)
    np.testing.assert_allclose(flat(modes) @ as_one_body(points).T, 0.0, atol=1e-9)
    assert np.all(flat(modes).max(axis=1) >= -flat(modes).min(axis=1))


def test_a_model_of_few_beads_has_few_modes(make_beads: Make) -> None:
    four = make_beads(np.array([[0.0, 0, 0], [6, 0, 0], [0, 7, 0], [1, 2, 8]]))
    assert len(normal_modes(four)) == 6
    assert len(normal_modes(four, 2)) == 2
    assert rmsd(four, bent(four, 0.5, 0)) == pytest.approx(0.5, abs=1e-3)


def test_balls_on_a_neck_move_as_rigid_bodies(make_beads: Make) -> None:
    points, balls = dumbbell()
    model = make_beads(points)
    modes = normal_modes(model, 3)
    for displacement in modes.displacement:
        for ball in balls:
            motion = displacement[ball].ravel()
            kept = as_one_body(points[ball]) @ motion
            assert np.linalg.norm(kept) > 0.99 * np.linalg.norm(motion)
    far = bent(model, 8.0, 1, modes).centroid_angstrom
    for ball in balls:
        np.testing.assert_allclose(pdist(far[ball]), pdist(points[ball]), rtol=0.05)


def test_the_softest_modes_of_balls_on_a_neck_are_two_bends_and_a_twist(make_beads: Make) -> None:
    points, (left, right) = dumbbell()
    turns = []
    for displacement in normal_modes(make_beads(points), 3).displacement:
        body = [as_one_body(points[ball]) for ball in (left, right)]
        turn = []
        for ball, basis in zip((left, right), body, strict=True):
            motion = basis.T @ (basis @ displacement[ball].ravel())
            offset = points[ball] - points[ball].mean(axis=0)
            lever = np.sum(offset**2) * np.eye(3) - offset.T @ offset
            turn.append(np.linalg.solve(lever, np.cross(offset, motion.reshape(-1, 3)).sum(axis=0)))
        turns.append(turn[1] - turn[0])
    along = np.abs(np.array(turns)[:, 0]) / np.linalg.norm(turns, axis=1)
    assert sorted(np.round(along).tolist()) == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("angstrom", [3.0, 5.0, 8.0])
def test_the_rmsd_is_exact_and_only_centroids_change(make_beads: Make, angstrom: float) -> None:
    points, _ = dumbbell()
    model = replace(make_beads(points), mass_da=np.linspace(50, 200, len(points)).astype(np.float32))
    result = bent(model, angstrom, 5)
    assert rmsd(model, result) == pytest.approx(angstrom, abs=1e-3)
    np.testing.assert_allclose(
        result.mass_da @ result.centroid_angstrom / result.mass_da.sum(), 0.0, atol=1e-3
    )
    assert result.centroid_angstrom.dtype == np.float32
    for name in ("mass_da", "volume_angstrom3", "width_angstrom", "scattering_angstrom", "nucleic"):
        assert getattr(result, name) is getattr(model, name)


def test_a_seed_decides_how_a_model_bends(make_beads: Make) -> None:
    model = make_beads(ellipsoid((30.0, 18.0, 12.0)))
    modes = normal_modes(model)
    first = bent(model, 4.0, 11)
    np.testing.assert_array_equal(first.centroid_angstrom, bent(model, 4.0, 11).centroid_angstrom)
    np.testing.assert_array_equal(first.centroid_angstrom, bent(model, 4.0, 11, modes).centroid_angstrom)
    assert rmsd(first, bent(model, 4.0, 12, modes)) > 0.5


def test_a_bend_does_not_hang_on_the_signs_of_modes(make_beads: Make) -> None:
    model = make_beads(ellipsoid((30.0, 18.0, 12.0)))
    modes = normal_modes(model, 4)
    signs = np.array([1.0, -1.0, -1.0, 1.0])[:, None, None]
    other = Modes(modes.eigenvalue, signs * modes.displacement)
    first, second = (bent(model, 4.0, 2, m).centroid_angstrom for m in (modes, other))
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_soft_modes_take_most_of_a_bend(make_beads: Make) -> None:
    points, _ = dumbbell()
    model = make_beads(points)
    modes = normal_modes(model)
    share = np.zeros(len(modes))
    for seed in range(30):
        moved = bent(model, 0.01, seed, modes).centroid_angstrom.astype(np.float64)
        share += (flat(modes) @ (moved - model.centroid_angstrom).ravel()) ** 2 / 30
    expected = 1.0 / modes.eigenvalue
    assert share[0] / share[:3].sum() == pytest.approx(expected[0] / expected[:3].sum(), rel=0.5)
    assert share[3:].sum() < 0.3 * share.sum()


def test_a_small_bend_is_straight(make_beads: Make) -> None:
    model = make_beads(ellipsoid((30.0, 18.0, 12.0)))
    modes = normal_modes(model, 2)
    amplitudes = np.array([0.3, -0.2])
    start = model.centroid_angstrom - model.centroid_angstrom.mean(axis=0)
    expected = start + np.tensordot(amplitudes, modes.displacement, axes=1)
    np.testing.assert_allclose(bend(model, modes, amplitudes).centroid_angstrom, expected, atol=1e-3)


def test_a_far_bend_turns_what_a_straight_one_would_stretch(make_beads: Make) -> None:
    model = make_beads(ellipsoid((20.0, 15.0, 10.0)))
    points = model.centroid_angstrom.astype(np.float64)
    turn = np.cross([0.1, 0.2, -0.97], points)[None]
    length = float(np.linalg.norm(turn))
    moved = bend(model, Modes(np.ones(1), turn / length), np.array([1.5 * length])).centroid_angstrom
    np.testing.assert_allclose(pdist(moved), pdist(points), rtol=1e-4)
    assert np.linalg.norm(moved - points, axis=1).max() > 15.0


@pytest.mark.parametrize("axes", [(30.0, 18.0, 12.0), (60.0, 36.0, 26.0)])
def test_the_modes_turn_with_the_model(make_beads: Make, axes: tuple[float, float, float]) -> None:
    points = ellipsoid(axes, 3)
    turn = Rotation.random(random_state=4)
    one, two = normal_modes(make_beads(points), 6), normal_modes(make_beads(turn.apply(points) + 50.0), 6)
    few = len(points) <= 1500
    np.testing.assert_allclose(one.eigenvalue, two.eigenvalue, rtol=1e-4 if few else 0.05)
    turned = turn.apply(one.displacement.reshape(-1, 3)).reshape(6, -1)
    overlap = np.linalg.norm(turned @ flat(two).T, axis=1)
    assert overlap.min() > (0.9999 if few else 0.97)


def test_a_large_model_is_bent_in_blocks(make_beads: Make) -> None:
    points = ellipsoid((130.0, 85.0, 60.0), 6)
    assert len(points) > 20_000
    model = make_beads(points)
    blocks = cut_into_blocks(points, 800)
    assert len(blocks) == 800 and np.ptp(np.bincount(blocks.owner)) <= 1
    assert rmsd(model, bent(model, 5.0, 0)) == pytest.approx(5.0, abs=1e-3)


def test_blocks_have_nearly_the_modes_of_their_beads(
    make_beads: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_beads(ellipsoid((48.0, 30.0, 22.0), 7))
    assert 800 < len(model) <= 1500
    beads = normal_modes(model, 6)
    monkeypatch.setattr("emsearch.structures.elastic._NODES_MAX", 800)
    monkeypatch.setattr("emsearch.structures.elastic._BLOCKS", 150)
    blocks = normal_modes(model, 8)
    assert np.linalg.norm(np.linalg.qr(flat(blocks).T)[0].T @ flat(beads)[:4].T, axis=0).min() > 0.98


def test_blocks_that_move_as_one_body_carry_their_beads_along() -> None:
    points = ellipsoid((30.0, 20.0, 15.0))
    blocks = cut_into_blocks(points, 40)
    turn, shift = np.array([0.2, -0.5, 0.4]), np.array([1.0, 2.0, 3.0])
    motion = np.cross(turn, points) + shift
    wrench = np.hstack([np.cross(turn, blocks.centre_angstrom) + shift, np.tile(turn, (40, 1))])
    whole = np.linalg.solve(blocks.basis, wrench[:, :, None]).reshape(1, -1)
    coordinates: Points = whole[:, blocks.free()].astype(np.float64)
    np.testing.assert_allclose(interpolated(points, blocks, coordinates)[0], motion, atol=1e-9)
    lengthened = bond_matrix(points, springs(points, 15.0), blocks) @ coordinates[0]
    assert np.abs(lengthened).max() < 1e-9


def test_a_tail_does_not_take_the_modes(make_beads: Make) -> None:
    points, _ = dumbbell()
    tail = np.array([36.0, 20.0, 0.0]) + np.arange(10)[:, None] * (1.0, 3.3, 0.4)
    tail += np.random.default_rng(0).normal(size=tail.shape)
    modes = normal_modes(make_beads(np.concatenate([points, tail])), 3)
    assert np.sum(modes.displacement[:, len(points) :] ** 2, axis=(1, 2)).max() < 0.2


def test_springs_reach_the_cutoff_and_every_point_has_enough() -> None:
    points = ellipsoid((30.0, 20.0, 15.0))
    plain = springs(points, 15.0, contacts=0)
    assert plain.tolist() == np.argwhere(np.triu(cdist(points, points) <= 15.0, 1)).tolist()
    more = springs(points, 15.0)
    assert np.bincount(more.ravel()).min() >= 40
    assert {tuple(pair) for pair in plain.tolist()} <= {tuple(pair) for pair in more.tolist()}


def test_springs_hold_distant_parts_together(make_beads: Make) -> None:
    part = ellipsoid((14.0, 12.0, 10.0))
    places = np.array([[0.0, 0.0, 0.0], [150.0, 0.0, 0.0], [70.0, 160.0, 0.0]])
    points = np.concatenate([part + place for place in places])
    pairs = springs(points, 15.0)
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(points),) * 2)
    assert connected_components(graph, directed=False)[0] == 1
    assert normal_modes(make_beads(points)).eigenvalue[0] > 0.0


def test_points_in_one_place_are_not_joined(make_beads: Make) -> None:
    points = ellipsoid((15.0, 12.0, 10.0))
    model = make_beads(np.concatenate([points, points[:3]]))
    assert rmsd(model, bent(model, 2.0, 0)) == pytest.approx(2.0, abs=1e-3)


def test_the_cutoff_is_15_angstrom_for_residues_and_grows_with_the_beads() -> None:
    assert cutoff_of(np.full(5, 134.0, np.float32)) == 15.0
    assert cutoff_of(np.full(5, 8 * 134.0, np.float32)) == pytest.approx(28.7, abs=0.1)


@pytest.mark.parametrize(
    ("points", "found"),
    [
        (np.eye(3) * 10, "found 3 beads,"),
        (np.outer(np.arange(20), [3.0, 1.0, 2.0]), "found 20 beads in one plane,"),
        (np.pad(np.random.default_rng(0).uniform(0, 40, (50, 2)), ((0, 0), (0, 1))), "in one plane"),
    ],
)
def test_too_little_to_bend_is_one_clear_error(make_beads: Make, points: Points, found: str) -> None:
    with pytest.raises(StructureError, match=found):
        bent(make_beads(points), 3.0, 0)


def test_a_straight_chain_that_nothing_holds_sideways_is_refused(make_beads: Make) -> None:
    chain = np.outer(np.arange(10, 110), [4.0, 0.0, 0.0])
    with pytest.raises(StructureError, match="do not hold in place"):
        normal_modes(make_beads(np.concatenate([ellipsoid((14.0, 12.0, 10.0)), chain])))


@pytest.mark.parametrize("angstrom", [0.0, -1.0, float("nan"), float("inf"), 12.0])
def test_an_rmsd_out_of_reach_is_refused(make_beads: Make, angstrom: float) -> None:
    model = make_beads(ellipsoid((15.0, 12.0, 10.0)))
    with pytest.raises(UsageError, match="found an RMSD of"):
        bent(model, angstrom, 0)


def test_modes_and_amplitudes_must_fit_the_model(make_beads: Make) -> None:
    model, other = (make_beads(ellipsoid(axes)) for axes in ((15.0, 12.0, 10.0), (16.0, 14.0, 12.0)))
    with pytest.raises(UsageError, match="one amplitude for each"):
        bend(model, normal_modes(model, 3), np.ones(2))
    with pytest.raises(UsageError, match="give the modes of this model"):
        bent(other, 3.0, 0, normal_modes(model, 3))


@pytest.mark.parametrize("entry", ["6cvm", "1acj"])
def test_a_protein_bent_by_8_angstrom_stays_together(shared: Path, entry: str) -> None:
    model = read_structure(shared / "structures" / f"{entry}.cif.gz").beads
    moved = bent(model, 8.0, 0).centroid_angstrom
    distance, index = cKDTree(model.centroid_angstrom).query(model.centroid_angstrom, np.arange(2, 8))
    after = np.linalg.norm(moved[index] - moved[:, None], axis=2)
    assert np.median(np.abs(after / distance - 1.0)) < 0.06
