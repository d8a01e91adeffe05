"""A stack of particles of the five blobs, some of them unusable."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.batch import chunks
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PIXEL, SIDE, PARTICLES = 3.0, 64, 23
BAD = (4, 17)


def write_particles(images: NDArray[np.float32], path: Path) -> Path:
    with mrcfile.new(path) as file:
        file.set_data(np.nan_to_num(images))  # what is not finite makes it warn
        file.set_image_stack()
        file.voxel_size = PIXEL
    np.memmap(path, np.float32, "r+", offset=1024, shape=images.shape)[:] = images
    return path


@pytest.fixture(scope="session")
def write_images() -> Callable[[NDArray[np.float32], Path], Path]:
    """Return a function that writes images as a stack of 3 A a pixel."""
    return write_particles


@pytest.fixture(scope="session")
def images(pooling_index: "SearchIndex") -> NDArray[np.float32]:
    """Return 23 particles, those of BAD not finite or without contrast."""
    quaternion = random_quaternions(np.random.default_rng(3), PARTICLES)
    parameters = clean_parameters(quaternion).with_values(snr=5.0)
    simulator = pooling_index.simulator(pooling_index.structures)
    structure = np.arange(PARTICLES) % 5
    shot = simulator.micrographs(structure, parameters, np.full(PARTICLES, PIXEL), SIDE, 1)
    drawn = np.array(shot.micrographs.numpy())
    drawn[BAD[0], 3, 3] = np.nan
    drawn[BAD[1]] = 7.0
    return drawn


@pytest.fixture(scope="session")
def stack(images: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the stack of them."""
    return write_particles(images, tmp_path_factory.mktemp("stack") / "particles.mrcs")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a chunk hold eight particles."""
    monkeypatch.setattr(chunks, "_LARGEST_CHUNK", 8)
