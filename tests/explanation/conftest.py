"""A planted difference and images of it, and a stack to explain in an index of blobs."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.explanation.planted import Planted, without_lobe
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import ImageParameters, clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.imaging.stack_files import write_stack
from emsearch.network.model import ShapeNetwork
from emsearch.search.coarse_views import CoarseViews
from emsearch.search.library import StructureLibrary
from emsearch.search.matching import Match, match
from emsearch.search.target import Target
from emsearch.structures.beads import BeadModel

PIXEL, BOX, APERTURE = 4.5, 64, 32.0


@dataclass(frozen=True, slots=True)
class PlantedImages:
    """Images of the whole, and what matching made of each with the whole and with the rest."""

    planted: Planted
    library: StructureLibrary
    parameters: ImageParameters
    images: Tensor
    targets: list[Target]
    matches: list[list[Match]]

    def simulator(self, name: str) -> Simulator:
        return self.library.simulator([name])


@pytest.fixture(scope="session")
def planted_images(blobs: dict[str, BeadModel]) -> PlantedImages:
    """Return six images of a blob at SNR 10, matched with it and with what is left of it without a lobe."""
    planted = without_lobe(blobs["blob2"])
    library = StructureLibrary({"whole": planted.whole, "rest": planted.rest})
    n = 6
    quaternion = random_quaternions(np.random.default_rng(4), n)
    parameters = clean_parameters(quaternion).with_values(snr=10)
    simulator = Simulator(BeadCloud.from_models([planted.whole]))
    shot = simulator.micrographs(np.zeros(n, np.int64), parameters, np.full(n, PIXEL), BOX, 7)
    images = normalise(shot.micrographs, torch.full((n,), APERTURE))
    targets = [Target.measured(image, APERTURE, PIXEL) for image in images]
    views = CoarseViews(library)
    matches = [match([(target, ["whole", "rest"])], views)[0] for target in targets]
    return PlantedImages(planted, library, parameters, images, targets, matches)


@pytest.fixture(scope="session")
def explained_index(pooling_index: Any) -> Any:
    """Return the index of five blobs with a network that knows nothing of them."""
    torch.manual_seed(5)
    network = ShapeNetwork(len(pooling_index.groups), width=8)
    for module in network.trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)  # else no block adds anything
    index = copy.copy(pooling_index)
    index.network = network.eval()
    return index


@pytest.fixture(scope="session")
def blob_stack(blob_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stack of three images of blob2, off the middle, dark, at 3 A a pixel and 96 px."""
    n = 3
    parameters = clean_parameters(random_quaternions(np.random.default_rng(2), n)).with_values(
        snr=10, shift_angstrom=[[12.0, -9.0]]
    )
    structure, pixel = np.full(n, 2), np.full(n, 3.0)
    shot = blob_simulator.micrographs(structure, parameters, pixel, 96, 3)
    path = tmp_path_factory.mktemp("blobs") / "blobs.mrcs"
    write_stack(path, -shot.micrographs.numpy(), 3.0, star=None, metadata={})
    return path
