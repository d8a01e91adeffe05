"""Projection matching: the pose of a structure whose projection correlates best with an image.

First all directions over the sphere at several stain fills, every in-plane angle and a few shifts; then, for the
best poses, a search of the neighbourhood with rounds of smaller steps over direction, fill and resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import (
    healpix_directions,
    multiply_quaternions,
    quaternion_about_beam,
    quaternion_from_direction,
)
from emsearch.imaging.simulate import Simulator
from emsearch.search.polar import PolarGrid, polar_coefficients

__all__ = ["MatchingSettings", "Pose", "match"]

_FINE_ANGLES = 256

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MatchingSettings:
    """How finely poses are searched."""

    nside: int = 4
    fills: tuple[float, ...] = (1.0, 0.7, 0.45)
    resolution_angstrom: float = 22.0
    shift_px: float = 3.0
    poses_refined: int = 3
    structures_refined: int = 8
    rounds: int = 4
    trials: int = 24
    first_step_degrees: float = 7.0


@dataclass(frozen=True, slots=True)
class Pose:
    """How a structure lies under the image, and how well that explains it.

    ``quaternion`` (4,) without the in-plane angle; ``in_plane_degrees`` turns the projection from +x towards +y;
    ``shift_px`` is (x, y) of the particle from the middle, in pixels of the class; ``correlation`` is normalised over
    the disc.
    """

    structure: int
    quaternion: NDArray[np.float64]
    in_plane_degrees: float
    shift_px: tuple[float, float]
    fill: float
    resolution_angstrom: float
    correlation: float

    def full_quaternion(self) -> NDArray[np.float64]:
        """Return the quaternion with the in-plane angle in it."""
        return multiply_quaternions(quaternion_about_beam(np.array(self.in_plane_degrees)), self.quaternion)


def _shifts(reach_px: float, step_px: float) -> Tensor:
    """Return (s, 2) shifts on a square grid within a circle, no shift among them."""
    steps = int(reach_px / step_px + 1e-6)
    axis = torch.arange(-steps, steps + 1) * step_px
    grid = torch.cartesian_prod(axis, axis)
    distance = torch.linalg.vector_norm(grid, dim=1)
    return grid[distance <= reach_px + 1e-6]


def _correlate(views: Tensor, queries: Tensor, angles: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best correlation of each view, and the shift and in-plane step that give it, each (c, v).

    ``views`` (c, v, rings, m) against ``queries`` (c, s, rings, m), the same image at s shifts. The sum over circles of the
    products of coefficients is the transform of the correlation over the in-plane angle, here at ``angles`` steps.
    """
    product = torch.einsum("cvrm,csrm->cvsm", views.conj(), queries)
    if angles > 2 * (product.shape[3] - 1):
        product[..., -1] /= 2  # what was the Nyquist frequency now has a partner of its own
    curves = torch.fft.irfft(product, n=angles, dim=3) * angles
    best, place = curves.flatten(2).max(2)
    return best, place // angles, place % angles


