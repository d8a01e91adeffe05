"""Which beads of an elastic network are joined by springs."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

__all__ = ["CONTACTS", "cutoff_of", "springs"]

CONTACTS = 40  # a residue within a protein has about 60 others within 15 A
_CUTOFF_ANGSTROM = 15.0
_CUTOFF_PER_SPACING = 2.8  # 15 A for the 5.1 A between residues of 134 A^3

_Points = NDArray[np.float64]
_Indices = NDArray[np.int64]


def cutoff_of(volume_angstrom3: NDArray[np.floating]) -> float:
    """Return how far springs reach between beads of these volumes (n,), in A.

    15 A for residues (Eyal, Yang and Bahar 2006, Bioinformatics 22:2619), and as many bead spacings for
    nucleotides and for beads that stand for several residues.
    """
    spacing = float(np.cbrt(volume_angstrom3.mean(dtype=np.float64)))
    return max(_CUTOFF_ANGSTROM, _CUTOFF_PER_SPACING * spacing)


def springs(points_angstrom: _Points, cutoff_angstrom: float, contacts: int = CONTACTS) -> _Indices:
    """Join points closer than the cutoff, every point to its nearest ``contacts``, and all into one piece.

    Chain ends and loops that stick out of a molecule have few neighbours within the cutoff. Left at that, they
    flap and take up the lowest modes (the tip effect: Lu, Poon and Ma 2006, J. Chem. Theory Comput. 2:464).

    Parameters
    ----------
    points_angstrom : float64 (n, 3)
    cutoff_angstrom : float
    contacts : int
        0 for the plain network.

    Returns
    -------
    int64 (m, 2)
        Each pair once, the smaller index first, in ascending order. Points in one place are not joined.
    """
    tree = cKDTree(points_angstrom)
    pairs = tree.query_pairs(cutoff_angstrom, output_type="ndarray").astype(np.int64)
    degree = np.bincount(pairs.ravel(), minlength=len(points_angstrom))
    loose = np.flatnonzero(degree < contacts)
    pairs = _distinct(points_angstrom, [pairs, _nearest(tree, points_angstrom, loose, contacts + 1)])
    return _joined(points_angstrom, pairs, max(contacts, 1))


def _nearest(tree: cKDTree, points: _Points, index: _Indices, count: int) -> _Indices:
    """Pair the points of these indices with their nearest ``count`` of the tree."""
    _, found = tree.query(points[index], np.arange(1, min(count, tree.n) + 1))
    return np.stack([np.repeat(index, found.shape[1]), found.ravel()], axis=1)


def _distinct(points: _Points, pairs: list[_Indices]) -> _Indices:
    together = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    apart = np.any(points[together[:, 0]] != points[together[:, 1]], axis=1)
    return np.asarray(together[apart])


def _joined(points: _Points, pairs: _Indices, contacts: int) -> _Indices:
    """Tie the smallest separate part to the nearest other, where the two face each other, until one is left."""
    while True:
        graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(points), len(points)))
        count, label = connected_components(graph, directed=False)
        if count == 1:
            return pairs
        part = label == np.argmin(np.bincount(label))
        outside = np.flatnonzero(~part)
        distance, index = map(np.asarray, cKDTree(points[outside]).query(points[part]))
        other = np.flatnonzero(label == label[outside[index[np.argmin(distance)]]])
        pairs = _distinct(points, [pairs, _bridge(points, np.flatnonzero(part), other, contacts)])


def _bridge(points: _Points, part: _Indices, other: _Indices, contacts: int) -> _Indices:
    """Pair the ``contacts`` points of a part that are nearest to another part with as many of that one each."""
    tree = cKDTree(points[other])
    distance, _ = tree.query(points[part])
    border = part[np.argsort(distance, kind="stable")[:contacts]]
    found = _nearest(tree, points, border, contacts)
    return np.stack([found[:, 0], other[found[:, 1]]], axis=1)
