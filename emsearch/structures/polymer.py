"""The polymer residues of an asymmetric unit as beads."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from emsearch.structures.residues import AVERAGE_NUCLEOTIDE, AVERAGE_RESIDUE, ResidueType, residue_type

__all__ = ["Piece", "Polymer", "polymer_beads"]

_COMPLETE_FRACTION = 0.9  # a residue with this much of its heavy atoms shows its own width
_TRACE_ATOMS = 3  # an untabulated residue of so few atoms is a trace, not a whole small residue
_UNKNOWN_ELEMENT_DA = 12.0
_NUCLEIC_ATOMS = frozenset({"P", "C1'", "C3'", "C4'", "C1*", "C3*", "C4*"})
_PROTEIN_ATOMS = frozenset({"CA", "N", "C", "CB"})


@dataclass(frozen=True, slots=True)
class Piece:
    """One polymer chain of the file, as residues ``start`` to ``stop`` of the polymer.

    ``type`` is protein, dna, rna or other, by the majority of its residues; ``sequence`` one letter a
    modelled residue.
    """

    subchain: str
    chain: str
    entity: str
    start: int
    stop: int
    sequence: str
    type: str


@dataclass(frozen=True, slots=True)
class Polymer:
    """Residues in file order: beads (float64, units in the names), modelled and expected heavy atoms."""

    centroid_angstrom: NDArray[np.float64]
    mass_da: NDArray[np.float64]
    scattering_angstrom: NDArray[np.float64]
    width_angstrom: NDArray[np.float64]
    nucleic: NDArray[np.bool_]
    heavy_atoms: NDArray[np.float64]
    heavy_atoms_expected: NDArray[np.float64]
    pieces: tuple[Piece, ...]


@dataclass(slots=True)
class _Listing:
    """Residues in the order of the atom table."""

    names: list[str]
    atoms: list[int]
    keep: list[bool]
    pieces: list[Piece]


def _list_residues(model: gemmi.Model, entity_of: dict[str, str]) -> _Listing:
    listing = _Listing([], [], [], [])
    kept = 0
    for chain in model:
        for span in chain.subchains():
            polymer = span[0].entity_type == gemmi.EntityType.Polymer
            residues = [residue for residue in span if len(residue) > 0]
            names = [residue.name for residue in residues]
            listing.names += names
            listing.atoms += [len(residue) for residue in residues]
            listing.keep += [polymer] * len(names)
            if polymer and names:
                name = span.subchain_id()
                stop = kept + len(names)
                sequence = "".join(_letter(residue) for residue in names)
                entity = entity_of.get(name, name)
                listing.pieces.append(
                    Piece(name, chain.name, entity, kept, stop, sequence, _chain_type(names))
                )
                kept = stop
    return listing


def _chain_type(names: list[str]) -> str:
    kinds: Counter[str] = Counter()
    for name in names:
        found = residue_type(name)
        if found is None:
            kinds["other"] += 1
        elif not found.nucleic:
            kinds["protein"] += 1
        else:
            kinds["dna" if gemmi.find_tabulated_residue(name).kind == gemmi.ResidueKind.DNA else "rna"] += 1
    return kinds.most_common(1)[0][0]


def _letter(name: str) -> str:
    found = residue_type(name)
    return "X" if found is None else found.letter


def _untabulated(atom_names: Sequence[str], heavy_mass_da: float) -> ResidueType:
    """Weigh a residue that no table has: its heavy atoms and the usual share of hydrogens."""
    present = set(atom_names)
    nucleic = len(present & _NUCLEIC_ATOMS) > len(present & _PROTEIN_ATOMS)
    average = AVERAGE_NUCLEOTIDE if nucleic else AVERAGE_RESIDUE
    if len(atom_names) <= _TRACE_ATOMS:
        return average
    ratio = heavy_mass_da / average.heavy_mass_da
    return ResidueType(
        mass_da=average.mass_da * ratio,
        heavy_mass_da=heavy_mass_da,
        heavy_atoms=float(len(atom_names)),
        scattering_angstrom=average.scattering_angstrom * ratio,
        width_angstrom=average.width_angstrom,
        nucleic=nucleic,
        letter="X",
    )


def _residue_types(
    names: list[str], owner: NDArray[np.int64], atom_names: NDArray[np.bytes_], heavy: NDArray[np.float64]
) -> list[ResidueType]:
    types: list[ResidueType] = []
    for index, name in enumerate(names):
        found = residue_type(name)
        if found is None:
            first, last = np.searchsorted(owner, [index, index + 1])
            found = _untabulated([a.decode() for a in atom_names[first:last].tolist()], float(heavy[index]))
        types.append(found)
    return types


def _sums(
    owner: NDArray[np.int64], weight: NDArray[np.float64], position: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mass, centroid (count, 3) and squared width Rg^2 / 3 of the atoms that each residue owns."""
    mass = np.bincount(owner, weight, count).astype(np.float64)
    centroid = np.stack([np.bincount(owner, weight * position[:, k], count) / mass for k in range(3)], axis=1)
    square = np.sum((position - centroid[owner]) ** 2, axis=1)
    return mass, centroid, np.bincount(owner, weight * square, count) / mass / 3.0


