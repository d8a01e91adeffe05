"""The atoms of a biological assembly, so that they can be carried along where its beads go."""

from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from emsearch.structures.assembly import Assembly
from emsearch.structures.errors import StructureError
from emsearch.structures.polymer import Polymer

__all__ = ["Atoms", "assembly_atoms", "carried_along"]

_ATOMS_MAX = 1_000_000
_CARRIED_BY = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """n atoms of polymers, without hydrogens: names, residues and their numbers, chains, elements, and places (n, 3) in A.

    Numbers are those of the file, with insertion codes (82A). Each copy of a chain is a chain of its own.
    """

    name: NDArray[np.str_]
    residue: NDArray[np.str_]
    number: NDArray[np.str_]
    chain: NDArray[np.str_]
    element: NDArray[np.str_]
    position_angstrom: Floats

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.name)


def assembly_atoms(structure: gemmi.Structure, polymer: Polymer, assembly: Assembly, name: str) -> Atoms:
    """Return the atoms of an assembly, of whose structure ``polymer`` has been made, about its centre of mass.

    Raises
    ------
    StructureError
        There are more than a million; ``name`` is that of the file.
    """
    spans = {span.subchain_id(): span for chain in structure[0] for span in chain.subchains()}
    pieces = [_piece(spans[piece.subchain]) for piece in polymer.pieces]
    total = sum(len(pieces[k][0]) for k in assembly.piece.tolist())
    if total > _ATOMS_MAX:
        raise StructureError(
            f"{name}: its assembly has {total:,} atoms, more than the {_ATOMS_MAX:,} that are copied."
        )
    moment, mass = np.zeros(3), 0.0
    texts, numbers, places, chains = [], [], [], []
    names = _chain_names([polymer.pieces[k].chain for k in assembly.piece.tolist()])
    for k, turn, shift, chain in zip(
        assembly.piece.tolist(), assembly.rotation, assembly.translation, names, strict=True
    ):
        rows, number, place = pieces[k]
        piece = polymer.pieces[k]
        weight = polymer.mass_da[piece.start : piece.stop]
        moment += weight @ (polymer.centroid_angstrom[piece.start : piece.stop] @ turn.T + shift)
        mass += float(weight.sum())
        texts.append(rows)
        numbers.append(number)
        places.append(place @ turn.T + shift)
        chains.append(np.full(len(rows), chain))
    text = np.concatenate(texts)
    return Atoms(
        name=text[:, 0],
        residue=text[:, 1],
        number=np.concatenate(numbers),
        chain=np.concatenate(chains),
        element=text[:, 2],
        position_angstrom=np.concatenate(places) - moment / mass,
    )


def _chain_names(chains: list[str]) -> list[str]:
    """Name the chains of an assembly as the file does, or, where one is there more than once, each with its place.

    >>> _chain_names(["A", "B"]), _chain_names(["A", "B", "A"])
    (['A', 'B'], ['A_1', 'B_2', 'A_3'])
    """
    if len(set(chains)) == len(chains):
        return chains
    return [f"{chain}_{place}" for place, chain in enumerate(chains, start=1)]


def _piece(span: gemmi.ResidueSpan) -> tuple[NDArray[np.str_], NDArray[np.str_], Floats]:
    atoms = [(residue, atom) for residue in span for atom in residue]
    text = np.array([(atom.name, residue.name, atom.element.name) for residue, atom in atoms], np.str_)
    number = np.array([str(residue.seqid) for residue, _ in atoms], np.str_)
    return text, number, np.array([atom.pos.tolist() for _, atom in atoms], np.float64)


def carried_along(atoms: Atoms, before: Floats, after: Floats, rotation: Floats) -> Atoms:
    """Return the atoms moved as the beads around them move, from ``before`` to ``after`` (b, 3).

    Each bead takes what is around it along as one body, which turns by ``rotation`` (b, 3), in radians. An atom follows
    the mean of its six nearest beads with weights (1 - r^2 / r_6^2)^2, so that neighbours stay together.
    """
    near = np.arange(1, min(_CARRIED_BY, len(before)) + 1)
    distance, index = map(np.asarray, cKDTree(before).query(atoms.position_angstrom, near))
    weight = (1 - (distance / distance[:, -1:]) ** 2) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    turns = Rotation.from_rotvec(rotation)
    moved = np.zeros_like(atoms.position_angstrom)
    for share, bead in zip(weight.T, index.T, strict=True):
        offset = atoms.position_angstrom - before[bead]
        moved += share[:, None] * (after[bead] + turns[bead].apply(offset))
    return replace(atoms, position_angstrom=moved)
