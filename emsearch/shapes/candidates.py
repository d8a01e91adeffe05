"""Pairs of structures worth superposing: those whose mass and principal extents agree, nearest first.

All pairs of 20,000 structures are 2e8. Kept are those of mass ratio <= 1.25 and principal extents within 10
%, and of these the 50 nearest of each structure by radial profile and extents, besides the 50 nearest of
its own sequences and stoichiometry. A density map has no certain mass and its extents depend on the level
drawn, so that a pair with a map is judged by extents alone, within 20 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.shapes.prepared import PreparedShape

__all__ = ["PruningSettings", "ShapeDescriptor", "candidate_pairs", "describe_shape"]

_QUANTILES = 16


@dataclass(frozen=True, slots=True)
class ShapeDescriptor:
    """What pruning needs of one structure.

    Attributes
    ----------
    id : str
    mass_da : float
    is_map : bool
        Whether it came from a density map.
    extents_angstrom : float64 (3,)
        Square roots of the eigenvalues of the gyration tensor, longest first.
    radial_profile : float64 (16,)
        Radii that enclose 1/32, 3/32 ... 31/32 of the mass, over the radius of gyration. The root mean square
        difference of two is the Wasserstein-2 distance of their radial mass distributions.
    composition : str
        Key of sequences and stoichiometry; empty where unknown.
    """

    id: str
    mass_da: float
    is_map: bool
    extents_angstrom: NDArray[np.float64]
    radial_profile: NDArray[np.float64]
    composition: str


@dataclass(frozen=True, slots=True)
class PruningSettings:
    """How unlike two structures may be and how many neighbours each keeps."""

    extent_tolerance: float = 0.10
    map_extent_tolerance: float = 0.20
    mass_ratio: float = 1.25
    neighbours: int = 50


def describe_shape(
    structure_id: str, mass_da: float, shape: PreparedShape, *, is_map: bool = False, composition: str = ""
) -> ShapeDescriptor:
    """Describe a prepared shape for pruning."""
    radius = np.linalg.norm(shape.beads.position.astype(np.float64), axis=1)
    order = np.argsort(radius, kind="stable")
    enclosed = np.cumsum(shape.beads.mass[order].astype(np.float64))
    wanted = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    profile = np.interp(wanted, enclosed / enclosed[-1], radius[order]) / shape.rg_angstrom
    return ShapeDescriptor(
        structure_id, mass_da, is_map, np.sqrt(np.array(shape.gyration_angstrom2)), profile, composition
    )


def candidate_pairs(
    descriptors: Sequence[ShapeDescriptor], settings: PruningSettings | None = None
) -> NDArray[np.int64]:
    """Return the pairs to superpose, those of the same composition first.

    Returns
    -------
    int64 (p, 2)
        Positions i < j in ``descriptors``: pairs of one composition, then the others, each part sorted. Which
        structures are paired does not depend on their order: neighbours at equal distance go by id.
    """
    settings = settings or PruningSettings()
    if len(descriptors) < 2:
        return np.zeros((0, 2), np.int64)
    table = _Table.of(descriptors)
    alike: list[NDArray[np.int64]] = []
    other: list[NDArray[np.int64]] = []
    for i in range(len(descriptors)):
        near, distance = _compatible(table, i, settings)
        nearest = near[np.lexsort((table.id_rank[near], distance))]
        same = (table.composition[nearest] == table.composition[i]) & (table.composition[i] >= 0)
        alike.append(_pairs_of(table.original[i], table.original[nearest[same][: settings.neighbours]]))
        other.append(_pairs_of(table.original[i], table.original[nearest[~same][: settings.neighbours]]))
    return np.concatenate([_sorted_unique(alike), _sorted_unique(other)])


@dataclass(frozen=True, slots=True)
class _Table:
    """The descriptors as arrays, by longest extent: the compatible ones of each lie in one stretch."""

    original: NDArray[np.int64]
    id_rank: NDArray[np.int64]
    log_mass: NDArray[np.float64]
    is_map: NDArray[np.bool_]
    log_extents: NDArray[np.float64]
    profile: NDArray[np.float64]
    composition: NDArray[np.int64]

    @staticmethod
    def of(descriptors: Sequence[ShapeDescriptor]) -> "_Table":
        extents = np.log([d.extents_angstrom for d in descriptors])
        order = np.argsort(extents[:, 0], kind="stable")
        id_rank = np.argsort(np.argsort([d.id for d in descriptors], kind="stable"), kind="stable")
        names = sorted({d.composition for d in descriptors if d.composition})
        number = {name: k for k, name in enumerate(names)}
        return _Table(
            order,
            id_rank[order],
            np.log([1.0 if d.is_map else d.mass_da for d in descriptors])[order],
            np.array([d.is_map for d in descriptors])[order],
            extents[order],
            np.array([d.radial_profile for d in descriptors])[order],
            np.array([number.get(d.composition, -1) for d in descriptors])[order],
        )


def _compatible(
    table: _Table, i: int, settings: PruningSettings
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which others pass the tests of mass and extents against structure i, and how far they are."""
    widest = np.log1p(max(settings.extent_tolerance, settings.map_extent_tolerance)) + 1e-9
    here = table.log_extents[i, 0]
    first, last = np.searchsorted(table.log_extents[:, 0], [here - widest, here + widest])
    window = np.arange(first, last)
    with_map = table.is_map[window] | table.is_map[i]
    tolerance = np.log1p(np.where(with_map, settings.map_extent_tolerance, settings.extent_tolerance)) + 1e-9
    gap = np.abs(table.log_extents[window] - table.log_extents[i])
    mass_gap = np.abs(table.log_mass[window] - table.log_mass[i])
    fits = (gap.max(axis=1) <= tolerance) & (with_map | (mass_gap <= np.log(settings.mass_ratio) + 1e-9))
    fits &= window != i
    near = window[fits]
    apart = ((table.profile[near] - table.profile[i]) ** 2).mean(axis=1)
    return near, apart + (gap[fits] ** 2).sum(axis=1)


def _pairs_of(i: np.int64, others: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([np.minimum(i, others), np.maximum(i, others)], axis=1)


def _sorted_unique(pairs: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.unique(np.concatenate(pairs), axis=0)
