"""An open index, and the search of images in it."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.simulate import Simulator
from emsearch.network.checkpoint import load_weights, network_from_weights
from emsearch.network.precision import autocast
from emsearch.network.quantities import HEAD_NAME, load_head
from emsearch.network.train import pick_device
from emsearch.search.coarse_views import CoarseViews
from emsearch.search.library import StructureLibrary
from emsearch.search.neighbours import Neighbours
from emsearch.search.ranking import Calibration
from emsearch.search.size_class import SizeClassModel
from emsearch.search.vote import Votes, count_votes
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import IndexCorruptError
from emsearch_index.generation import Generation, default_index_dir, open_generation
from emsearch_index.vectors import Vectors

__all__ = ["Group", "IndexedClass", "SearchIndex", "open_index"]

NEIGHBOURS = 1024
"""Views asked of FAISS for each copy of an image: more than any one group has, so that others are heard too."""

_EMBEDDED_TOGETHER = 256  # images; more are no faster and need memory

# Numbers instead of names: a quarter of a million names take longer to come than the vectors.
_OWNER_OF_VECTOR = """
    SELECT s.number FROM views v
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM structures) s ON s.id = v.structure_id
    WHERE v.size_class = ? ORDER BY v.vector_id
"""


@dataclass(frozen=True, slots=True)
class Group:
    """A shape group as the search needs it."""

    id: str
    representative: str
    title: str
    members: tuple[str, ...]
    mass_kda: float
    dmax_angstrom: float
    size_class: str


@dataclass(frozen=True, slots=True)
class IndexedClass:
    """A size class with its vectors; arrays have one entry a vector."""

    name: str
    dmax_min_angstrom: float
    dmax_max_angstrom: float
    pixel_size_angstrom: float
    box_px: int
    neighbours: Neighbours
    structure_of_vector: NDArray[np.int64]
    group_of_vector: NDArray[np.int64]
    allowed: NDArray[np.bool_]


class SearchIndex:
    """An open index: network, vectors, bead models and their coarse views, and catalogue of one generation."""

    def __init__(self, path: Path, generation: Generation, device: str) -> None:
        self.path = path
        self.generation = generation
        self.device = pick_device(device)
        configuration = generation.configuration
        self.network = network_from_weights(load_weights(generation.file("weights.safetensors")))
        self.network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.calibration = Calibration.from_json(configuration.get("calibration") or Calibration().to_json())
        model = configuration.get("size_class_model")
        self.size_class_model = SizeClassModel.from_json(model) if model else SizeClassModel()
        has_head = HEAD_NAME in generation.manifest.files
        self.quantity_head = load_head(generation.file(HEAD_NAME)) if has_head else None
        self.library = StructureLibrary(BeadArchive(generation.file("beads.npz")))
        self.coarse = CoarseViews(self.library)
        with Catalogue(generation.file("catalogue.duckdb")) as catalogue:
            self.structures = [row["id"] for row in catalogue.rows("SELECT id FROM structures ORDER BY id")]
            self.groups = _read_groups(catalogue, list(configuration["groups"]))
            self.classes = _read_classes(catalogue, generation, self.structures, self.groups, self.device)
        self.number = {group.id: k for k, group in enumerate(self.groups)}
        if len(self.groups) != len(self.network.proxies):
            raise IndexCorruptError(
                f"the network of {path} knows {len(self.network.proxies)} groups and the catalogue "
                f"{len(self.groups)}; rebuild the index"
            )

    def with_size_class_model(self, model: SizeClassModel) -> "SearchIndex":
        """Return the same open index with another judgement of which size class a picture shows."""
        other = copy(self)
        other.size_class_model = model
        return other

    @property
    def untrained(self) -> NDArray[np.bool_]:
        """Which groups (groups,) were added after the network was trained."""
        added = self.generation.configuration.get("added_groups", ())
        return np.isin([group.id for group in self.groups], list(added))

    def extents_of(self, size_class: int) -> NDArray[np.float64]:
        """Return Dmax in A of the groups of a size class, by its number."""
        name = self.classes[size_class].name
        return np.array([group.dmax_angstrom for group in self.groups if group.size_class == name])

    def simulator(self, structures: Sequence[str]) -> Simulator:
        """Return a simulator of these structures, in this order."""
        return self.library.simulator(structures)

    @torch.inference_mode()
    def features(self, images: Tensor) -> Tensor:
        """Return the network's pooled features, float32 (n, FEATURES), of normalised images (n, box, box)."""
        batch = images[:, None].to(device=self.device).contiguous(memory_format=torch.channels_last)
        with autocast(self.device):
            found = [self.network.trunk(some).float() for some in batch.split(_EMBEDDED_TOGETHER)]
        return torch.cat(found)

    @torch.inference_mode()
    def embed_features(self, features: Tensor) -> Tensor:
        """Return unit embeddings, float32 (n, width), of pooled features."""
        with autocast(self.device):
            return self.network.embed_features(features).float().cpu()

    def embed(self, images: Tensor) -> Tensor:
        """Return unit embeddings, float32 (n, width), of normalised images (n, box, box)."""
        return self.embed_features(self.features(images))

    @torch.inference_mode()
    def classify(self, embedding: Tensor, size_class: IndexedClass) -> NDArray[np.float64]:
        """Return the classifier's probabilities (n, groups) within a size class."""
        logits = self.network.classify(embedding.to(self.device)).float().cpu()
        logits = logits.masked_fill(~torch.from_numpy(size_class.allowed), -torch.inf)
        return torch.softmax(logits.double(), dim=1).numpy()

    def vote(self, embedding: Tensor, size_class: IndexedClass, copies: int) -> Votes:
        """Ask the class's vectors for the neighbours of images, of each its ``copies`` in a row (n * copies, width)."""
        found = size_class.neighbours.nearest(embedding, NEIGHBOURS)
        images = len(embedding) // copies
        similarity, vector_id = (of_copies.numpy().reshape(images, -1) for of_copies in found)
        return count_votes(similarity, vector_id, size_class.group_of_vector, len(self.groups))


