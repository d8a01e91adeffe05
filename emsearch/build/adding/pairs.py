"""New structures compared with those of alike extents, the old ones and one another, as grouping compares them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emsearch.build.described import describe_structures
from emsearch.build.group_tables import PosedMember
from emsearch.build.progress import Ticker
from emsearch.shapes.candidates import PruningSettings, candidate_pairs
from emsearch.shapes.compare import compare_pairs
from emsearch.shapes.superposition import Superposition, inverted
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue

__all__ = ["Comparisons", "compare_with_all", "of_alike_extents"]

_BINNING_SLACK = (
    1.05  # the catalogue's extents are those of all residues, the compared ones those of binned beads
)


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The pairs that were compared, each (a, b) with a < b, and the resolution in A at which each shape is compared."""

    superpositions: Mapping[tuple[str, str], Superposition]
    resolution_angstrom: Mapping[str, float]

    def score(self, a: str, b: str) -> float:
        """Return the similarity of two structures, 0 where they were not compared."""
        found = self.superpositions.get((min(a, b), max(a, b)))
        return 0.0 if found is None else found.score

    def pose(self, fixed: str, moving: str) -> PosedMember:
        """Return how one structure of a compared pair lies on the other."""
        found = self.superpositions[min(fixed, moving), max(fixed, moving)]
        found = found if fixed < moving else inverted(found)
        rotation, translation = found.rotation.ravel().tolist(), found.translation_angstrom.tolist()
        return PosedMember(tuple(rotation), tuple(translation), found.mirror)


def of_alike_extents(catalogue: Catalogue, fresh: Collection[str]) -> list[str]:
    """Return the other structures of the catalogue that pruning might pair with one of ``fresh``."""
    rows = catalogue.columns("SELECT id, gyration_1, gyration_2, gyration_3 FROM structures ORDER BY id")
    names = rows["id"].tolist()
    log_extent = 0.5 * np.log(np.stack([rows[f"gyration_{k}"] for k in (1, 2, 3)], axis=1))
    widest = np.log1p(PruningSettings().map_extent_tolerance) + np.log(_BINNING_SLACK)
    near = np.zeros(len(names), np.bool_)
    for k in [k for k, name in enumerate(names) if name in fresh]:
        near |= (np.abs(log_extent - log_extent[k]) <= widest).all(axis=1)
    return [name for name, kept in zip(names, near.tolist(), strict=True) if kept and name not in fresh]


def compare_with_all(
    catalogue: Catalogue,
    archive: Path,
    fresh: Collection[str],
    workers: int,
    report: Callable[[str], None],
) -> Comparisons:
    """Compare the new structures of an archive with all others there that pruning leaves, and with one another.

    Parameters
    ----------
    catalogue : Catalogue
        With the rows of all structures of the archive, the new ones among them.
    archive : Path
        Bead models.
    fresh : collection of str
        Which structures are new; pairs of two old ones are not compared.
    workers : int
        Processes.
    report : callable of one line
        Is told how far it is.
    """
    beads = BeadArchive(archive)
    described = describe_structures(catalogue, beads, set(beads))
    shapes = [one.shape for one in described]
    names = [shape.id for shape in shapes]
    pairs = ((names[i], names[j]) for i, j in candidate_pairs(shapes).tolist())
    wanted = sorted({(min(a, b), max(a, b)) for a, b in pairs if a in fresh or b in fresh})
    ticker = Ticker(report, "add: pairs compared", len(wanted))
    found = {}
    for one in compare_pairs(archive, wanted, workers):
        found[one.structure_a, one.structure_b] = one.superposition
        ticker.step()
    return Comparisons(found, {one.shape.id: one.resolution_angstrom for one in described})