def _column(types: list[ResidueType], name: str) -> NDArray[np.float64]:
    return np.array([getattr(kind, name) for kind in types], dtype=np.float64)


def _prepare(structure: gemmi.Structure) -> dict[str, str]:
    """Cut a structure down to heavy atoms of its first model; return the entity of each subchain."""
    del structure[1:]
    if any(residue.entity_type == gemmi.EntityType.Unknown for chain in structure[0] for residue in chain):
        structure.setup_entities()
    structure.remove_alternative_conformations()
    structure.remove_hydrogens()
    structure.remove_empty_chains()
    return {subchain: entity.name for entity in structure.entities for subchain in entity.subchains}


def polymer_beads(structure: gemmi.Structure) -> Polymer | None:
    """Turn the polymers of the first model into one bead a residue; None where there are none.

    Waters, ligands, hydrogens and all but the first alternate location are left out. ``structure`` is cut
    down on the way. A bead lies at the mass-weighted centroid of the residue's atoms and weighs as the whole
    residue; its width is measured where the residue is complete and typical of its type elsewhere.
    """
    if len(structure) == 0:
        return None
    listing = _list_residues(structure[0], _prepare(structure))
    if not listing.pieces:
        return None
    flat = gemmi.FlatStructure(structure)
    flat.strings_as_numbers = False
    keep = np.array(listing.keep, dtype=np.bool_)
    atoms = np.array(listing.atoms, dtype=np.int64)
    chosen = np.repeat(keep, atoms)
    count = int(keep.sum())
    owner = np.repeat(np.arange(count, dtype=np.int64), atoms[keep])
    weights = np.where(flat.element_weights > 0.0, flat.element_weights, _UNKNOWN_ELEMENT_DA)[chosen]
    mass, centroid, square = _sums(owner, weights, flat.pos[chosen], count)
    names = [name for name, kept in zip(listing.names, listing.keep, strict=True) if kept]
    atom_names = np.asarray(flat.atom_names, dtype=np.bytes_)[chosen]
    types = _residue_types(names, owner, atom_names, mass)
    modelled = atoms[keep].astype(np.float64)
    expected = _column(types, "heavy_atoms")
    complete = modelled >= _COMPLETE_FRACTION * expected
    return Polymer(
        centroid_angstrom=centroid,
        mass_da=_column(types, "mass_da"),
        scattering_angstrom=_column(types, "scattering_angstrom"),
        width_angstrom=np.where(complete, np.sqrt(square), _column(types, "width_angstrom")),
        nucleic=np.array([kind.nucleic for kind in types], dtype=np.bool_),
        heavy_atoms=modelled,
        heavy_atoms_expected=expected,
        pieces=tuple(listing.pieces),
    )