def _read_groups(catalogue: Catalogue, order: list[str]) -> list[Group]:
    members: dict[str, list[str]] = {name: [] for name in order}
    for row in catalogue.rows(
        "SELECT group_id, structure_id FROM group_members ORDER BY similarity DESC, structure_id"
    ):
        members[row["group_id"]].append(row["structure_id"])
    rows = catalogue.rows(
        "SELECT g.id, g.size_class, g.representative_id, s.title, s.mass_da, s.dmax_angstrom "
        "FROM groups g JOIN structures s ON s.id = g.representative_id"
    )
    found = {
        row["id"]: Group(
            id=row["id"],
            representative=row["representative_id"],
            title=row["title"] or "",
            members=tuple(members[row["id"]]),
            mass_kda=row["mass_da"] / 1000,
            dmax_angstrom=row["dmax_angstrom"],
            size_class=row["size_class"],
        )
        for row in rows
    }
    return [found[name] for name in order]


def _read_classes(
    catalogue: Catalogue,
    generation: Generation,
    structures: list[str],
    groups: list[Group],
    device: torch.device,
) -> list[IndexedClass]:
    group_of = {member: k for k, group in enumerate(groups) for member in group.members}
    group_of_structure = np.array([group_of[name] for name in structures], np.int64)
    classes = []
    for row in catalogue.rows("SELECT * FROM size_classes ORDER BY dmax_min_angstrom"):
        owner = catalogue.columns(_OWNER_OF_VECTOR, [row["name"]])["number"].astype(np.int64)
        classes.append(
            IndexedClass(
                name=row["name"],
                dmax_min_angstrom=row["dmax_min_angstrom"],
                dmax_max_angstrom=row["dmax_max_angstrom"],
                pixel_size_angstrom=row["pixel_size_angstrom"],
                box_px=row["box_px"],
                neighbours=Neighbours(Vectors.open(generation.file(f"views-{row['name']}.faiss")), device),
                structure_of_vector=owner,
                group_of_vector=group_of_structure[owner],
                allowed=np.array([group.size_class == row["name"] for group in groups]),
            )
        )
    return classes


def open_index(index_dir: Path | None = None, *, device: str = "auto") -> SearchIndex:
    """Open an index, the one that ships by default.

    Raises IndexMissingError where there is none and IndexCorruptError where a file disagrees with its manifest.
    """
    path = index_dir if index_dir is not None else default_index_dir()
    return SearchIndex(path, open_generation(path), device)
