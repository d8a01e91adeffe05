from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.search.matching import MatchingSettings, Pose, match
from emsearch.search.polar import PolarGrid, polar_coefficients
from emsearch.shapes.rotations import quaternions_to_matrices

PIXEL, BOX, APERTURE = 4.5, 64, 32.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """Images (n, box, box), normalised, and how they were made."""

    images: Tensor
    structure: NDArray[np.int64]
    quaternion: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    fill: NDArray[np.float64]


def draw(simulator: Simulator, n: int, seed: int, snr: float = np.inf) -> Drawn:
    rng = np.random.default_rng(seed)
    quaternion = random_quaternions(rng, n)
    shift = rng.uniform(-2, 2, (n, 2))
    fill = np.where(rng.random(n) < 0.4, 1.0, rng.uniform(0.45, 1.0, n))
    structure = rng.integers(0, len(simulator.cloud), n)
    parameters = clean_parameters(quaternion).with_values(shift_angstrom=shift * PIXEL, fill=fill, snr=snr)
    shot = simulator.micrographs(structure, parameters, np.full(n, PIXEL), BOX, seed)
    return Drawn(normalise(shot.micrographs, torch.full((n,), APERTURE)), structure, quaternion, shift, fill)


def redraw(simulator: Simulator, pose: Pose) -> NDArray[np.float32]:
    """Draw the structure as the pose says, without polar grids or in-plane angles apart."""
    parameters = clean_parameters(
        pose.full_quaternion()[None], fill=pose.fill, resolution_angstrom=pose.resolution_angstrom
    ).with_values(shift_angstrom=np.array([pose.shift_px]) * PIXEL)
    drawn = simulator.projections(np.array([pose.structure]), parameters, np.array([PIXEL]), BOX)
    return np.asarray(drawn[0].numpy())


def angle_degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


@pytest.fixture(scope="module")
def clean(blob_simulator: Simulator) -> tuple[Drawn, list[Pose]]:
    drawn = draw(blob_simulator, 24, seed=3)
    poses = [
        match(image, APERTURE, [int(structure)], blob_simulator, PIXEL)[0]
        for image, structure in zip(drawn.images, drawn.structure, strict=True)
    ]
    return drawn, poses


def test_direction_and_whole_rotation_are_recovered(clean: tuple[Drawn, list[Pose]]) -> None:
    drawn, poses = clean
    truth = quaternions_to_matrices(drawn.quaternion)
    found = quaternions_to_matrices(np.stack([p.full_quaternion() for p in poses]))
    direction = [angle_degrees(float(a[2] @ b[2])) for a, b in zip(truth, found, strict=True)]
    rotation = [angle_degrees((np.trace(a @ b.T) - 1) / 2) for a, b in zip(truth, found, strict=True)]
    assert max(direction) < 8 and np.median(direction) < 3
    assert max(rotation) < 10 and np.median(rotation) < 4


def test_shift_and_fill_are_recovered(clean: tuple[Drawn, list[Pose]]) -> None:
    drawn, poses = clean
    assert np.abs(np.array([p.shift_px for p in poses]) - drawn.shift_px).max() < 0.5
    assert np.abs(np.array([p.fill for p in poses]) - drawn.fill).max() < 0.15


def test_the_pose_redraws_the_image(clean: tuple[Drawn, list[Pose]], blob_simulator: Simulator) -> None:
    drawn, poses = clean
    mirrored = []
    for image, pose in zip(drawn.images.numpy(), poses, strict=True):
        again = redraw(blob_simulator, pose)
        assert np.corrcoef(again.ravel(), image.ravel())[0, 1] > 0.95
        assert 0.97 < pose.correlation <= 1 + 1e-5
        mirrored.append(np.corrcoef(again[::-1].ravel(), image.ravel())[0, 1])
    assert np.median(mirrored) < 0.8


