"""Many beads into fewer, on a cubic grid."""

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel

__all__ = ["BEADS_MAX", "bin_beads", "bin_beads_on_grid", "cell_of"]

BEADS_MAX = 20_000
_CELL_ANGSTROM = 20.0 / 3.0  # a third of 20 A resolution
_GROWTH_MIN = 1.02


def cell_of(beads: BeadModel, cell_angstrom: float) -> NDArray[np.int64]:
    """Return the number (n,) of each bead's bin, in the order of `bin_beads_on_grid`.

    Bins are the occupied (cell, kind) pairs; protein and nucleic acid never share one.
    """
    grid = np.floor(beads.centroid_angstrom.astype(np.float64) / cell_angstrom).astype(np.int64)
    grid -= grid.min(axis=0)
    shape = grid.max(axis=0) + 1
    flat = (grid[:, 0] * shape[1] + grid[:, 1]) * shape[2] + grid[:, 2]
    _, owner = np.unique(flat * 2 + beads.nucleic, return_inverse=True)
    return np.asarray(owner, dtype=np.int64)


def _merged(beads: BeadModel, owner: NDArray[np.int64]) -> BeadModel:
    count = int(owner.max()) + 1
    position = beads.centroid_angstrom.astype(np.float64)
    weight = beads.mass_da.astype(np.float64)
    mass = np.bincount(owner, weight, count)
    centroid = np.stack([np.bincount(owner, weight * position[:, k], count) / mass for k in range(3)], axis=1)
    # parallel-axis theorem per axis: own width and the spread of centroids within the cell
    spread = np.sum((position - centroid[owner]) ** 2, axis=1) / 3.0
    own = beads.width_angstrom.astype(np.float64) ** 2
    square = np.bincount(owner, weight * (own + spread), count) / mass
    return BeadModel(
        centroid_angstrom=centroid.astype(np.float32),
        mass_da=mass.astype(np.float32),
        volume_angstrom3=np.bincount(owner, beads.volume_angstrom3, count).astype(np.float32),
        width_angstrom=np.sqrt(square).astype(np.float32),
        scattering_angstrom=np.bincount(owner, beads.scattering_angstrom, count).astype(np.float32),
        nucleic=np.bincount(owner, beads.nucleic, count) > 0,
    )


def bin_beads_on_grid(beads: BeadModel, cell_angstrom: float) -> BeadModel:
    """Merge the beads of each cell of a cubic grid, protein and nucleic acid apart.

    Mass, volume, scattering, centre of mass and radius of gyration are conserved.
    """
    return _merged(beads, cell_of(beads, cell_angstrom))


def bin_beads(beads: BeadModel, limit: int = BEADS_MAX) -> BeadModel:
    """Merge beads on a cubic grid until there are at most ``limit``.

    Cells start at 20/3 A and grow as needed. Mass, volume, scattering, centre of mass and radius of gyration
    are conserved; a model within the limit is returned as it is.
    """
    cell = _CELL_ANGSTROM
    merged = beads
    while len(merged) > limit:
        owner = cell_of(beads, cell)
        count = int(owner.max()) + 1
        if count <= limit:
            return _merged(beads, owner)
        # a solid body fills cells as cell^-3, so this step falls short rather than overshoots
        cell *= max(_GROWTH_MIN, (count / limit) ** (1.0 / 3.0))
    return merged
