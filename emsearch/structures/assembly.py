"""The biological assembly: which one, and which chains it puts where."""

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from emsearch.structures.overlap import overlapping_copies
from emsearch.structures.polymer import Polymer

__all__ = ["Assembly", "assemble", "preferred_assembly"]

_ORTHONORMAL_TOLERANCE = 0.02  # old BIOMT records carry few digits


@dataclass(frozen=True, slots=True)
class Assembly:
    """Chain copies: copy k is piece ``piece[k]`` moved by x -> ``rotation[k]`` x + ``translation[k]``.

    Attributes
    ----------
    id, source : str
        Name in the file and what the choice rests on ("deposited" where the model stands as it is).
    piece : int64 (k,)
    rotation : float64 (k, 3, 3)
        Acts on column vectors.
    translation : float64 (k, 3)
        In A.
    notes : tuple of str
    """

    id: str
    source: str
    piece: NDArray[np.int64]
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    notes: tuple[str, ...]


def _rank(assembly: gemmi.Assembly) -> tuple[int, str]:
    kinds = gemmi.AssemblySpecialKind
    if assembly.author_determined and assembly.software_determined:
        return 0, "author_and_software_defined"
    if assembly.author_determined:
        return 1, "author_defined"
    if assembly.special_kind == kinds.CompleteIcosahedral:
        return 2, "complete_icosahedral"
    if assembly.special_kind == kinds.CompletePoint:
        return 2, "complete_point"
    if assembly.special_kind == kinds.RepresentativeHelical:
        return 3, "representative_helical"
    if assembly.software_determined:
        return 4, "software_defined"
    return 5, "listed"


def preferred_assembly(assemblies: Sequence[gemmi.Assembly]) -> tuple[gemmi.Assembly, str] | None:
    """Choose an assembly: the best-founded kind, and of that kind the first listed.

    Author-and-software-defined comes first, then author-defined, complete icosahedral or point assembly,
    representative helical, software-defined, and last one whose record does not say ("listed").
    """
    if not assemblies:
        return None
    best = min(assemblies, key=lambda assembly: _rank(assembly)[0])  # min keeps the first of equals
    return best, _rank(best)[1]


def _copies(
    assembly: gemmi.Assembly, polymer: Polymer
) -> tuple[list[int], list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """List the copies that every generator makes; one assembly may have many, each with its own operators."""
    pieces: list[int] = []
    rotations: list[NDArray[np.float64]] = []
    translations: list[NDArray[np.float64]] = []
    for generator in assembly.generators:
        subchains, chains = set(generator.subchains), set(generator.chains)
        members = [
            index
            for index, piece in enumerate(polymer.pieces)
            if piece.subchain in subchains or piece.chain in chains or "(all)" in chains
        ]
        for operator in generator.operators:
            rotation = np.array(operator.transform.mat.tolist(), dtype=np.float64)
            translation = np.array(operator.transform.vec.tolist(), dtype=np.float64)
            pieces += members
            rotations += [rotation] * len(members)
            translations += [translation] * len(members)
    return pieces, rotations, translations


def _is_rigid(rotation: NDArray[np.float64]) -> bool:
    if not np.isfinite(rotation).all():
        return False
    gram = np.einsum("kij,kil->kjl", rotation, rotation)
    close = np.abs(gram - np.eye(3)).max() < _ORTHONORMAL_TOLERANCE
    return bool(close and (np.linalg.det(rotation) > 0.0).all())


def _deposited(polymer: Polymer, *notes: str) -> Assembly:
    count = len(polymer.pieces)
    return Assembly(
        id="",
        source="deposited",
        piece=np.arange(count),
        rotation=np.tile(np.eye(3), (count, 1, 1)),
        translation=np.zeros((count, 3)),
        notes=notes,
    )


def assemble(assemblies: Sequence[gemmi.Assembly], polymer: Polymer) -> Assembly:
    """Choose the biological assembly and list its chain copies, each place filled once.

    The deposited model stands, and a note says so, where the file has no assembly or one that cannot be
    built. Copies that fall onto another copy (an operator listed twice, a molecule on a symmetry axis) are
    left out.
    """
    choice = preferred_assembly(assemblies)
    if choice is None:
        return _deposited(polymer, "no assembly in the file: the deposited model is used")
    chosen, source = choice
    pieces, rotations, translations = _copies(chosen, polymer)
    if not pieces:
        return _deposited(polymer, f"assembly {chosen.name} names no polymer: the deposited model is used")
    rotation, translation = np.array(rotations), np.array(translations)
    if not _is_rigid(rotation) or not np.isfinite(translation).all():
        return _deposited(polymer, f"assembly {chosen.name} is not rigid: the deposited model is used")
    piece = np.array(pieces, dtype=np.int64)
    drop = overlapping_copies(polymer, piece, rotation, translation)
    notes: tuple[str, ...] = ()
    if drop.any():
        notes = (f"assembly {chosen.name}: {int(drop.sum())} overlapping chain copies left out",)
    return Assembly(chosen.name, source, piece[~drop], rotation[~drop], translation[~drop], notes)
