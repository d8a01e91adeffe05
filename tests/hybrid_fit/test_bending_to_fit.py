"""A known bend is found, none is invented, and the hand of the structure is kept."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emsearch.hybrid_fit.bending_to_fit import FitSettings, HybridFit, bend_to_fit
from emsearch.hybrid_fit.distortion import distortion_of, superposed_rmsd
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.atoms import Atoms, carried_along

FEW = FitSettings(modes=4, starts=4, bent_starts=2, steps=20)


@pytest.fixture(scope="module")
def found(known_bend: Any) -> HybridFit:
    return bend_to_fit(known_bend.bent_target, known_bend.flexible.model, settings=FEW)


def test_a_known_bend_is_found(known_bend: Any, found: HybridFit) -> None:
    truth = known_bend.truth.centroid_angstrom.astype(np.float64)
    before = superposed_rmsd(truth, known_bend.flexible.points)
    after = superposed_rmsd(truth, found.bent_model.centroid_angstrom.astype(np.float64))
    assert before > 3 and after < 0.5 * before
    assert found.warranted and found.log_evidence_ratio > 10
    ahead = found.pose_log_evidence_ratio
    assert found.pose_settled == (ahead is None or ahead >= FEW.settled)
    assert found.bent.correlation > found.rigid.correlation
    assert found.bent.log_likelihood > found.rigid.log_likelihood
    assert np.all(np.diag(found.bent.covariance) > 0)
    distortion = distortion_of(found.flexible, found.bent.state.modes)
    assert distortion.rmsd_angstrom == pytest.approx(before, abs=2) and distortion.energy > 0.5


def test_no_bend_is_invented(known_bend: Any) -> None:
    found = bend_to_fit(known_bend.straight_target, known_bend.flexible.model, settings=FEW)
    assert not found.warranted
    assert distortion_of(found.flexible, found.bent.state.modes).rmsd_angstrom < 2


def test_the_pose_is_a_rotation_and_a_mirrored_image_is_seen_from_behind(known_bend: Any) -> None:
    model = known_bend.flexible.model
    full = known_bend.straight_target
    # Mirrored about the middle column of 64: column k goes to 64 - k.
    mirrored = replace(full, image=full.image.roll(-1, 1).flip(1).contiguous())
    settings = replace(FEW, bent_starts=1, steps=3)
    one, other = (bend_to_fit(t, model, settings=settings).rigid for t in (full, mirrored))
    turns = [quaternions_to_matrices(f.state.pose.quaternion)[0] for f in (one, other)]
    assert [np.linalg.det(turn) for turn in turns] == pytest.approx([1, 1])
    (true,) = quaternions_to_matrices(known_bend.quaternion[None])
    assert np.trace(turns[0].T @ true) > 1 + 2 * np.cos(np.radians(12))
    assert turns[0][2] @ turns[1][2] < 0
    assert one.correlation > other.correlation


def test_atoms_go_where_their_beads_go(known_bend: Any) -> None:
    bending = known_bend.flexible
    beads = bending.points
    text = np.full(len(beads), "CA")
    atoms = Atoms(
        text, text, np.arange(len(beads)).astype(np.str_), text, text, beads + np.array([0.5, 0.2, -0.3])
    )
    turn = np.array([0.0, 0.0, 0.4])
    (matrix,) = quaternions_to_matrices(np.array([[np.cos(0.2), 0, 0, np.sin(0.2)]]))
    moved = carried_along(atoms, beads, beads @ matrix.T + [1, 2, 3], np.tile(turn, (len(beads), 1)))
    np.testing.assert_allclose(
        moved.position_angstrom, atoms.position_angstrom @ matrix.T + [1, 2, 3], atol=1e-9
    )
