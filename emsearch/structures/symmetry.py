"""Point-group symmetry of an assembly, from superposing its equal chains."""

import re
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from emsearch.structures.assembly import Assembly
from emsearch.structures.polymer import Polymer

__all__ = ["TOLERANCE_ANGSTROM", "point_group", "point_group_of_rotations"]

TOLERANCE_ANGSTROM = 3.0  # RMSD of the assembly's landmarks after a symmetry rotation
_SEARCH_ANGSTROM = 8.0  # the same before the rotation is refined over the whole assembly
_MASS_SHARE_MIN = 0.05  # smaller classes (a bound peptide) do not break the symmetry
_RESIDUES_MAX = 90  # residues of a chain that are superposed
_PROBES = 16  # copies tried first, so that a wrong rotation of a large capsid costs little
_ANGLE_TOLERANCE_DEGREES = 3.0


@dataclass(frozen=True, slots=True)
class _Class:
    """Copies of equal chains, in A: ``residues`` (k, s, 3) and ``landmarks`` (k, 3, 3), means of thirds."""

    residues: NDArray[np.float64]
    landmarks: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Rigid:
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(points @ self.rotation.T + self.translation)


def _superpose(moving: NDArray[np.float64], fixed: NDArray[np.float64]) -> _Rigid:
    """Least-squares rotation and translation of ``moving`` (n, 3) onto ``fixed`` (Kabsch 1976)."""
    moving_mean, fixed_mean = moving.mean(axis=0), fixed.mean(axis=0)
    u, _, vt = np.linalg.svd((moving - moving_mean).T @ (fixed - fixed_mean))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign @ vt).T
    return _Rigid(rotation, fixed_mean - rotation @ moving_mean)


def _positions_in(reference: str, sequence: str) -> NDArray[np.int64]:
    """Position in ``reference`` of each letter of ``sequence`` by global alignment; -1 for none."""
    if sequence == reference:
        return np.arange(len(sequence))
    alignment = gemmi.align_string_sequences(list(sequence), list(reference), [])
    found = np.full(len(sequence), -1, dtype=np.int64)
    own = other = 0
    for digits, step in re.findall(r"(\d+)([MID])", alignment.cigar_str()):
        length = int(digits)
        if step == "M":
            found[own : own + length] = np.arange(other, other + length)
        own += length * (step != "D")
        other += length * (step != "I")
    return found


def _common_residues(polymer: Polymer, members: list[int]) -> dict[int, NDArray[np.int64]]:
    """Indices of equivalent residues that all the pieces share; at most ``_RESIDUES_MAX`` of them."""
    longest = max((polymer.pieces[member].sequence for member in members), key=len)
    positions = {member: _positions_in(longest, polymer.pieces[member].sequence) for member in members}
    common = np.arange(len(longest))
    for member in members:
        common = np.intersect1d(common, positions[member])
    if len(common) > _RESIDUES_MAX:
        common = common[np.linspace(0, len(common) - 1, _RESIDUES_MAX).astype(np.int64)]
    found: dict[int, NDArray[np.int64]] = {}
    for member in members:
        where = {position: index for index, position in enumerate(positions[member].tolist())}
        local = np.array([where[position] for position in common.tolist()], dtype=np.int64)
        found[member] = polymer.pieces[member].start + local
    return found


def _class(polymer: Polymer, assembly: Assembly, members: list[int]) -> _Class | None:
    chosen = _common_residues(polymer, members)
    if len(chosen[members[0]]) < 3:
        return None
    copies = np.flatnonzero(np.isin(assembly.piece, members))
    points = np.stack([polymer.centroid_angstrom[chosen[int(assembly.piece[k])]] for k in copies])
    placed = np.einsum("kij,ksj->ksi", assembly.rotation[copies], points)
    placed += assembly.translation[copies, None, :]
    thirds = np.array_split(placed, 3, axis=1)
    return _Class(placed, np.stack([third.mean(axis=1) for third in thirds], axis=1))


def _classes(polymer: Polymer, assembly: Assembly, class_of_piece: list[str]) -> list[_Class]:
    mass = np.array([polymer.mass_da[p.start : p.stop].sum() for p in polymer.pieces])
    used = np.unique(assembly.piece).tolist()
    total = mass[assembly.piece].sum()
    found: list[_Class] = []
    for name in sorted({class_of_piece[index] for index in used}):
        members = [index for index in used if class_of_piece[index] == name]
        share = mass[assembly.piece[np.isin(assembly.piece, members)]].sum() / total
        if share >= _MASS_SHARE_MIN and (made := _class(polymer, assembly, members)) is not None:
            found.append(made)
    return found