def test_the_right_structure_wins_among_five_in_noise(blob_simulator: Simulator) -> None:
    drawn = draw(blob_simulator, 12, seed=11, snr=2)
    names = list(range(5))
    right = 0
    for image, structure in zip(drawn.images, drawn.structure, strict=True):
        poses = match(image, APERTURE, names, blob_simulator, PIXEL)
        assert [p.structure for p in poses] == names
        right += int(np.argmax([p.correlation for p in poses])) == structure
    assert right >= 11


def test_order_of_the_structures_asked_for_is_kept(blob_simulator: Simulator) -> None:
    image = draw(blob_simulator, 1, seed=5).images[0]
    quick = MatchingSettings(nside=2, fills=(1.0,), rounds=0)
    forward = match(image, APERTURE, [0, 3, 1], blob_simulator, PIXEL, settings=quick)
    backward = match(image, APERTURE, [1, 3, 0], blob_simulator, PIXEL, settings=quick)
    assert [p.structure for p in forward] == [0, 3, 1]
    assert [p.correlation for p in forward] == [p.correlation for p in backward[::-1]]


def test_refinement_never_loses_what_the_search_found(blob_simulator: Simulator) -> None:
    drawn = draw(blob_simulator, 6, seed=23, snr=0.5)
    for image in drawn.images:
        scores = [
            match(
                image, APERTURE, [2], blob_simulator, PIXEL, settings=MatchingSettings(nside=2, rounds=rounds)
            )[0].correlation
            for rounds in range(4)
        ]
        assert all(later >= earlier - 1e-6 for earlier, later in pairwise(scores))


def test_only_the_best_structures_are_refined(blob_simulator: Simulator) -> None:
    drawn = draw(blob_simulator, 1, seed=8)
    settings = MatchingSettings(nside=2, structures_refined=1)
    coarse = match(
        drawn.images[0], APERTURE, range(5), blob_simulator, PIXEL, settings=replace(settings, rounds=0)
    )
    fine = match(drawn.images[0], APERTURE, range(5), blob_simulator, PIXEL, settings=settings)
    changed = [k for k in range(5) if fine[k].correlation != coarse[k].correlation]
    assert changed == [int(np.argmax([p.correlation for p in coarse]))]


def test_correlation_is_that_of_the_polar_samples_at_a_fine_angle(blob_simulator: Simulator) -> None:
    """White noise against itself: its highest frequency along circles must not count twice."""
    from emsearch.search.matching import _correlate

    noise = torch.randn(3, BOX, BOX, generator=torch.Generator().manual_seed(0))
    own = polar_coefficients(noise, PolarGrid(rings=30))[:, None]
    for angles in (64, 256):
        best, shift, turn = _correlate(own, own, angles)
        assert best[:, 0].tolist() == pytest.approx([1] * 3, abs=1e-4)
        assert shift[:, 0].tolist() == turn[:, 0].tolist() == [0, 0, 0]


def test_full_quaternion_turns_after_the_direction() -> None:
    half = np.sqrt(0.5)
    pose = Pose(0, np.array([half, half, 0.0, 0.0]), 90.0, (0.0, 0.0), 1.0, 20.0, 1.0)  # 90 degrees about x
    matrix = quaternions_to_matrices(pose.full_quaternion())
    # y goes to z (the beam) and stays there; x, across the beam, is turned towards y
    np.testing.assert_allclose(matrix @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    assert np.linalg.norm(pose.full_quaternion()) == pytest.approx(1)


def test_a_particle_out_of_reach_of_the_middle_is_found_about_another_centre(
    blob_simulator: Simulator,
) -> None:
    parameters = clean_parameters(np.array([[1.0, 0.0, 0.0, 0.0]])).with_values(
        shift_angstrom=[[8 * PIXEL, -4 * PIXEL]]
    )
    image = blob_simulator.micrographs(np.array([2]), parameters, np.array([PIXEL]), 64, 0).images[0]
    about = torch.tensor([[0.0, 0.0], [7.0, -3.0]])
    pose = match(image, APERTURE, [2], blob_simulator, PIXEL, centres_px=about)[0]
    assert pose.shift_px == pytest.approx((8.0, -4.0), abs=0.6)
