"""What the network is trained on: bead models, the shape group of each, and the size class of each group.

One .npz holds it all, so that training runs where neither gemmi nor DuckDB nor FAISS is installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emsearch.imaging.cloud import BeadCloud
from emsearch.structures.beads import BeadArchive, BeadModel, write_bead_archive

__all__ = ["TrainingSet", "read_training_set", "write_training_set"]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """S structures in G shape groups in C size classes.

    Attributes
    ----------
    cloud : BeadCloud
        Beads of the S structures.
    structures, groups, classes : names, in the order of the indices below
    group_of_structure : int64 (S,)
    representative : int64 (G,)
        Structure that stands for each group.
    class_of_group : int64 (G,)
    pixel_size_angstrom : float64 (C,)
    box_px : int
        The box of all size classes.
    """

    cloud: BeadCloud
    structures: tuple[str, ...]
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    group_of_structure: NDArray[np.int64]
    representative: NDArray[np.int64]
    class_of_group: NDArray[np.int64]
    pixel_size_angstrom: NDArray[np.float64]
    box_px: int

    def draw(self, rng: np.random.Generator, n: int, member_share: float) -> NDArray[np.int64]:
        """Draw n structures, groups alike often; ``member_share`` any member, the rest the representative."""
        group = rng.integers(0, len(self.groups), n)
        order = np.argsort(self.group_of_structure, kind="stable")
        first = np.searchsorted(self.group_of_structure[order], np.arange(len(self.groups) + 1))
        member = order[first[group] + (rng.random(n) * (first[group + 1] - first[group])).astype(np.int64)]
        return np.asarray(np.where(rng.random(n) < member_share, member, self.representative[group]))

    def allowed(self) -> NDArray[np.bool_]:
        """Return (C, G): which groups belong to each size class."""
        return np.asarray(self.class_of_group[None, :] == np.arange(len(self.classes))[:, None])


def write_training_set(
    path: Path,
    models: Sequence[tuple[str, BeadModel]],
    *,
    groups: Sequence[str],
    classes: Sequence[str],
    group_of_structure: Sequence[int],
    representative: Sequence[int],
    class_of_group: Sequence[int],
    pixel_size_angstrom: Sequence[float],
    box_px: int,
) -> None:
    """Write a training set as one .npz."""
    write_bead_archive(
        path,
        models,
        groups=np.array(groups, np.str_),
        classes=np.array(classes, np.str_),
        group_of_structure=np.array(group_of_structure, np.int64),
        representative=np.array(representative, np.int64),
        class_of_group=np.array(class_of_group, np.int64),
        pixel_size_angstrom=np.array(pixel_size_angstrom, np.float64),
        box_px=np.array(box_px),
    )


def read_training_set(path: Path) -> TrainingSet:
    """Read a training set that ``write_training_set`` wrote."""
    archive = BeadArchive(path)
    names = tuple(archive)
    return TrainingSet(
        cloud=BeadCloud.from_models([archive[name] for name in names]),
        structures=names,
        groups=tuple(archive.array("groups").tolist()),
        classes=tuple(archive.array("classes").tolist()),
        group_of_structure=archive.array("group_of_structure"),
        representative=archive.array("representative"),
        class_of_group=archive.array("class_of_group"),
        pixel_size_angstrom=archive.array("pixel_size_angstrom"),
        box_px=int(archive.array("box_px")),
    )