def _match(
    classes: list[_Class], trees: list[cKDTree], motion: _Rigid, limit: int | None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Move the assembly's landmarks; return the RMSD to the nearest copies, and both point sets."""
    moved: list[NDArray[np.float64]] = []
    nearest: list[NDArray[np.float64]] = []
    for group, tree in zip(classes, trees, strict=True):
        marks = group.landmarks[:limit]
        image = motion(marks.reshape(-1, 3)).reshape(len(marks), 9)
        _, index = tree.query(image)
        if limit is None and len(np.unique(index)) < len(index):
            return np.inf, np.empty((0, 3)), np.empty((0, 3))
        moved.append(marks.reshape(-1, 3))
        nearest.append(group.landmarks[index].reshape(-1, 3))
    source, target = np.concatenate(moved), np.concatenate(nearest)
    distance = np.sqrt(np.mean(np.sum((motion(source) - target) ** 2, axis=1)))
    return float(distance), source, target


def _symmetry_rotations(classes: list[_Class]) -> NDArray[np.float64]:
    """All rotations (n, 3, 3), the identity among them, that map the assembly onto itself."""
    trees = [cKDTree(group.landmarks.reshape(len(group.landmarks), 9)) for group in classes]
    smallest = min(classes, key=lambda group: len(group.residues))
    centre = np.concatenate([group.landmarks.reshape(-1, 3) for group in classes]).mean(axis=0)
    found: list[NDArray[np.float64]] = [np.eye(3)]
    for target in smallest.residues[1:]:
        motion = _superpose(smallest.residues[0], target)
        if np.linalg.norm(motion(centre) - centre) > _SEARCH_ANGSTROM:
            continue
        if _match(classes, trees, motion, _PROBES)[0] > 2.0 * _SEARCH_ANGSTROM:
            continue
        rough, source, image = _match(classes, trees, motion, None)
        if rough > _SEARCH_ANGSTROM:
            continue
        refined = _superpose(source, image)
        if _match(classes, trees, refined, None)[0] <= TOLERANCE_ANGSTROM:
            found.append(refined.rotation)
    return np.array(found)


def _order(rotation: NDArray[np.float64], group_order: int) -> int:
    """Return the smallest divisor of the group's order after which the rotation repeats (Lagrange)."""
    cosine = np.clip((np.trace(rotation) - 1.0) / 2.0, -1.0, 1.0)
    angle = np.degrees(np.arccos(cosine))
    for order in range(1, group_order + 1):
        step = 360.0 / order
        off = abs(angle - step * round(angle / step))
        if group_order % order == 0 and off < _ANGLE_TOLERANCE_DEGREES:
            return order
    return 1


def point_group_of_rotations(rotations: NDArray[np.float64]) -> str:
    """Name the point group of a complete set of rotations (n, 3, 3), the identity included.

    A group of order n whose largest element order is p is C_n where p = n, T, O or I for (12, 3), (24, 4) and
    (60, 5), else D_p where 2 p = n. A set that is no group is called "C1".

    >>> point_group_of_rotations(np.array([np.eye(3), np.diag([-1.0, -1.0, 1.0])]))
    'C2'
    """
    count = len(rotations)
    largest = max(_order(rotation, count) for rotation in rotations)
    if largest == count:
        return f"C{count}"
    cubic = {(12, 3): "T", (24, 4): "O", (60, 5): "I"}
    if (count, largest) in cubic:
        return cubic[count, largest]
    return f"D{largest}" if 2 * largest == count else "C1"


def point_group(polymer: Polymer, assembly: Assembly, class_of_piece: list[str]) -> str:
    """Find the point group of an assembly ("C1", "C7", "D2", "T", "O", "I").

    A rotation that maps the assembly onto itself maps the first chain of the least numerous class onto
    another of its class. Each such superposition (aligned residues, Kabsch 1976) is tried on three
    landmarks of every chain and accepted where, refined over all of them, their RMSD is at most 3 A. Classes
    of less than 5 % of the mass are ignored. Helices have no rotation that keeps the centre and are "C1".

    Parameters
    ----------
    polymer : Polymer
    assembly : Assembly
    class_of_piece : list of str
        Chains of one name count as equal.
    """
    classes = _classes(polymer, assembly, class_of_piece)
    if not classes:
        return "C1"
    return point_group_of_rotations(_symmetry_rotations(classes))
