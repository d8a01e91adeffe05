"""What a bend does to a structure: how far its beads go, which of them clash, and what energy that takes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from emsearch.hybrid_fit.flexible import Flexible

__all__ = ["Distortion", "distortion_of", "superposed_rmsd"]

Floats = NDArray[np.float64]

_NEAR = 3.0  # A; residues' centroids in contact lie 4 to 6 A apart
_NEARER = 0.7  # of the distance before


@dataclass(frozen=True, slots=True)
class Distortion:
    """``rmsd_angstrom`` from the structure as it is, superposed; ``clashes`` are pairs of beads.

    A pair clashes that is nearer than 3 A (more for beads larger than a residue) and than 0.7 of what it was.
    ``energy`` is that of the modes, sum of eigenvalue x amplitude^2 / 2, in units of the prior's temperature: half the
    number of modes is expected.
    """

    rmsd_angstrom: float
    clashes: int
    energy: float


def distortion_of(flexible: Flexible, units: Floats) -> Distortion:
    """Return what amplitudes (k,), in units of the prior, do to a structure."""
    before, after = flexible.points, flexible.bent(units)
    volume = float(np.mean(flexible.model.volume_angstrom3, dtype=np.float64))
    near = _NEAR * max(1.0, float(np.cbrt(volume / 134.0)))
    pairs = cKDTree(after).query_pairs(near, output_type="ndarray")
    now, then = (np.linalg.norm(p[pairs[:, 0]] - p[pairs[:, 1]], axis=1) for p in (after, before))
    return Distortion(
        superposed_rmsd(before, after),
        int(np.count_nonzero(now < _NEARER * then)),
        float(0.5 * np.sum(units**2)),
    )


def superposed_rmsd(fixed: Floats, moving: Floats) -> float:
    """Return the RMSD of two point sets (n, 3) after optimal superposition, each point counted once."""
    _, distance = Rotation.align_vectors(fixed - fixed.mean(axis=0), moving - moving.mean(axis=0))
    return float(distance / np.sqrt(len(fixed)))