class _Matcher:
    """One image against the structures of a simulator."""

    def __init__(
        self, image: Tensor, aperture_px: float, simulator: Simulator, pixel_size_angstrom: float
    ) -> None:
        self.image = image
        self.simulator = simulator
        self.pixel = pixel_size_angstrom
        self.grid = PolarGrid(rings=max(4, int(aperture_px) - 1))

    def views(
        self, structure: NDArray[np.int64], quaternion: Floats, fill: Floats, resolution: Floats
    ) -> Tensor:
        """Draw clean projections (v,) and return their polar coefficients (v, rings, m)."""
        parameters = replace(
            clean_parameters(quaternion),
            fill=fill.astype(np.float32),
            resolution_angstrom=resolution.astype(np.float32),
        )
        pixel = np.full(len(structure), self.pixel)
        drawn = self.simulator.projections(structure, parameters, pixel, self.image.shape[-1])
        return polar_coefficients(drawn.cpu(), self.grid)

    def queries(self, shifts: Tensor) -> Tensor:
        """Return the polar coefficients of the image about shifted middles (s, 2)."""
        return polar_coefficients(self.image.expand(len(shifts), -1, -1), self.grid, shifts)

    def search(
        self, structures: Sequence[int], centres: Tensor, settings: MatchingSettings
    ) -> list[list[Pose]]:
        """Try every direction, fill and shift; return each structure's best poses, distinct in direction or fill."""
        directions = quaternion_from_direction(healpix_directions(settings.nside))
        fill = np.repeat(np.array(settings.fills), len(directions))
        quaternion = np.tile(directions, (len(settings.fills), 1))
        near = _shifts(settings.shift_px, settings.shift_px / 2)
        shifts = torch.unique((centres[:, None] + near[None]).flatten(0, 1), dim=0)
        queries = self.queries(shifts)[None]
        resolution = np.full(len(fill), settings.resolution_angstrom)
        found = []
        for structure in structures:
            views = self.views(np.full(len(fill), structure), quaternion, fill, resolution)
            best, shift, turn = (t[0] for t in _correlate(views[None], queries, self.grid.angles))
            order = best.topk(settings.poses_refined).indices.tolist()
            step = 360.0 / self.grid.angles
            found.append(
                [
                    Pose(
                        structure=structure,
                        quaternion=quaternion[k],
                        in_plane_degrees=float(turn[k]) * step,
                        shift_px=(float(shifts[shift[k], 0]), float(shifts[shift[k], 1])),
                        fill=float(fill[k]),
                        resolution_angstrom=settings.resolution_angstrom,
                        correlation=float(best[k]),
                    )
                    for k in order
                ]
            )
        return found

    def refine(
        self, poses: Sequence[Pose], settings: MatchingSettings, rng: np.random.Generator
    ) -> list[Pose]:
        """Improve each pose by rounds of random steps, half as wide each round, around the best so far."""
        now = list(poses)
        step_degrees, step_px = settings.first_step_degrees, settings.shift_px / 4
        for _ in range(settings.rounds):
            now = self._round(now, settings.trials, step_degrees, step_px, rng)
            step_degrees, step_px = step_degrees / 2, step_px / 2
        return now

    def _round(
        self, poses: list[Pose], trials: int, step_degrees: float, step_px: float, rng: np.random.Generator
    ) -> list[Pose]:
        count = len(poses)
        around = np.repeat(np.arange(count), trials)
        first = np.tile(np.arange(trials) == 0, count)  # the pose as it stands is one of the trials
        tilt = rng.standard_normal((count * trials, 3)) * np.deg2rad(step_degrees) / 2
        tilt[:, 2] = 0
        tilt[first] = 0
        small = np.concatenate([np.ones((len(tilt), 1)), tilt], axis=1)
        small /= np.linalg.norm(small, axis=1, keepdims=True)
        quaternion = multiply_quaternions(small, np.stack([poses[k].quaternion for k in around]))
        spread = step_degrees / 50
        fill = np.array([poses[k].fill for k in around]) + np.where(
            first, 0, rng.normal(0, spread, len(around))
        )
        softer = np.where(first, 1, np.exp(rng.normal(0, 2 * spread, len(around))))
        resolution = np.clip(np.array([poses[k].resolution_angstrom for k in around]) * softer, 10, 40)
        fill = np.where(fill > 0.97, 1.0, np.clip(fill, 0.25, 1.0))
        structure = np.array([poses[k].structure for k in around])
        views = self.views(structure, quaternion, fill, resolution).unflatten(0, (count, trials))
        near = _shifts(1.5 * step_px, step_px)
        shifts = torch.tensor([p.shift_px for p in poses])[:, None] + near[None]
        queries = self.queries(shifts.flatten(0, 1)).unflatten(0, (count, len(near)))
        best, shift, turn = _correlate(views, queries, _FINE_ANGLES)
        improved = []
        for k in range(count):
            t = int(best[k].argmax())
            j = k * trials + t
            where = shifts[k, int(shift[k, t])]
            improved.append(
                Pose(
                    structure=poses[k].structure,
                    quaternion=quaternion[j],
                    in_plane_degrees=float(turn[k, t]) * 360.0 / _FINE_ANGLES,
                    shift_px=(float(where[0]), float(where[1])),
                    fill=float(fill[j]),
                    resolution_angstrom=float(resolution[j]),
                    correlation=float(best[k, t]),
                )
            )
        return improved


def match(
    image: Tensor,
    aperture_px: float,
    structures: Sequence[int],
    simulator: Simulator,
    pixel_size_angstrom: float,
    *,
    centres_px: Tensor | None = None,
    settings: MatchingSettings | None = None,
) -> list[Pose]:
    """Return the best pose of each structure, in the order of ``structures``.

    Parameters
    ----------
    image : float32 (box, box)
        Normalised, at the class's pixel size.
    aperture_px : float
        Radius within which image and projection are compared.
    structures : positions in the simulator's cloud
    centres_px : float32 (c, 2), optional
        Where the particle's centre may stand, (x, y) from the middle; shifts are tried about each. By default the middle.
    """
    settings = settings or MatchingSettings()
    centres = torch.zeros(1, 2) if centres_px is None else centres_px
    matcher = _Matcher(image.cpu(), aperture_px, simulator, pixel_size_angstrom)
    found = matcher.search(structures, centres, settings)
    best_first = sorted(range(len(found)), key=lambda k: -found[k][0].correlation)[
        : settings.structures_refined
    ]
    chosen = [pose for k in best_first for pose in found[k]]
    refined = matcher.refine(chosen, settings, np.random.default_rng(0))
    best = [poses[0] for poses in found]
    for position, k in enumerate(best_first):
        own = refined[position * settings.poses_refined : (position + 1) * settings.poses_refined]
        best[k] = max(own, key=lambda pose: pose.correlation)
    return best
