"""Made-up bead models for the tests of the shapes step."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel

Array = NDArray[np.float64]


def _bead_model(position: Array) -> BeadModel:
    n = len(position)
    mass = np.full(n, 110.0, np.float32)
    centred = (position - position.mean(axis=0)).astype(np.float32)
    return BeadModel(centred, mass, 1.21 * mass, np.full(n, 1.5, np.float32), mass, np.zeros(n, np.bool_))


def _blob(seed: int, semi_axes: tuple[float, float, float], beads: int = 1500) -> BeadModel:
    rng = np.random.default_rng(seed)
    scale = np.array(semi_axes)
    centre = rng.normal(size=(6, 3)) * 0.45 * scale
    radius = rng.uniform(0.3, 0.55, 6) * scale.mean()
    lobe = rng.choice(6, beads, p=radius**3 / np.sum(radius**3))
    inside = rng.normal(size=(beads, 3))
    inside *= (rng.uniform(size=(beads, 1)) ** (1 / 3)) / np.linalg.norm(inside, axis=1, keepdims=True)
    return _bead_model(centre[lobe] + inside * radius[lobe, None])


def _ring(subunits: int, radius: float) -> BeadModel:
    rng = np.random.default_rng(subunits)
    unit = rng.normal(size=(150, 3)) * 8.0 + rng.choice([0.0, 1.0], (150, 1)) * [6.0, 15.0, 30.0]
    unit += [radius, 0.0, 0.0]
    angle = 2.0 * np.pi * np.arange(subunits) / subunits
    turns = [[[np.cos(a), -np.sin(a), 0.0], [np.sin(a), np.cos(a), 0.0], [0.0, 0.0, 1.0]] for a in angle]
    return _bead_model(np.concatenate([unit @ np.array(turn).T for turn in turns]))


def _moved(model: BeadModel, rotation: Array, translation: Array, mirror: bool = False) -> BeadModel:
    flip = np.array([1.0, 1.0, -1.0 if mirror else 1.0])
    position = (model.centroid_angstrom.astype(np.float64) * flip) @ rotation.T + translation
    return BeadModel(
        position.astype(np.float32),
        model.mass_da,
        model.volume_angstrom3,
        model.width_angstrom,
        model.scattering_angstrom,
        model.nucleic,
    )


@pytest.fixture
def blob() -> Callable[..., BeadModel]:
    """Make an irregular particle, (seed, semi-axes in A, beads): balls at random places of an ellipsoid."""
    return _blob


@pytest.fixture
def ring() -> Callable[..., BeadModel]:
    """Make a cyclic particle, (subunits, radius in A): handed, with two equal eigenvalues."""
    return _ring


@pytest.fixture
def moved() -> Callable[..., BeadModel]:
    """Move a particle, (model, rotation, translation, mirror): rotation @ S @ x + translation."""
    return _moved
