from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import multiply_quaternions, random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.search.fitting import Fit, fit
from emsearch.search.image_model import SLOPES, ImageModel
from emsearch.search.poses import NAMES, Poses
from emsearch.search.prior import Prior
from emsearch.search.target import Target
from emsearch.shapes.rotations import quaternions_to_matrices

PIXEL, BOX, APERTURE = 4.5, 64, 32.0
COUNT = 8
AXIS = torch.arange(BOX, dtype=torch.float32) - BOX // 2


def target(image: Tensor, weight: Tensor | None = None) -> Target:
    even = torch.ones(BOX, BOX // 2 + 1)
    return Target(
        image, APERTURE, PIXEL, even if weight is None else weight, torch.ones_like(even), torch.zeros(1, 2)
    )


def true_poses(simulator: Simulator, seed: int, n: int = COUNT) -> Poses:
    rng = np.random.default_rng(seed)
    return Poses(
        structure=np.arange(n) % len(simulator.cloud),
        quaternion=random_quaternions(rng, n),
        shift_px=rng.uniform(-1.5, 1.5, (n, 2)),
        scale=np.zeros(n),
        fill=rng.uniform(0.5, 0.9, n),
        blur=np.full(n, np.log(20.0)),
        uptake=np.zeros(n),
        top=np.full(n, 0.1),
    )


def perturbed(poses: Poses, seed: int = 0) -> Poses:
    """Turn by 6 degrees, shift by 1 px, change the fill by 0.1."""
    rng = np.random.default_rng(seed)
    n = len(poses)
    axis = rng.normal(size=(n, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    half = np.radians(6.0) / 2
    turn = np.concatenate([np.full((n, 1), np.cos(half)), np.sin(half) * axis], axis=1)
    towards = rng.uniform(0, 2 * np.pi, n)
    return Poses(
        structure=poses.structure,
        quaternion=multiply_quaternions(turn, poses.quaternion),
        shift_px=poses.shift_px + np.stack([np.cos(towards), np.sin(towards)], 1),
        scale=poses.scale,
        fill=poses.fill + rng.choice([-0.1, 0.1], n),
        blur=poses.blur + 0.1,
        uptake=poses.uptake,
        top=poses.top,
    )


def images_of(simulator: Simulator, poses: Poses, snr: float = np.inf, **more: object) -> Tensor:
    parameters = clean_parameters(poses.quaternion).with_values(
        shift_angstrom=poses.shift_px * PIXEL, fill=poses.fill, top_signal=poses.top, snr=snr, **more
    )
    n = len(poses)
    shot = simulator.micrographs(poses.structure, parameters, np.full(n, PIXEL), BOX, seed=5)
    return normalise(shot.micrographs, torch.full((n,), APERTURE))


def fit_each(images: Tensor, starts: Poses, simulator: Simulator, steps: int = 5) -> list[Fit]:
    return [
        fit(ImageModel(target(image), simulator), starts[np.array([k])], steps=steps)
        for k, image in enumerate(images)
    ]


def errors(found: list[Fit], truth: Poses) -> NDArray[np.float64]:
    """Return how far off each fit is, (n, 3): degrees, px and fill."""
    a = quaternions_to_matrices(truth.quaternion)
    b = quaternions_to_matrices(np.concatenate([f.poses.quaternion for f in found]))
    cosine = (np.einsum("nij,nij->n", a, b) - 1) / 2
    shift = np.concatenate([f.poses.shift_px for f in found]) - truth.shift_px
    fill = np.concatenate([f.poses.fill for f in found]) - truth.fill
    degrees = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return np.stack([degrees, np.linalg.norm(shift, axis=1), np.abs(fill)], 1)


@pytest.fixture(scope="module")
def truth(blob_simulator: Simulator) -> Poses:
    return true_poses(blob_simulator, seed=2)


def test_a_pose_a_little_off_is_brought_back(blob_simulator: Simulator, truth: Poses) -> None:
    found = fit_each(images_of(blob_simulator, truth), perturbed(truth), blob_simulator)
    assert (errors(found, truth).max(0) < (0.5, 0.03, 0.02)).all()
    for f in found:
        assert f.correlation[0] > 0.999
        assert np.exp(f.poses.blur[0]) == pytest.approx(20, abs=0.5)
        assert f.poses.scale[0] == pytest.approx(0, abs=0.01)


def test_noise_leaves_the_pose_near(blob_simulator: Simulator, truth: Poses) -> None:
    images = images_of(blob_simulator, truth, snr=2)
    before = fit_each(images, perturbed(truth), blob_simulator, steps=0)
    found = fit_each(images, perturbed(truth), blob_simulator)
    assert (np.median(errors(found, truth), 0) < (4, 0.2, 0.05)).all()
    assert (errors(found, truth).max(0) < (8, 0.6, 0.2)).all()
    for f, b in zip(found, before, strict=True):
        assert f.correlation[0] > b.correlation[0]


def test_what_lies_beside_the_projection_does_not_disturb_the_pose(
    blob_simulator: Simulator, truth: Poses
) -> None:
    images = images_of(blob_simulator, truth, rim=0.15, rim_width_angstrom=50.0, rim_side=0.6)
    images = 3 * images + 5 + 0.05 * AXIS[None, :] - 0.08 * AXIS[:, None]
    found = fit_each(images, perturbed(truth), blob_simulator)
    assert (errors(found, truth).max(0) < (1, 0.1, 0.03)).all()
    assert min(f.correlation[0] for f in found) > 0.99


def test_more_steps_never_cost_more(blob_simulator: Simulator, truth: Poses) -> None:
    few = truth[np.arange(3)]
    images = images_of(blob_simulator, few, snr=0.5)
    costs = np.array(
        [[f.cost[0] for f in fit_each(images, perturbed(few), blob_simulator, steps)] for steps in range(5)]
    )
    assert all((later <= earlier + 1e-6).all() for earlier, later in pairwise(costs))
    assert (costs[-1] < costs[0]).all()


def test_poses_fitted_together_are_fitted_as_each_alone(blob_simulator: Simulator, truth: Poses) -> None:
    image = images_of(blob_simulator, truth[:1], snr=3)[0]
    starts = perturbed(truth)
    together = fit(ImageModel(target(image), blob_simulator), starts, steps=2)
    alone = fit(ImageModel(target(image), blob_simulator), starts[np.array([4])], steps=2)
    assert together.cost[4] == pytest.approx(alone.cost[0], rel=1e-4)
    assert together.correlation[4] == pytest.approx(alone.correlation[0], abs=1e-3)
    assert together.poses.structure.tolist() == truth.structure.tolist()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("tilt_x", 0.03),
        ("spin", 0.03),
        ("shift_x", 0.25),
        ("shift_y", 0.25),
        ("scale", 0.02),
        ("fill", 0.05),
        ("blur", 0.03),
        ("top", 0.05),
    ],
)
def test_derivatives_are_those_of_redrawn_projections(
    blob_simulator: Simulator, truth: Poses, name: str, step: float
) -> None:
    """Beads fall on a grid of pixels, so what is drawn a little aside has noise of its own: it is small."""
    own, number, few = ImageModel(target(torch.zeros(BOX, BOX)), blob_simulator), NAMES.index(name), truth[:3]
    steps = np.where(np.arange(10) == number, step, 0.0)[None].repeat(3, 0)
    there, back = (own.draw(few.moved(sign * steps)) for sign in (1, -1))
    peak = own.draw(few).amax((1, 2), keepdim=True)
    expected = own.spectra((there - back) / (2 * step * peak))
    found = own.columns(few)[:, SLOPES][:, number]
    size = torch.linalg.vector_norm(expected, dim=1)
    along = (found.conj() * expected).sum(1).real / size**2
    aside = torch.linalg.vector_norm(found - expected, dim=1) / size
    assert along.tolist() == pytest.approx([1] * 3, abs=0.15 if name == "fill" else 0.05)
    assert float(aside.max()) < (0.01 if name in ("blur", "top") else 0.25)


def test_real_products_of_spectra_are_those_of_images(blob_simulator: Simulator) -> None:
    images = torch.randn(2, BOX, BOX, generator=torch.Generator().manual_seed(0))
    a, b = torch.view_as_real(ImageModel(target(images[0]), blob_simulator).spectra(images)).flatten(1)
    assert float(a @ b) == pytest.approx(float((images[0] * images[1]).sum()), abs=0.05)
    assert float(a @ a) == pytest.approx(float(images[0].square().sum()), rel=1e-4)
    twice = torch.view_as_real(
        ImageModel(target(images[0], torch.full((BOX, BOX // 2 + 1), 2.0)), blob_simulator).spectra(images)
    )
    assert float(twice[0].square().sum()) == pytest.approx(2 * float(a @ a), rel=1e-4)


def test_the_level_of_the_weights_does_not_matter(blob_simulator: Simulator, truth: Poses) -> None:
    image, start = images_of(blob_simulator, truth[:1], snr=2)[0], perturbed(truth[:1])
    plain, weighed = (
        fit(ImageModel(target(image, level * torch.ones(BOX, BOX // 2 + 1)), blob_simulator), start, steps=2)
        for level in (1.0, 3.0)
    )
    assert weighed.cost[0] == pytest.approx(plain.cost[0], rel=1e-4)


def test_a_dark_particle_correlates_negatively_and_is_penalised(
    blob_simulator: Simulator, truth: Poses
) -> None:
    one = truth[:1]
    image = images_of(blob_simulator, one, snr=10)
    (bright,), (dark,) = (fit_each(i, one, blob_simulator, steps=0) for i in (image, -image))
    assert bright.correlation[0] > 0.8
    assert dark.correlation[0] < 0
    assert dark.cost[0] > bright.cost[0] + 900


def test_the_true_structure_costs_least(blob_simulator: Simulator, truth: Poses) -> None:
    image = images_of(blob_simulator, truth[:1], snr=5)[0]
    others = truth[np.zeros(5, np.int64)]
    claimed = Poses(np.arange(5), *(getattr(others, name) for name in Poses.__slots__[1:]))
    found = fit(ImageModel(target(image), blob_simulator), claimed, steps=2)
    assert int(found.cost.argmin()) == int(found.correlation.argmax()) == truth.structure[0]


def test_a_tight_prior_holds_what_it_speaks_of(blob_simulator: Simulator, truth: Poses) -> None:
    image, start = images_of(blob_simulator, truth[:1], snr=1)[0], perturbed(truth[:1])
    held = Prior(fill=(0.35, 1e-3), resolution_angstrom=(30.0, 1e-3))
    found = fit(ImageModel(target(image), blob_simulator), start, steps=8, prior=held)
    assert found.poses.fill[0] == pytest.approx(0.35, abs=0.02)
    assert np.exp(found.poses.blur[0]) == pytest.approx(30, abs=1)


def test_poses_stay_within_what_can_be_drawn(truth: Poses) -> None:
    far = truth.moved(np.full((COUNT, 10), 9.0)).moved(np.full((COUNT, 10), 9.0))
    back = truth.moved(np.full((COUNT, 10), -9.0))
    assert (far.fill == 1).all() and (back.fill == 0.2).all()
    assert (far.top == 0.4).all() and (back.top == 0).all()
    assert np.exp(far.blur).max() <= 60.001 and np.exp(back.blur).min() >= 7.999
    np.testing.assert_allclose(np.linalg.norm(far.quaternion, axis=1), 1)


def test_small_steps_turn_about_the_axes_of_the_image(truth: Poses) -> None:
    angle = 0.01
    before = quaternions_to_matrices(truth.quaternion)
    for axis in range(3):
        step = np.where(np.arange(10) == axis, angle, 0.0)[None].repeat(COUNT, 0)
        turned = quaternions_to_matrices(truth.moved(step).quaternion) @ before.transpose(0, 2, 1)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        np.testing.assert_allclose(turned[:, j, i], np.sin(angle), atol=1e-5)
        np.testing.assert_allclose(turned[:, axis, axis], 1, atol=1e-9)


def test_a_particle_shifted_out_of_the_picture_gives_numbers(blob_simulator: Simulator, truth: Poses) -> None:
    """Its projection is empty there: nothing is explained and nothing divided by nothing."""
    image = images_of(blob_simulator, truth[np.arange(1)], snr=5.0)[0]
    far = replace(truth, shift_px=np.full((COUNT, 2), 500.0))
    found = fit(ImageModel(target(image), blob_simulator), far, steps=1)
    assert np.isfinite(found.cost).all() and np.isfinite(found.spread).all()
    assert np.abs(found.correlation).max() < 0.2


def test_a_projection_that_is_dark_throughout_leaves_numbers(
    blob_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    poses = true_poses(blob_simulator, seed=4)
    noise = torch.randn(BOX, BOX, generator=torch.Generator().manual_seed(1))
    model = ImageModel(target(noise), blob_simulator)
    drawn = model.draw
    monkeypatch.setattr(model, "draw", lambda poses: -drawn(poses).clamp_min(0))
    assert np.isfinite(model.gram(poses)).all()
    assert np.isfinite(fit(model, poses, steps=2).cost).all()
