"""How far shape groups are from one another, whether or not they were ever superposed.

The similarity s of two densities is the cosine between them, so that sqrt(2 (1 - s)) is the distance of the two unit
densities in their best superposition; sqrt(-2 ln s) is the same for like shapes and does not saturate for unlike ones. Only
pairs of like size are superposed. For the others -ln s is estimated from what the catalogue knows:

    -ln s = a + b g + c (difference of ln V / (s1 s2 s3))^2 + d (difference of ln Dmax / Rg)^2

where g = -ln of the overlap of two ellipsoidal Gaussians with the gyration tensors of the two, 1/2 sum_k ln((sA^2 + sB^2) /
(2 sA sB)), s_k are the roots of the eigenvalues and V is the excluded volume. a is what unlike shapes of one size have
between them (a similarity of 0.74). How the coefficients were found and how well they
hold: docs/decisions/0011-shape-map.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SizeAndForm", "shape_distances"]

_UNLIKE, _ELLIPSOIDS, _SOLIDITY, _REACH = 0.30, 1.19, 0.068, 1.32


@dataclass(frozen=True, slots=True, eq=False)
class SizeAndForm:
    """What the catalogue has of n structures.

    Attributes
    ----------
    extents_angstrom : float64 (n, 3)
        Square roots of the eigenvalues of the gyration tensor, longest first.
    volume_angstrom3, dmax_angstrom : float64 (n,)
    """

    extents_angstrom: NDArray[np.float64]
    volume_angstrom3: NDArray[np.float64]
    dmax_angstrom: NDArray[np.float64]

    @property
    def rg_angstrom(self) -> NDArray[np.float64]:
        """Radii of gyration (n,)."""
        return np.asarray(np.sqrt((self.extents_angstrom**2).sum(axis=1)))


def shape_distances(
    shapes: SizeAndForm, pairs: NDArray[np.integer], scores: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the distances (n, n) of n shapes, symmetric, 0 on the diagonal.

    Parameters
    ----------
    shapes : SizeAndForm
    pairs : integers (p, 2)
        Positions of the pairs whose similarity was computed.
    scores : (p,)
        Their similarities, above 0.
    """
    loss = _estimated_loss(shapes)
    first, second = np.asarray(pairs, np.int64).reshape(-1, 2).T
    loss[first, second] = loss[second, first] = -np.log(np.clip(scores, 1e-3, 1.0))
    np.fill_diagonal(loss, 0.0)
    return np.sqrt(2.0 * loss)


def _estimated_loss(shapes: SizeAndForm) -> NDArray[np.float64]:
    """Return -ln s as size and form alone let it be expected (n, n)."""
    log_extents = np.log(shapes.extents_angstrom)
    loss = np.full((len(log_extents),) * 2, _UNLIKE)
    for column in log_extents.T:  # ln((a^2 + b^2) / 2ab) = ln cosh(ln a - ln b)
        loss += _ELLIPSOIDS / 2 * np.log(np.cosh(_differences(column)))
    loss += _SOLIDITY * _differences(np.log(shapes.volume_angstrom3) - log_extents.sum(axis=1)) ** 2
    loss += _REACH * _differences(np.log(shapes.dmax_angstrom / shapes.rg_angstrom)) ** 2
    return loss


def _differences(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[:, None] - values[None, :]
