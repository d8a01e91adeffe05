from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import (
    multiply_quaternions,
    quaternion_about_beam,
    quaternion_from_direction,
    random_quaternions,
)
from emsearch.imaging.simulate import Simulator
from emsearch.search.coarse_views import CoarseSettings, CoarseViews
from emsearch.search.library import StructureLibrary
from emsearch.search.matching import Match, MatchingSettings, Pose, match
from emsearch.search.target import Target
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel

PIXEL, BOX, APERTURE = 4.5, 64, 32.0
NAMES = [f"blob{seed}" for seed in range(5)]
QUICK = MatchingSettings(coarse=CoarseSettings(nside=2, fills=(1.0,), uptakes=(0.0,)), starts=1, steps=1)


def matches_of(
    image: Tensor, names: list[str], views: CoarseViews, *, centres_px: Tensor | None = None, **more: Any
) -> list[Match]:
    target = Target.measured(image, APERTURE, PIXEL, centres_px=centres_px)
    return match([(target, names)], views, **more)[0]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Images (n, box, box), normalised, and how they were made."""

    images: Tensor
    structure: NDArray[np.int64]
    quaternion: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    fill: NDArray[np.float64]


def draw(simulator: Simulator, n: int, seed: int, snr: float) -> Drawn:
    rng = np.random.default_rng(seed)
    quaternion = random_quaternions(rng, n)
    shift = rng.uniform(-2, 2, (n, 2))
    fill = np.where(rng.random(n) < 0.4, 1.0, rng.uniform(0.45, 1.0, n))
    structure = rng.integers(0, len(simulator.cloud), n)
    parameters = clean_parameters(quaternion).with_values(shift_angstrom=shift * PIXEL, fill=fill, snr=snr)
    shot = simulator.micrographs(structure, parameters, np.full(n, PIXEL), BOX, seed)
    return Drawn(normalise(shot.micrographs, torch.full((n,), APERTURE)), structure, quaternion, shift, fill)


def redraw(simulator: Simulator, structure: int, pose: Pose) -> NDArray[np.float32]:
    """Draw the structure as the pose says, by the simulator alone."""
    parameters = clean_parameters(
        pose.quaternion[None], fill=pose.fill, resolution_angstrom=pose.resolution_angstrom
    ).with_values(
        shift_angstrom=np.array([pose.shift_px]) * PIXEL,
        magnification=pose.scale,
        uptake=pose.uptake,
        top_signal=pose.top_signal,
    )
    drawn = simulator.projections(np.array([structure]), parameters, np.array([PIXEL]), BOX)
    return np.asarray(drawn[0].numpy())


def angle_degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def fitted_places(matches: list[Match]) -> list[int]:
    return [k for k, m in enumerate(matches) if m.fitted]


@pytest.fixture(scope="module")
def views(blobs: dict[str, BeadModel]) -> CoarseViews:
    return CoarseViews(StructureLibrary(blobs))


@pytest.fixture(scope="module")
def matched(blob_simulator: Simulator, views: CoarseViews) -> tuple[Drawn, list[Match]]:
    drawn = draw(blob_simulator, 24, seed=3, snr=10)
    matches = [
        matches_of(image, [NAMES[structure]], views)[0]
        for image, structure in zip(drawn.images, drawn.structure, strict=True)
    ]
    return drawn, matches


def rotation_errors(matched: tuple[Drawn, list[Match]]) -> NDArray[np.float64]:
    """Return (n, 2) degrees: of the direction alone, and of the whole rotation."""
    drawn, matches = matched
    truth = quaternions_to_matrices(drawn.quaternion)
    found = quaternions_to_matrices(np.stack([m.pose.quaternion for m in matches]))
    direction = [angle_degrees(float(a[2] @ b[2])) for a, b in zip(truth, found, strict=True)]
    rotation = [angle_degrees((np.trace(a @ b.T) - 1) / 2) for a, b in zip(truth, found, strict=True)]
    return np.stack([direction, rotation], 1)


def test_direction_and_whole_rotation_are_recovered(matched: tuple[Drawn, list[Match]]) -> None:
    errors = rotation_errors(matched)
    assert (np.median(errors, 0) < (2, 2)).all()
    assert ((errors < (8, 10)).mean(0) > 0.9).all()


def test_shift_and_fill_are_recovered(matched: tuple[Drawn, list[Match]]) -> None:
    drawn, matches = matched
    facing = rotation_errors(matched)[:, 1] < 10
    shift = np.abs(np.array([m.pose.shift_px for m in matches]) - drawn.shift_px)[facing]
    fill = np.abs(np.array([m.pose.fill for m in matches]) - drawn.fill)[facing]
    assert shift.max() < 0.5 and np.median(shift) < 0.1
    assert fill.max() < 0.2 and np.median(fill) < 0.05


def test_the_pose_redraws_the_image(matched: tuple[Drawn, list[Match]], blob_simulator: Simulator) -> None:
    drawn, matches = matched
    mirrored, upright = [], []
    for image, structure, m in zip(drawn.images.numpy(), drawn.structure, matches, strict=True):
        again = redraw(blob_simulator, int(structure), m.pose)
        upright.append(np.corrcoef(again.ravel(), image.ravel())[0, 1])
        mirrored.append(np.corrcoef(again[::-1].ravel(), image.ravel())[0, 1])
        assert m.correlation == pytest.approx(upright[-1], abs=0.08)
        assert m.fitted and np.isfinite(m.log_posterior) and 0.8 < m.explained < 1.2
    assert np.median(upright) > 0.85 and np.median(mirrored) < 0.75


def test_the_right_structure_wins_among_five_in_noise(blob_simulator: Simulator, views: CoarseViews) -> None:
    drawn = draw(blob_simulator, 12, seed=11, snr=2)
    right = 0
    for image, structure in zip(drawn.images, drawn.structure, strict=True):
        matches = matches_of(image, NAMES, views)
        assert len(matches) == 5
        right += int(np.argmax([m.log_posterior for m in matches])) == structure
    assert right >= 11


def test_order_of_the_names_asked_for_is_kept(blob_simulator: Simulator, views: CoarseViews) -> None:
    image = draw(blob_simulator, 1, seed=5, snr=5).images[0]
    names = ["blob0", "blob3", "blob1"]
    forward = matches_of(image, names, views, settings=QUICK)
    backward = matches_of(image, names[::-1], views, settings=QUICK)
    for a, b in zip(forward, backward[::-1], strict=True):
        assert a.evidence == pytest.approx(b.evidence, rel=1e-5)
        assert a.log_posterior == pytest.approx(b.log_posterior, rel=1e-4)
        np.testing.assert_allclose(a.pose.quaternion, b.pose.quaternion, atol=1e-3)


def test_only_the_structures_of_most_evidence_are_fitted(
    blob_simulator: Simulator, views: CoarseViews
) -> None:
    image = draw(blob_simulator, 1, seed=8, snr=5).images[0]
    matches = matches_of(image, NAMES, views, settings=replace(QUICK, structures_fitted=2))
    order = np.argsort([-m.evidence for m in matches])
    assert sorted(order[:2].tolist()) == fitted_places(matches)
    for k in order[2:]:
        left = matches[k]
        assert left.log_posterior == -np.inf and left.explained == 0
        assert 0 < left.correlation < 1 and (left.pose.fill, left.pose.scale) == (1.0, 1.0)


def test_without_structures_to_fit_the_coarse_search_answers(
    blob_simulator: Simulator, views: CoarseViews
) -> None:
    image = draw(blob_simulator, 1, seed=8, snr=5).images[0]
    coarse = matches_of(image, NAMES, views, settings=replace(QUICK, structures_fitted=0))
    fitted = matches_of(image, NAMES, views, settings=QUICK)
    assert [m.fitted for m in coarse] == [False] * 5 and [m.fitted for m in fitted] == [True] * 5
    assert [m.evidence for m in coarse] == [m.evidence for m in fitted]


def test_expectation_decides_who_is_fitted_and_nothing_else(
    blob_simulator: Simulator, views: CoarseViews
) -> None:
    image = draw(blob_simulator, 1, seed=8, snr=5).images[0]
    one = replace(QUICK, structures_fitted=1)
    plain = matches_of(image, NAMES, views, settings=one)
    last = int(np.argmin([m.evidence for m in plain]))
    expectation = np.where(np.arange(5) == last, 0.0, -1e4)
    expected = matches_of(image, NAMES, views, expectation=expectation, settings=one)
    assert fitted_places(expected) == [last] != fitted_places(plain)
    assert [m.evidence for m in expected] == [m.evidence for m in plain]


def test_more_steps_explain_no_less(blob_simulator: Simulator, views: CoarseViews) -> None:
    for image in draw(blob_simulator, 4, seed=23, snr=0.5).images[:2]:
        found = [
            matches_of(image, ["blob2"], views, settings=replace(QUICK, steps=steps))[0]
            for steps in (1, 2, 4)
        ]
        correlations = [m.correlation for m in found]
        assert correlations[-1] >= correlations[0] - 0.02


def test_a_clear_picture_that_nothing_explains_is_looked_at_again(
    blob_simulator: Simulator, views: CoarseViews
) -> None:
    image = draw(blob_simulator, 1, seed=4, snr=50.0).images[0]
    settings = replace(QUICK, structures_fitted=3, unexplained=np.inf)
    once = matches_of(image, NAMES, views, settings=settings)
    misfit = max((m for m in once if m.fitted), key=lambda m: m.log_posterior).misfit
    content, again = (
        matches_of(image, NAMES, views, settings=replace(settings, unexplained=misfit + by))
        for by in (0.01, -0.01)
    )
    thorough = matches_of(image, NAMES, views, settings=settings.thoroughly())
    assert [m.log_posterior for m in content] == [m.log_posterior for m in once]
    assert [m.log_posterior for m in again] == [m.log_posterior for m in thorough]
    assert max(m.log_posterior for m in thorough) > max(m.log_posterior for m in once)


def test_a_particle_out_of_reach_of_the_middle_is_found_about_another_centre(
    blob_simulator: Simulator, views: CoarseViews
) -> None:
    parameters = clean_parameters(np.array([[1.0, 0.0, 0.0, 0.0]])).with_values(
        shift_angstrom=[[8 * PIXEL, -4 * PIXEL]], snr=10
    )
    shot = blob_simulator.micrographs(np.array([2]), parameters, np.array([PIXEL]), BOX, 0)
    image = normalise(shot.micrographs, torch.tensor([APERTURE]))[0]
    about = torch.tensor([[0.0, 0.0], [7.0, -3.0]])
    there = matches_of(image, ["blob2"], views, centres_px=about)[0]
    middle = matches_of(image, ["blob2"], views)[0]
    assert there.pose.shift_px == pytest.approx((8.0, -4.0), abs=0.6)
    assert there.correlation > middle.correlation


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 200.0, 359.0])
def test_in_plane_degrees_is_the_turn_after_the_shortest_rotation(angle: float) -> None:
    direction = quaternion_from_direction(np.array([0.6, 0.0, -0.8]))
    turned = multiply_quaternions(quaternion_about_beam(np.array(angle)), direction)
    for sign in (1, -1):
        pose = Pose(sign * turned, (0.0, 0.0), 1.0, 1.0, 20.0, 0.0, 0.0)
        assert pose.in_plane_degrees == pytest.approx(angle)


def test_in_plane_degrees_by_hand() -> None:
    half = np.sqrt(0.5)
    a_quarter_about_the_beam = np.array([half, 0.0, 0.0, half])
    a_quarter_about_x = np.array([half, half, 0.0, 0.0])

    def in_plane(quaternion: NDArray[np.float64]) -> float:
        return Pose(quaternion, (0.0, 0.0), 1.0, 1.0, 20.0, 0.0, 0.0).in_plane_degrees

    assert in_plane(a_quarter_about_the_beam) == pytest.approx(90)
    assert in_plane(a_quarter_about_x) == 0
    both = multiply_quaternions(a_quarter_about_the_beam, a_quarter_about_x)
    assert in_plane(both) == pytest.approx(90)
    # about x, y goes to z (the beam) and stays there; x, across the beam, is then turned towards y
    matrix = quaternions_to_matrices(both)
    np.testing.assert_allclose(matrix @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-12)
