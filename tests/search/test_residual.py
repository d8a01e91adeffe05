import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.search.fitting import fit
from emsearch.search.image_model import ImageModel
from emsearch.search.poses import Poses
from emsearch.search.residual import Residual, residual
from emsearch.search.target import Target

PIXEL, BOX, APERTURE = 4.5, 64, 32.0


def drawn(simulator: Simulator, structure: int, snr: float, seed: int) -> tuple[Tensor, Poses]:
    quaternion = random_quaternions(np.random.default_rng(seed), 1)
    parameters = clean_parameters(quaternion).with_values(snr=snr)
    shot = simulator.micrographs(np.array([structure]), parameters, np.array([PIXEL]), BOX, seed)
    zero = np.zeros(1)
    poses = Poses(
        np.array([structure]), quaternion, np.zeros((1, 2)), zero, zero + 1, zero + np.log(20.0), zero, zero
    )
    return normalise(shot.micrographs, torch.tensor([APERTURE]))[0], poses


def left_by(simulator: Simulator, image: Tensor, poses: Poses) -> Residual:
    model = ImageModel(Target.measured(image, APERTURE, PIXEL), simulator)
    return residual(model, fit(model, poses, steps=3))


@pytest.mark.parametrize("snr", [20.0, 2.0])
def test_the_right_structure_leaves_noise(blob_simulator: Simulator, snr: float) -> None:
    found = [left_by(blob_simulator, *drawn(blob_simulator, seed % 5, snr, seed)) for seed in range(6)]
    assert abs(np.median([f.misfit[0] for f in found])) < 0.5
    assert np.median([f.explained[0] for f in found]) == pytest.approx(1, abs=0.1)


def test_a_wrong_structure_leaves_more(blob_simulator: Simulator) -> None:
    for seed in range(4):
        image, poses = drawn(blob_simulator, seed % 5, 10.0, seed)
        wrong = Poses((poses.structure + 2) % 5, *(getattr(poses, n) for n in Poses.__slots__[1:]))
        right, other = (left_by(blob_simulator, image, p) for p in (poses, wrong))
        assert other.misfit[0] > right.misfit[0] + 0.5
        assert other.explained[0] < right.explained[0]
