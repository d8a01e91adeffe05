"""Small structures that look unlike one another, and an index of them that needs no training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import (
    healpix_directions,
    multiply_quaternions,
    quaternion_about_beam,
    quaternion_from_direction,
)
from emsearch.imaging.simulate import Simulator
from emsearch.search.coarse_views import CoarseViews
from emsearch.search.engine import Group, IndexedClass, SearchIndex
from emsearch.search.library import StructureLibrary
from emsearch.search.neighbours import Neighbours
from emsearch.search.ranking import Calibration
from emsearch.search.size_class import SizeClassModel
from emsearch.structures.beads import BeadModel
from emsearch_index.generation import Generation
from emsearch_index.manifest import Manifest
from emsearch_index.vectors import Vectors, write_vectors

PIXEL_ANGSTROM = 4.5
BOX_PX = 64
_IN_PLANE = 12
_POOLED_PX = 16


def lobed_beads(seed: int, beads: int = 200) -> BeadModel:
    """Five lobes of random place, size and mass: no symmetry, no two seeds alike."""
    rng = np.random.default_rng(seed)
    centre, spread = rng.normal(0, 24, (5, 3)), rng.uniform(5, 12, 5)
    lobe = rng.choice(5, beads, p=rng.dirichlet(np.full(5, 3.0)))
    place = centre[lobe] + rng.normal(size=(beads, 3)) * spread[lobe, None]

    def every(value: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.full(beads, value, np.float32)

    return BeadModel(
        centroid_angstrom=(place - place.mean(0)).astype(np.float32),
        mass_da=every(110),
        volume_angstrom3=every(133),
        width_angstrom=every(2),
        scattering_angstrom=every(30),
        nucleic=np.zeros(beads, np.bool_),
    )


class PoolingIndex(SearchIndex):
    """An index whose embedding is the image itself, pooled to 16 x 16 px, so that it needs no training."""

    def __init__(self, models: dict[str, BeadModel], folder: Path, in_plane: int = _IN_PLANE) -> None:
        self.path = folder
        self.generation = Generation(folder / "gen-0", "gen-0", Manifest("", {}, {}, {}))
        self.device = torch.device("cpu")
        self.calibration = Calibration()
        self.size_class_model = SizeClassModel()
        self.library = StructureLibrary(models)
        self.coarse = CoarseViews(self.library)
        self.quantity_head = None
        self.structures = sorted(models)
        self.groups = [
            Group(f"G{k}", name, f"blob {k}", (name,), 22.0, 150.0 + k, "d100-200")
            for k, name in enumerate(self.structures)
        ]
        self.number = {group.id: k for k, group in enumerate(self.groups)}
        self.classes = [self._size_class(folder / "views.faiss", in_plane)]

    def features(self, images: Tensor) -> Tensor:
        """Return normalised images, pooled."""
        return functional.adaptive_avg_pool2d(images[:, None], _POOLED_PX).flatten(1)

    def embed_features(self, features: Tensor) -> Tensor:
        """Return pooled images as unit embeddings."""
        return functional.normalize(features, dim=1)

    def classify(
        self, embedding: Tensor, size_class: IndexedClass
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Return equal chances for all groups: the votes decide."""
        return np.tile(size_class.allowed / size_class.allowed.sum(), (len(embedding), 1))

    def _size_class(self, path: Path, in_plane: int) -> IndexedClass:
        directions = quaternion_from_direction(healpix_directions(2))
        turns = quaternion_about_beam(np.arange(in_plane) * 360 / in_plane)
        quaternion = multiply_quaternions(turns[:, None], directions[None]).reshape(-1, 4)
        simulator = self.simulator(self.structures)
        structure = np.repeat(np.arange(len(self.structures)), len(quaternion))
        parameters = clean_parameters(np.tile(quaternion, (len(self.structures), 1)))
        pixel = np.full(len(structure), PIXEL_ANGSTROM)
        drawn = simulator.projections(structure, parameters, pixel, BOX_PX)
        aperture = torch.full((len(drawn),), BOX_PX / 2)
        write_vectors(self.embed(normalise(drawn, aperture)).numpy(), path, kind="flat")
        every = np.ones(len(self.groups), np.bool_)
        neighbours = Neighbours(Vectors.open(path), self.device)
        return IndexedClass(
            "d100-200", 100.0, 200.0, PIXEL_ANGSTROM, BOX_PX, neighbours, structure, structure, every
        )


@pytest.fixture(scope="session")
def blobs() -> dict[str, BeadModel]:
    """Return five lobed structures by name."""
    return {f"blob{seed}": lobed_beads(seed) for seed in range(5)}


@pytest.fixture(scope="session")
def blob_simulator(blobs: dict[str, BeadModel]) -> Simulator:
    """Return a simulator of the five, in their order."""
    return Simulator(BeadCloud.from_models(list(blobs.values())))


@pytest.fixture(scope="session")
def pooling_index(blobs: dict[str, BeadModel], tmp_path_factory: pytest.TempPathFactory) -> PoolingIndex:
    """Return an index of the five structures, one group each, in one size class of 4.5 A a pixel and 64 px."""
    return PoolingIndex(blobs, tmp_path_factory.mktemp("pooling"))
