"""Structures described for pruning: extents, mass and composition, with the resolution at which each is compared."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from emsearch.shapes.candidates import ShapeDescriptor, describe_shape
from emsearch.shapes.prepared import prepare_shape
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue

__all__ = ["Described", "describe_structures"]


@dataclass(frozen=True, slots=True)
class Described:
    """A shape as pruning sees it, and the resolution in A of its comparison."""

    shape: ShapeDescriptor
    resolution_angstrom: float


def describe_structures(
    catalogue: Catalogue,
    archive: BeadArchive,
    names: Collection[str],
    step: Callable[[], None] = lambda: None,
) -> list[Described]:
    """Describe structures in the order of their ids; sequences and stoichiometry make up the key of their composition.

    ``step`` is called after each. KeyError where the archive lacks one.
    """
    chains: dict[str, list[str]] = {}
    for row in catalogue.rows("SELECT structure_id, sequence_sha256, copies FROM chains"):
        chains.setdefault(row["structure_id"], []).append(f"{row['sequence_sha256']}:{row['copies']}")
    rows = catalogue.rows("SELECT id, mass_da, assembly_source FROM structures ORDER BY id")
    described = []
    for row in (row for row in rows if row["id"] in names):
        shape = prepare_shape(archive[row["id"]])
        descriptor = describe_shape(
            row["id"],
            row["mass_da"],
            shape,
            is_map=row["assembly_source"] == "map",
            composition=";".join(sorted(chains.get(row["id"], ()))),
        )
        described.append(Described(descriptor, shape.resolution_angstrom))
        step()
    return described
