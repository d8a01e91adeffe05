from pathlib import Path

import numpy as np
import pytest

from emsearch.network.training_set import TrainingSet, read_training_set, write_training_set
from emsearch.structures.beads import BeadModel


def blob(seed: int, size_angstrom: float) -> BeadModel:
    rng = np.random.default_rng(seed)
    scale = size_angstrom * rng.uniform(0.15, 0.5, 3)
    position = rng.standard_normal((60, 3)).clip(-2, 2) * scale
    mass = rng.uniform(400, 900, 60).astype(np.float32)
    return BeadModel(
        centroid_angstrom=(position - np.average(position, axis=0, weights=mass)).astype(np.float32),
        mass_da=mass,
        volume_angstrom3=1.21 * mass,
        width_angstrom=np.full(60, 3.0, np.float32),
        scattering_angstrom=0.35 * mass,
        nucleic=rng.random(60) < 0.2,
    )


@pytest.fixture(scope="session")
def training_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five structures in three groups: a (two members) and b small, c large (two members)."""
    path = tmp_path_factory.mktemp("set") / "set.npz"
    names = ("a1", "a2", "b1", "c1", "c2")
    sizes = (60, 64, 70, 150, 160)
    write_training_set(
        path,
        [(name, blob(seed, size)) for seed, (name, size) in enumerate(zip(names, sizes, strict=True))],
        groups=("a", "b", "c"),
        classes=("small", "large"),
        group_of_structure=(0, 0, 1, 2, 2),
        representative=(1, 2, 3),
        class_of_group=(0, 0, 1),
        pixel_size_angstrom=(8.0, 20.0),
        box_px=32,
    )
    return path


@pytest.fixture(scope="session")
def training_set(training_file: Path) -> TrainingSet:
    return read_training_set(training_file)
