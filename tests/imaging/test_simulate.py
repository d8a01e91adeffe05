from dataclasses import replace

import numpy as np
import pytest
import torch

from emsearch.imaging.blur import blur_taps
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import ImageParameters, ParameterRanges, clean_parameters
from emsearch.imaging.simulate import Shot, Simulator
from emsearch.structures.beads import BeadModel

PIXEL, BOX, N = 4.0, 48, 12


@pytest.fixture(scope="module")
def parameters() -> ImageParameters:
    return ParameterRanges().sample(np.random.default_rng(1), N, np.full(N, PIXEL * BOX))


STRUCTURE = np.array([0, 2] * (N // 2))


def shoot(cloud: BeadCloud, p: ImageParameters, seed: int, images: slice = slice(None)) -> Shot:
    p = p[images]
    pixel = np.full(len(p), PIXEL)
    return Simulator(cloud).micrographs(STRUCTURE[images], p, pixel, BOX, seed)


def test_the_same_seed_gives_the_same_images(cloud: BeadCloud, parameters: ImageParameters) -> None:
    first, again, other = (shoot(cloud, parameters, seed) for seed in (5, 5, 6))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.projections, other.projections)
    difference = (first.images - other.images).abs().amax((1, 2))
    assert bool((difference > 0.05).all())


def test_noise_belongs_to_the_batch_but_the_signal_to_the_image(
    cloud: BeadCloud, parameters: ImageParameters
) -> None:
    whole = shoot(cloud, parameters, 5)
    part = shoot(cloud, parameters, 5, slice(4, None))
    peak = whole.projections[4:].abs().amax((1, 2), keepdim=True)
    assert bool(((part.projections - whole.projections[4:]).abs() < 2e-3 * peak).all())
    assert not torch.allclose(part.images, whole.images[4:], atol=0.05)


def test_images_are_the_normalised_micrographs(cloud: BeadCloud, parameters: ImageParameters) -> None:
    shot = shoot(cloud, parameters.with_values(aperture=1.0), 5)
    assert shot.images.shape == (N, BOX, BOX)
    assert shot.images.dtype == torch.float32
    torch.testing.assert_close(shot.images, normalise(shot.micrographs, torch.full((N,), BOX / 2)))
    assert bool(torch.isfinite(shot.images).all())


def test_an_aperture_never_cuts_the_particle(cloud: BeadCloud, parameters: ImageParameters) -> None:
    narrow = shoot(cloud, parameters.with_values(aperture=0.01), 5)
    seen = (narrow.images != 0).sum((1, 2))
    radius_px = torch.from_numpy(cloud.radius_angstrom[STRUCTURE]) / PIXEL
    least = torch.pi * (1.15 * radius_px.clamp_max(BOX / 2 / 1.15) - 2) ** 2
    assert bool((seen > least).all())
    assert bool((seen < 0.8 * BOX**2).all())


def test_clean_images_of_stain_are_bright(cloud: BeadCloud, parameters: ImageParameters) -> None:
    shown = parameters.with_values(snr=np.inf, voltage_kv=0.0, rim=0.0, uptake=0.0, top_signal=0.0)
    shot = shoot(cloud, replace(shown, shift_angstrom=np.zeros((N, 2), np.float32)), 1)
    middle = shot.images[:, BOX // 2 - 4 : BOX // 2 + 5, BOX // 2 - 4 : BOX // 2 + 5].mean((1, 2))
    assert bool((middle > 0.5).all())


def test_clouds_hold_structures_end_to_end(cloud: BeadCloud, model: BeadModel) -> None:
    assert len(cloud) == 3
    assert cloud.start.tolist()[:3] == [0, len(model), len(model) + 1]
    np.testing.assert_array_equal(cloud.centroid_angstrom[:, : len(model)], model.centroid_angstrom.T)
    furthest = np.linalg.norm(model.centroid_angstrom, axis=1).max()
    assert cloud.radius_angstrom[0] == pytest.approx(furthest + 2 * 1.2, rel=1e-5)
    ice = model.scattering_angstrom - np.float32(0.0935) * model.volume_angstrom3
    np.testing.assert_allclose(cloud.ice_weight[: len(model)], ice, rtol=1e-5)


def test_taps_sum_to_one_and_turn_a_triangle_into_a_gaussian() -> None:
    sigma = np.array([0.9, 1.5, 2.5])
    taps = blur_taps(sigma)
    np.testing.assert_allclose(taps[:, 0] + 2 * taps[:, 1:].sum(1), 1, rtol=1e-6)
    k = np.linspace(0, 0.5, 26)
    transfer = taps[:, :1] + 2 * taps[:, 1:] @ np.cos(2 * np.pi * np.outer(np.arange(1, taps.shape[1]), k))
    gaussian = np.exp(-2 * (np.pi * sigma[:, None] * k) ** 2)
    np.testing.assert_allclose(transfer * np.sinc(k) ** 2, gaussian, atol=2e-3)


def test_a_neighbour_stands_where_it_is_put(cloud: BeadCloud) -> None:
    alone = clean_parameters(np.array([[1.0, 0.0, 0.0, 0.0]]))
    crowded = alone.with_values(
        neighbour_distance=0.6, neighbour_angle_degrees=90.0
    )  # below: rows count down
    which, pixel, box = np.zeros(1, np.int64), np.full(1, 6.0), 64
    shot = Simulator(cloud).micrographs(which, crowded, pixel, box, 1)
    below = alone.with_values(shift_angstrom=[0.0, 2 * 0.6 * cloud.radius_angstrom[0]])
    one, other = (Simulator(cloud).projections(which, p, pixel, box) for p in (alone, below))
    torch.testing.assert_close(shot.projections, one)
    pair = torch.stack([shot.micrographs.flatten(), (one + other).flatten()])
    assert float(torch.corrcoef(pair)[0, 1]) == pytest.approx(1, abs=1e-5)
