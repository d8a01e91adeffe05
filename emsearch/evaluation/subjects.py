"""What a test image shows: a structure of an index, as it is or bent."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emsearch.search.library import StructureLibrary
from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import bent
from emsearch.structures.elastic import normal_modes
from emsearch.structures.errors import StructureError
from emsearch_index.errors import UsageError

__all__ = ["DEFORMATIONS_ANGSTROM", "STREAM", "Subject", "SubjectModels", "choose_subjects"]

STREAM = 7_777_777
"""Second word of every random key of the test images; training and validation have 0 and 1 there."""

DEFORMATIONS_ANGSTROM = (3.0, 5.0, 8.0)
"""How far representatives are bent along their softest elastic-network modes: RMSD over the beads."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A structure of a group, bent by an RMSD along its softest modes; 0 leaves it as it is."""

    group: int
    structure: str
    rmsd_angstrom: float = 0.0


def choose_subjects(subjects: Sequence[Subject], n: int, rng: np.random.Generator) -> list[Subject]:
    """Choose n subjects: groups alike often, then the subjects of a group alike often.

    Sets of the same groups in the same order get the same groups, so that their images compare one by one: what chooses
    among the subjects of a group is spawned from ``rng`` and takes nothing from it.
    """
    by_group: dict[int, list[Subject]] = {}
    for subject in subjects:
        by_group.setdefault(subject.group, []).append(subject)
    choices = list(by_group.values())
    group = rng.integers(0, len(choices), n)
    place = rng.spawn(1)[0].integers(0, 2**31, n)
    return [choices[g][p % len(choices[g])] for g, p in zip(group.tolist(), place.tolist(), strict=True)]


class SubjectModels:
    """The bead models of subjects, each bent once; which way a structure bends follows from its name and the seed."""

    def __init__(self, library: StructureLibrary, seed: int = 0) -> None:
        self._library = library
        self._seed = seed
        self._bent: dict[tuple[str, float], BeadModel] = {}
        self.unbendable: dict[str, str] = {}

    def model(self, subject: Subject) -> BeadModel | None:
        """Return the model of a subject; None, and a reason in ``unbendable``, where it cannot be bent so far."""
        if subject.rmsd_angstrom == 0.0:
            return self._library.model(subject.structure)
        if (
            subject.structure not in self.unbendable
            and (subject.structure, subject.rmsd_angstrom) not in self._bent
        ):
            try:
                self._bend(subject.structure, {*DEFORMATIONS_ANGSTROM, subject.rmsd_angstrom})
            except (StructureError, UsageError) as error:
                self.unbendable[subject.structure] = str(error)
        return self._bent.get((subject.structure, subject.rmsd_angstrom))

    def _bend(self, structure: str, rmsds_angstrom: set[float]) -> None:
        model = self._library.model(structure)
        modes = normal_modes(
            model
        )  # most of the time that bending takes, so all RMSDs are made of them at once
        seed = zlib.crc32(f"{self._seed}/{structure}".encode())
        for rmsd in sorted(rmsds_angstrom):
            self._bent[structure, rmsd] = bent(model, rmsd, seed, modes)
