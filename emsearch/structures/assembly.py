"""The biological assembly: which one, and which chains it puts where."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.assembly_records import AssemblyRecord
from emsearch.structures.overlap import overlapping_copies
from emsearch.structures.polymer import Polymer

__all__ = ["Assembly", "assemble", "preferred_assembly"]

_ORTHONORMAL_TOLERANCE = 0.02  # old BIOMT records carry few digits
_RANK = {
    "author_and_software_defined": 0,
    "author_defined": 1,
    "complete_icosahedral": 2,
    "complete_point": 2,
    "representative_helical": 3,
    "software_defined": 4,
    "listed": 5,
}


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


def preferred_assembly(records: Sequence[AssemblyRecord]) -> AssemblyRecord | None:
    """Choose an assembly: the best-founded kind, and of that kind the first listed; None of none.

    Author-and-software-defined comes first, then author-defined, complete icosahedral or point assembly,
    representative helical, software-defined, and last one whose record does not say ("listed").
    """
    return min(records, key=lambda record: _RANK[record.source], default=None)  # the first of equals


def _copies(record: AssemblyRecord, polymer: Polymer) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """List the copies that every generator makes: pieces (k,) and operators (k, 4, 4)."""
    pieces = [np.empty(0, dtype=np.int64)]
    operators = [np.empty((0, 4, 4))]
    for generator in record.generators:
        members = [
            index
            for index, piece in enumerate(polymer.pieces)
            if piece.subchain in generator.subchains
            or piece.chain in generator.chains
            or "(all)" in generator.chains
        ]
        pieces.append(np.tile(np.array(members, dtype=np.int64), len(generator.operators)))
        operators.append(np.repeat(generator.operators, len(members), axis=0))
    return np.concatenate(pieces), np.concatenate(operators)


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


def assemble(records: Sequence[AssemblyRecord], polymer: Polymer) -> Assembly:
    """Choose the biological assembly and list its chain copies, each place filled once.

    The deposited model stands, and a note says so, where the file has no assembly or one that cannot be
    built. Copies that fall onto another copy (an operator listed twice, a molecule on a symmetry axis) are
    left out.
    """
    chosen = preferred_assembly(records)
    if chosen is None:
        return _deposited(polymer, "no assembly in the file: the deposited model is used")
    piece, operator = _copies(chosen, polymer)
    if len(piece) == 0:
        return _deposited(polymer, f"assembly {chosen.id} names no polymer: the deposited model is used")
    rotation, translation = operator[:, :3, :3], operator[:, :3, 3]
    if not _is_rigid(rotation) or not np.isfinite(translation).all():
        return _deposited(polymer, f"assembly {chosen.id} is not rigid: the deposited model is used")
    drop = overlapping_copies(polymer, piece, rotation, translation)
    notes: tuple[str, ...] = ()
    if drop.any():
        notes = (f"assembly {chosen.id}: {int(drop.sum())} overlapping chain copies left out",)
    return Assembly(chosen.id, chosen.source, piece[~drop], rotation[~drop], translation[~drop], notes)
