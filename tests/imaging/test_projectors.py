"""The numba and the torch projector against each other, and both against the formula."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emsearch.imaging import project_cpu, project_torch
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.geometry import expose
from emsearch.imaging.parameters import ParameterRanges, clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.structures.beads import BeadModel

PIXEL, BOX = 3.5, 64
IDENTITY = np.array([[1.0, 0.0, 0.0, 0.0]])


def project(cloud: BeadCloud, structure: int, quaternion: NDArray[np.float64], **values: Any) -> Any:
    parameters = clean_parameters(quaternion).with_values(**values)
    n = len(quaternion)
    return Simulator(cloud).projections(np.full(n, structure), parameters, np.full(n, PIXEL), BOX).numpy()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"fill": 0.6, "softness_angstrom": 4.0},
        {"fill": 0.35, "softness_angstrom": 8.0, "top_signal": 0.25},
        {"uptake": 1.3},
        {"fill": 0.5, "uptake": 0.7, "flattening": 0.6, "widening": 1.1},
        {"stained": False, "fill": 0.5, "uptake": 1.0},
        {"shift_angstrom": (18.0, -40.0), "magnification": 1.05},
        {"resolution_angstrom": 8.0},
        {"resolution_angstrom": 30.0},
    ],
    ids=str,
)
def test_both_projectors_draw_the_same_image(cloud: BeadCloud, values: dict[str, Any]) -> None:
    parameters = clean_parameters(random_quaternions(np.random.default_rng(3), 6)).with_values(**values)
    exposure = expose(cloud, np.array([0, 1, 2, 2, 0, 0]), parameters, np.full(6, PIXEL), BOX)
    by_numba = project_cpu.project(cloud, exposure, BOX)
    device = torch.device("cpu")
    by_torch = project_torch.project(project_torch.TorchCloud(cloud, device), exposure, BOX).numpy()
    peak = np.abs(by_numba).max((1, 2), keepdims=True)
    assert (peak > 0).all()
    assert (np.abs(by_numba - by_torch) <= 1e-3 * peak).all()


def test_both_projectors_agree_on_sampled_parameters(cloud: BeadCloud) -> None:
    rng = np.random.default_rng(4)
    structure = rng.integers(0, len(cloud), 40)
    parameters = ParameterRanges().sample(rng, 40, np.full(40, PIXEL * BOX))
    exposure = expose(cloud, structure, parameters, np.full(40, PIXEL), BOX)
    by_numba = project_cpu.project(cloud, exposure, BOX)
    by_torch = project_torch.project(project_torch.TorchCloud(cloud, torch.device("cpu")), exposure, BOX)
    peak = np.abs(by_numba).max((1, 2), keepdims=True)
    assert (np.abs(by_numba - by_torch.numpy()) <= 1e-3 * peak).all()


@pytest.mark.parametrize("resolution", [20.0, 30.0])
def test_beads_are_the_gaussian_of_their_formula(cloud: BeadCloud, resolution: float) -> None:
    """Over sub-pixel places to 1 % of the peak; the splat of any one bead depends on where in the pixel it lies."""
    n = 400
    shift = np.random.default_rng(2).uniform(-0.5, 0.5, (n, 2)) * PIXEL
    quaternion = np.repeat(IDENTITY, n, axis=0)
    images = project(cloud, 1, quaternion, resolution_angstrom=resolution, shift_angstrom=shift)
    sigma_px = math.hypot(0.225 * resolution, 2.0) / PIXEL
    axis, offset = np.arange(BOX) - BOX // 2, shift[:, :, None, None] / PIXEL
    square = (axis[None, None, :] - offset[:, 0]) ** 2 + (axis[None, :, None] - offset[:, 1]) ** 2
    peak = 130 / (2 * np.pi * sigma_px**2)
    difference = images - peak * np.exp(-square / (2 * sigma_px**2))
    assert np.abs(difference.mean(0)).max() < 0.01 * peak
    assert np.abs(difference).max() < 0.1 * peak


@pytest.mark.parametrize("stained", [True, False])
def test_total_weight_is_kept(cloud: BeadCloud, model: BeadModel, stained: bool) -> None:
    images = project(cloud, 0, random_quaternions(np.random.default_rng(5), 4), stained=stained)
    ice = model.scattering_angstrom.sum() - 0.0935 * model.volume_angstrom3.sum()
    whole = model.volume_angstrom3.sum() if stained else ice
    np.testing.assert_allclose(images.sum((1, 2)), whole, rtol=1e-4)


def test_uptake_takes_the_volume_of_nucleotides_away(cloud: BeadCloud, model: BeadModel) -> None:
    image = project(cloud, 0, IDENTITY, uptake=1.0)[0]
    protein = model.volume_angstrom3[~model.nucleic].sum()
    assert 0 < protein < 0.9 * model.volume_angstrom3.sum()
    assert image.sum() == pytest.approx(protein, rel=1e-4)


def test_what_lies_off_the_image_is_left_out(cloud: BeadCloud) -> None:
    assert not project(cloud, 1, IDENTITY, shift_angstrom=(0.0, -PIXEL * BOX)).any()
    half = project(cloud, 0, IDENTITY, shift_angstrom=(PIXEL * BOX / 2, 0.0))
    whole = project(cloud, 0, IDENTITY)
    assert 0.2 < half.sum() / whole.sum() < 0.8


def test_partial_stain_shows_the_low_side_and_the_top_reverses(cloud: BeadCloud, model: BeadModel) -> None:
    weight, z = model.volume_angstrom3, model.centroid_angstrom[:, 2]
    surface = z.min() + 0.4 * np.ptp(z)
    embedded = 1 / (1 + np.exp((z - surface) / 3.0))
    for top in (0.0, 0.25):
        image = project(cloud, 0, IDENTITY, fill=0.4, softness_angstrom=3.0, top_signal=top)[0]
        expected = (weight * (embedded - top * (1 - embedded))).sum()
        assert image.sum() == pytest.approx(expected, rel=2e-3)


def test_flattening_leaves_a_full_projection_as_it_is(cloud: BeadCloud) -> None:
    quaternion = random_quaternions(np.random.default_rng(6), 1)
    np.testing.assert_allclose(
        project(cloud, 0, quaternion, flattening=0.6), project(cloud, 0, quaternion), rtol=1e-5, atol=1e-3
    )
