"""Chain copies that fall onto one another."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from emsearch.structures.polymer import Polymer

__all__ = ["overlapping_copies"]

_CENTRE_ANGSTROM = 5.0  # copies whose centres lie further apart are different molecules
_TOUCH_ANGSTROM = 1.5  # residue centroids of one fold never come so close
_SHARE = 0.5  # of the smaller copy's residues


def _pairs(centres: NDArray[np.float64]) -> list[tuple[int, int]]:
    found = cKDTree(centres).query_pairs(_CENTRE_ANGSTROM, output_type="ndarray")
    return sorted((int(min(pair)), int(max(pair))) for pair in found)


def overlapping_copies(
    polymer: Polymer,
    piece: NDArray[np.int64],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Mark the later of every two copies of equal sequence that occupy the same place.

    Parameters
    ----------
    polymer : Polymer
    piece : int64 (k,)
        Index of the chain that each copy is made of.
    rotation, translation : float64 (k, 3, 3) and (k, 3)
        Where each copy is put, x -> R x + t, A.

    Returns
    -------
    bool (k,)
        True for copies to leave out: more than half of their residues lie within 1.5 A of a kept copy's.
    """

    def placed(index: int) -> NDArray[np.float64]:
        chain = polymer.pieces[piece[index]]
        beads = polymer.centroid_angstrom[chain.start : chain.stop]
        return np.asarray(beads @ rotation[index].T + translation[index])

    means = np.array([polymer.centroid_angstrom[p.start : p.stop].mean(axis=0) for p in polymer.pieces])
    centres = np.einsum("kij,kj->ki", rotation, means[piece]) + translation
    drop = np.zeros(len(piece), dtype=np.bool_)
    for first, second in _pairs(centres):
        same = polymer.pieces[piece[first]].sequence == polymer.pieces[piece[second]].sequence
        if drop[first] or drop[second] or not same:
            continue
        distance, _ = cKDTree(placed(first)).query(placed(second), distance_upper_bound=_TOUCH_ANGSTROM)
        drop[second] = np.isfinite(distance).mean() > _SHARE
    return drop
