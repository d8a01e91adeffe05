"""Two balls on a neck, bent by a known amount, and its image."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emsearch.hybrid_fit.flexible import Flexible, flexible
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.search.target import Target
from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import bend

PIXEL, BOX = 3.0, 64


def dumbbell() -> BeadModel:
    """Two balls of unlike size on a bent neck, with a spur so that no two views are alike."""
    rng = np.random.default_rng(0)

    def ball(radius: float, beads: int) -> NDArray[np.float64]:
        direction = rng.normal(size=(beads, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        return np.asarray(radius * direction * rng.uniform(0, 1, (beads, 1)) ** (1 / 3))

    neck = np.stack([np.linspace(-30, 30, 40), 5 * np.sin(np.linspace(0, 3, 40)), np.zeros(40)], axis=1)
    spur = np.array([35.0, 25.0, 0.0]) + ball(9, 40)
    parts = [
        ball(18, 160) + np.array([-38.0, 0, 0]),
        neck + rng.normal(size=(40, 3)) * 3,
        ball(14, 120) + np.array([36.0, 8, 0]),
        spur,
    ]
    place = np.concatenate(parts)
    count = len(place)

    def every(value: float) -> NDArray[np.float32]:
        return np.full(count, value, np.float32)

    return BeadModel(
        centroid_angstrom=(place - place.mean(0)).astype(np.float32),
        mass_da=every(110),
        volume_angstrom3=every(133),
        width_angstrom=every(2),
        scattering_angstrom=every(30),
        nucleic=np.arange(count) < 60,
    )


@dataclass(frozen=True, slots=True)
class Bend:
    """A model, the same bent, and images of both at SNR 20 in a pose."""

    flexible: Flexible
    truth: BeadModel
    quaternion: NDArray[np.float64]
    bent_target: Target
    straight_target: Target


def target_of(model: BeadModel, quaternion: NDArray[np.float64], seed: int) -> Target:
    parameters = clean_parameters(quaternion[None]).with_values(snr=20, fill=0.8)
    simulator = Simulator(BeadCloud.from_models([model]))
    shot = simulator.micrographs(np.zeros(1, np.int64), parameters, np.array([PIXEL]), BOX, seed)
    image = normalise(shot.micrographs, torch.tensor([BOX / 2]))[0]
    return Target.measured(image, BOX / 2, PIXEL)


@pytest.fixture(scope="session")
def known_bend() -> Bend:
    """Return two balls on a neck bent by two units of the first mode and one of the second, seen from the side."""
    bending = flexible(dumbbell(), 4, 4.0)
    units = np.array([1.6, -1.2, 0.0, 0.0])
    truth = bend(bending.model, bending.modes, units * bending.amplitude_angstrom)
    quaternion = np.array([0.9, 0.1, 0.2, 0.35])
    quaternion /= np.linalg.norm(quaternion)
    return Bend(
        bending, truth, quaternion, target_of(truth, quaternion, 1), target_of(bending.model, quaternion, 2)
    )
