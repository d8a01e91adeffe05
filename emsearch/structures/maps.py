"""Density maps to beads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from emsearch.structures.beads import BeadModel
from emsearch.structures.errors import StructureError
from emsearch.structures.mrc import Density
from emsearch.structures.residues import PROTEIN_SCATTERING_PER_DA, VOLUME_PER_DA_PROTEIN

__all__ = ["automatic_level", "background_of", "map_beads"]

_GRID_ANGSTROM = 4.0  # finer maps are averaged: images carry 15 A and less
_PLATEAU_PERCENTILE = 95.0
_NOISE_SIGMAS = 3.0
_NORMAL_MAD = 1.4826  # standard deviation over median absolute deviation of a normal distribution
_COMPONENT_SHARE_MIN = 0.05  # of the largest component's density; less is dust
_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class _Contour:
    """Share of each voxel above the level, its density there, and the voxel edges (x, y, z) in A."""

    occupied: NDArray[np.float32]
    density: NDArray[np.float32]
    voxel_angstrom: NDArray[np.float64]


def _averaged(values: NDArray[np.float32], factors: tuple[int, ...]) -> NDArray[np.float32]:
    """Mean over blocks of voxels; what does not fill a block at the far edges is cut off."""
    if all(factor == 1 for factor in factors):
        return values
    nz, ny, nx = (n // f for n, f in zip(values.shape, factors, strict=True))
    fz, fy, fx = factors
    blocks = values[: nz * fz, : ny * fy, : nx * fx].reshape(nz, fz, ny, fy, nx, fx)
    return np.asarray(blocks.mean(axis=(1, 3, 5)), dtype=np.float32)


def _factors(density: Density) -> tuple[int, ...]:
    x, y, z = density.voxel_angstrom
    steps = (max(1, int(_GRID_ANGSTROM / edge)) for edge in (z, y, x))
    return tuple(min(step, n) for step, n in zip(steps, density.values.shape, strict=True))


def background_of(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median and robust standard deviation outside the ellipsoid that touches the box's faces."""
    axes = (np.linspace(-1.0, 1.0, n) ** 2 if n > 1 else np.zeros(1) for n in values.shape)
    z, y, x = axes
    outside = values[z[:, None, None] + y[None, :, None] + x[None, None, :] > 1.0]
    if len(outside) == 0:
        return 0.0, 0.0
    median = float(np.median(outside))
    return median, _NORMAL_MAD * float(np.median(np.abs(outside - median)))


def automatic_level(values: NDArray[np.float32], background: float, noise: float) -> float:
    """Contour level at half the plateau of the density above the background.

    A blurred solid body has half its inner density at its true surface, so that level encloses the true
    volume. The plateau is the 95th percentile of the enclosed density; level and plateau are iterated to
    agreement from the isodata threshold (Ridler and Calvard 1978, IEEE Trans SMC 8:630). The level is at
    least three standard deviations of the noise.

    Parameters
    ----------
    values : float32 (nz, ny, nx)
    background, noise : float
        From ``background_of``.

    Returns
    -------
    float
        In the map's own unit.
    """
    signal = values[values > background].astype(np.float64) - background
    level = float(signal.max()) / 2.0
    for _ in range(_ROUNDS):
        level = float(signal[signal >= level].mean()) / 2.0
    for _ in range(_ROUNDS):
        level = float(np.percentile(signal[signal >= level], _PLATEAU_PERCENTILE)) / 2.0
    return background + max(level, _NOISE_SIGMAS * noise)


def _largest(occupied: NDArray[np.float32], density: NDArray[np.float32]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(occupied > 0.0, structure=np.ones((3, 3, 3)))
    sums = np.bincount(labels.ravel(), density.ravel(), count + 1)
    sums[0] = 0.0
    kept = sums >= _COMPONENT_SHARE_MIN * sums.max()
    kept[0] = False
    return np.asarray(kept[labels], dtype=np.bool_)


def _contoured(density: Density, level: float | None, name: str) -> tuple[_Contour, float]:
    """Contour at ``level`` of the map as given, or at the automatic level of the averaged map."""
    factors = _factors(density)
    coarse = _averaged(density.values, factors)
    background, noise = background_of(coarse)
    if not float(coarse.max()) > background:
        raise StructureError(f"{name}: the map is flat; no density stands above the background.")
    chosen = automatic_level(coarse, background, noise) if level is None else level
    if not chosen > background:
        raise StructureError(
            f"{name}: level {chosen:g} is not above the background of {background:g}; give a higher one."
        )
    source = coarse if level is None else density.values
    above = source > chosen
    if not above.any():
        highest = float(source.max())
        raise StructureError(f"{name}: no voxel above level {chosen:g}; the highest is {highest:g}.")
    inside = np.where(above, source - np.float32(background), np.float32(0.0))
    share = above.astype(np.float32)
    if level is not None:
        share, inside = _averaged(share, factors), _averaged(inside, factors)
    edges = np.array(density.voxel_angstrom) * factors[::-1]
    return _Contour(share, inside, edges), chosen


def map_beads(density: Density, level: float | None, name: str) -> tuple[BeadModel, float]:
    """Turn a map into beads, one a voxel inside the contour, weighted by density.

    The enclosed volume at 1.21 A^3/Da is the mass, as if all were protein; components of less than 5 % of the
    largest are left out. Beads are not yet centred.

    Parameters
    ----------
    density : Density
    level : float or None
        Contour level in the map's unit; None chooses one (``automatic_level``) on a map averaged to voxels of
        about 4 A.
    name : str
        Of the file, for messages.

    Returns
    -------
    beads : BeadModel
    level : float
        The level used.

    Raises
    ------
    StructureError
        A flat map, or a level at which nothing is enclosed.
    """
    contour, used = _contoured(density, level, name)
    kept = _largest(contour.occupied, contour.density)
    z, y, x = np.nonzero(kept)
    weight = contour.density[kept].astype(np.float64)
    volume = float(contour.occupied[kept].sum(dtype=np.float64)) * float(contour.voxel_angstrom.prod())
    mass = weight * (volume / VOLUME_PER_DA_PROTEIN / weight.sum())
    width = np.sqrt(float(np.sum(contour.voxel_angstrom**2)) / 36.0)  # a box has edge^2 / 12 along each axis
    beads = BeadModel(
        centroid_angstrom=(np.stack([x, y, z], axis=1) * contour.voxel_angstrom).astype(np.float32),
        mass_da=mass.astype(np.float32),
        volume_angstrom3=(mass * VOLUME_PER_DA_PROTEIN).astype(np.float32),
        width_angstrom=np.full(len(mass), width, dtype=np.float32),
        scattering_angstrom=(mass * PROTEIN_SCATTERING_PER_DA).astype(np.float32),
        nucleic=np.zeros(len(mass), dtype=np.bool_),
    )
    return beads, used
