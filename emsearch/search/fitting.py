"""Fitting the image model to an image: Gauss-Newton over pose, stain and scale, the rest solved for linearly.

The image is a times the projection T(theta) plus what lies beside it: a level, a plane and the meniscus. For fixed theta
amplitudes are a linear least-squares problem (variable projection, Golub and Pereyra, SIAM J. Numer. Anal. 10:413, 1973);
theta moves by Gauss-Newton steps with a Gaussian prior (Levenberg-Marquardt damping where a step fails).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION
from emsearch.imaging.finish import meniscus
from emsearch.imaging.normalise import soft_disc
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.search.poses import Poses

__all__ = ["Fit", "Prior", "fit"]

Floats = NDArray[np.float64]

_DRAWN = (0, 1, 2, 5, 6, 8, 9)  # derivatives by drawing again; those by shift and blur need no projection
_STEP = np.array([0.035, 0.035, 0.035, 0.25, 0.25, 0.02, -0.05, 0.1, 0.2, 0.1])
_LARGEST = np.array([0.2, 0.2, 0.2, 2.0, 2.0, 0.06, 0.25, 0.3, 0.8, 0.2])
_MENISCUS_ANGSTROM = 50.0
_BESIDE = 6  # level, plane x, plane y, meniscus, meniscus x, meniscus y


@dataclass(frozen=True, slots=True)
class Prior:
    """What is expected of the parameters before an image is seen: mean and standard deviation."""

    shift_px: float = 2.5
    scale: tuple[float, float] = (0.0, 0.04)
    fill: tuple[float, float] = (0.8, 0.4)
    resolution_angstrom: tuple[float, float] = (21.0, 0.25)
    uptake: tuple[float, float] = (0.3, 0.8)
    top: tuple[float, float] = (0.1, 0.1)
    meniscus: float = 0.2


@dataclass(frozen=True, slots=True)
class Fit:
    """How well poses explain an image, each array (n,).

    ``correlation`` is that of the image and the model, level and plane taken away from both; ``explained`` its square over
    what noise of the ring's strength leaves to explain. ``cost`` is minus twice the log of the posterior density at the
    pose over that of no particle, ``cost + spread`` that of the integral about the pose (Laplace).
    """

    poses: Poses
    correlation: Floats
    explained: Floats
    cost: Floats
    spread: Floats


class _Problem:
    """One image, its aperture, the frequencies' weights, and a simulator to draw with."""

    def __init__(
        self,
        image: Tensor,
        aperture_px: float,
        simulator: Simulator,
        pixel_size_angstrom: float,
        ring_px: tuple[float, float],
        weight: Tensor | None,
        prior: Prior,
        centres_px: Tensor | None,
        independent: float,
    ) -> None:
        self.box = image.shape[-1]
        self.simulator = simulator
        self.pixel = pixel_size_angstrom
        self.prior = prior
        self.centres = np.zeros((1, 2)) if centres_px is None else centres_px.double().numpy()
        self.aperture = soft_disc(self.box, torch.tensor([aperture_px]))[0]
        axis = torch.arange(self.box, dtype=torch.float32) - self.box // 2
        x, y = axis[None, :].expand(self.box, -1), axis[:, None].expand(-1, self.box)
        radius = torch.hypot(x, y).clamp_min(1)
        self.bearing = torch.stack([torch.ones_like(x), x / radius, y / radius])
        plane = torch.stack([torch.ones_like(x), 2 * x / self.box, 2 * y / self.box])
        kx = torch.fft.rfftfreq(self.box)[None, :].expand(self.box, -1)
        ky = torch.fft.fftfreq(self.box)[:, None].expand(-1, kx.shape[1])
        twice = torch.full_like(kx, 2.0)
        twice[:, 0] = twice[:, -1] = 1.0
        self.k = torch.stack([kx, ky])
        self.weight = (twice * (1.0 if weight is None else weight)).sqrt() / self.box
        self.pixels = float(self.aperture.sum())
        self.witnesses = self.pixels * independent
        self.given = self.spectra(torch.cat([image[None], plane]) * self.aperture)
        distance = torch.hypot(x, y)
        ring = ((distance >= ring_px[0]) & (distance <= ring_px[1])).float()
        beside = image - (image * ring).sum() / ring.sum().clamp_min(1)
        self.noise_power = float(self.spectra(beside * ring).abs().square().sum() / ring.sum().clamp_min(1))

    def spectra(self, images: Tensor) -> Tensor:
        """Return weighted spectra (..., f) of images (..., box, box): their real products are those of the images."""
        found: Tensor = (torch.fft.rfft2(images) * self.weight).flatten(-2)
        return found

    def draw(self, poses: Poses) -> Tensor:
        parameters = replace(
            clean_parameters(poses.quaternion),
            shift_angstrom=(poses.shift_px * self.pixel).astype(np.float32),
            magnification=np.exp(poses.scale).astype(np.float32),
            fill=poses.fill.astype(np.float32),
            resolution_angstrom=np.exp(poses.blur).astype(np.float32),
            uptake=poses.uptake.astype(np.float32),
            top_signal=poses.top.astype(np.float32),
        )
        pixel = np.full(len(poses), self.pixel)
        return self.simulator.projections(poses.structure, parameters, pixel, self.box).cpu()

    def columns(self, poses: Poses) -> Tensor:
        """Return spectra (n, 1 + 6 + 10 + 1, f): projection, what lies beside it, its derivatives, the image."""
        n = len(poses)
        trials = [poses] + [
            poses.moved(np.where(np.arange(10) == j, _STEP[j], 0.0)[None].repeat(n, 0)) for j in _DRAWN
        ]
        together = Poses(*(np.concatenate([getattr(t, name) for t in trials]) for name in Poses.__slots__))
        drawn = self.draw(together).unflatten(0, (len(trials), n))
        unit = 1 / drawn[0].amax((1, 2), keepdim=True).clamp_min(1e-20)
        projection = drawn[0] * unit
        foot = meniscus(projection, torch.full((n, 1, 1), _MENISCUS_ANGSTROM / self.pixel)) * self.aperture
        feet = foot[:, None] * self.bearing[None]
        # A step that a bound cut short still has the length it had.
        lengths = [self._length(poses, trial, j) for trial, j in zip(trials[1:], _DRAWN, strict=True)]
        slopes = torch.stack(
            [(d * unit - projection) / h for d, h in zip(drawn[1:], lengths, strict=True)], dim=1
        )
        transformed = self.spectra(
            torch.cat([(projection * self.aperture)[:, None], feet, slopes * self.aperture], 1)
        )
        whole = transformed.new_zeros(n, 18, transformed.shape[-1])
        whole[:, 0] = transformed[:, 0]
        whole[:, 1:4] = self.given[1:]
        whole[:, 4:7] = transformed[:, 1:4]
        whole[:, [7 + j for j in _DRAWN]] = transformed[:, 4:]
        kx, ky = self.k.flatten(1)
        sigma = SIGMA_OVER_RESOLUTION * np.exp(poses.blur) / self.pixel
        whole[:, 7 + 3] = transformed[:, 0] * (-2j * torch.pi * kx)
        whole[:, 7 + 4] = transformed[:, 0] * (-2j * torch.pi * ky)
        softer = -4 * torch.pi**2 * (kx**2 + ky**2) * torch.from_numpy(sigma**2).float()[:, None]
        whole[:, 7 + 7] = transformed[:, 0] * softer
        whole[:, 17] = self.given[0]
        return whole

    @staticmethod
    def _length(poses: Poses, moved: Poses, j: int) -> Tensor:
        fields = {5: "scale", 6: "fill", 8: "uptake", 9: "top"}
        if j not in fields:
            return torch.full((len(poses), 1, 1), _STEP[j], dtype=torch.float32)
        length = getattr(moved, fields[j]) - getattr(poses, fields[j])
        length = np.where(np.abs(length) < 1e-6, np.inf, length)
        return torch.from_numpy(length).float()[:, None, None]

    def departures(self, poses: Poses) -> tuple[Floats, Floats]:
        """Return how far poses are from what is expected, and its standard deviation, both (n, 10)."""
        p, n = self.prior, len(poses)
        expected = np.zeros((n, 10))
        deviation = np.full(10, np.inf)
        away = poses.shift_px[:, None] - self.centres[None]
        nearest = np.square(away).sum(2).argmin(1)
        expected[:, 3:5], deviation[3:5] = away[np.arange(n), nearest], p.shift_px
        expected[:, 5], deviation[5] = poses.scale - p.scale[0], p.scale[1]
        expected[:, 6], deviation[6] = poses.fill - p.fill[0], p.fill[1]
        expected[:, 7] = poses.blur - np.log(p.resolution_angstrom[0])
        deviation[7] = p.resolution_angstrom[1]
        expected[:, 8], deviation[8] = poses.uptake - p.uptake[0], p.uptake[1]
        expected[:, 9], deviation[9] = poses.top - p.top[0], p.top[1]
        return expected, deviation


@dataclass(frozen=True, slots=True)
class _Solved:
    """What the linear problems of n poses came to: costs, correlations and the step proposed (n, 10)."""

    cost: Floats
    spread: Floats
    correlation: Floats
    explained: Floats
    step: Floats

    def where(self, better: NDArray[np.bool_], other: "_Solved") -> "_Solved":
        """Return ``other``'s rows where it is better and one's own elsewhere."""

        def either(own: Floats, theirs: Floats) -> Floats:
            return np.where(better.reshape(-1, *[1] * (own.ndim - 1)), theirs, own)

        return _Solved(*(either(getattr(self, name), getattr(other, name)) for name in self.__slots__))


def _solve(problem: _Problem, poses: Poses) -> _Solved:
    columns = torch.view_as_real(problem.columns(poses)).flatten(2)
    gram = torch.bmm(columns, columns.transpose(1, 2)).double().numpy()
    n = len(poses)
    total = np.maximum(gram[:, 17, 17], 1e-12)
    # Level and plane alone, then with the projection: amplitude and noise level for the priors.
    plane = np.arange(1, 4)
    around = np.maximum(total - _explained(gram, plane), 1e-9 * total)
    first = np.concatenate([[0], plane])
    simple, amplitudes = _least_squares(gram, first)
    noise = np.maximum(total - simple, 1e-9 * total) / problem.witnesses
    amplitude = np.maximum(amplitudes[:, 0], 1e-3 * np.sqrt(np.maximum(around, 0) / gram[:, 0, 0]))
    # The model: projection, plane and meniscus, the last held by its prior.
    linear = np.arange(7)
    ridge = np.zeros((n, 7))
    ridge[:, 4:] = (noise / (problem.prior.meniscus * amplitude) ** 2)[:, None]
    explained, weights = _least_squares(gram, linear, ridge)
    left = np.maximum(total - explained, 1e-6 * total)
    departure, deviation = problem.departures(poses)
    cost = problem.witnesses * np.log(left / around) + np.sum((departure / deviation) ** 2, axis=1)
    cost += np.where(weights[:, 0] > 0, 0.0, 1e3)  # the particle is bright
    correlation = np.sqrt(np.clip(1 - left / around, 0, 1)) * np.sign(weights[:, 0])
    explainable = np.maximum(around - problem.noise_power * problem.pixels, 0.05 * around)
    step, spread = _step(gram, ridge, noise, amplitude, departure, deviation)
    return _Solved(cost, spread, correlation, (around - left) / explainable, step)


def _step(
    gram: Floats, ridge: Floats, noise: Floats, amplitude: Floats, departure: Floats, deviation: Floats
) -> tuple[Floats, Floats]:
    """Return the Gauss-Newton step (n, 10), cut to a trusted length."""
    held = noise[:, None] / amplitude[:, None] ** 2
    pull = (
        held / np.concatenate([np.full(3, 0.15), np.full(7, np.inf)]) ** 2
    )  # angles: a prior about where they are
    expected = held / deviation**2
    full_ridge = np.concatenate([ridge, expected + pull], axis=1)
    target = np.concatenate([np.zeros_like(ridge), -expected * departure * amplitude[:, None]], axis=1)
    _, weights = _least_squares(gram, np.arange(17), full_ridge, target)
    step = weights[:, 7:] / amplitude[:, None]
    curvature = gram[:, 7:17, 7:17] / held[:, :, None]
    curvature[:, np.arange(10), np.arange(10)] += 1 / deviation**2 + 1e-6
    widths = np.where(np.isfinite(deviation), deviation, 1.0)
    spread = np.linalg.slogdet(curvature)[1] + 2 * np.log(widths).sum()
    return np.asarray(np.clip(step, -_LARGEST, _LARGEST)), spread


def _explained(gram: Floats, chosen: NDArray[np.int64]) -> Floats:
    return _least_squares(gram, chosen)[0]


def _least_squares(
    gram: Floats,
    chosen: NDArray[np.int64],
    ridge: Floats | None = None,
    target: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return how much of the image's square the chosen columns explain (n,), and their weights (n, c)."""
    normal = gram[:, chosen[:, None], chosen[None, :]].copy()
    diagonal = np.arange(len(chosen))
    largest = normal[:, diagonal, diagonal]
    normal[:, diagonal, diagonal] += 1e-6 * largest + 1e-12 * largest.max(1, keepdims=True)
    if ridge is not None:
        normal[:, diagonal, diagonal] += ridge
    right = gram[:, chosen, 17]
    pulled = right if target is None else right + target
    weights = np.linalg.solve(normal, pulled[:, :, None])[:, :, 0]
    fitted = gram[:, chosen[:, None], chosen[None, :]]
    explained = 2 * np.sum(weights * right, 1) - np.einsum("ni,nij,nj->n", weights, fitted, weights)
    return np.asarray(explained), np.asarray(weights)


def fit(
    image: Tensor,
    aperture_px: float,
    poses: Poses,
    simulator: Simulator,
    pixel_size_angstrom: float,
    *,
    ring_px: tuple[float, float],
    steps: int = 3,
    weight: Tensor | None = None,
    prior: Prior | None = None,
    centres_px: Tensor | None = None,
    independent: float = 1.0,
) -> Fit:
    """Improve poses by ``steps`` Gauss-Newton steps; a step that does not help is cut and tried again.

    ``image`` (box, box), ``ring_px`` the radii between which it shows noise alone, ``weight`` (box, box // 2 + 1) of each
    frequency, 1 where None, ``centres_px`` (c, 2) about which the particle is expected, the middle where None,
    ``independent`` the share of pixels that are independent witnesses.
    """
    problem = _Problem(
        image,
        aperture_px,
        simulator,
        pixel_size_angstrom,
        ring_px,
        weight,
        prior or Prior(),
        centres_px,
        independent,
    )
    best = _solve(problem, poses)
    length = np.ones(len(poses))
    for _ in range(steps):
        trial_poses = poses.moved(best.step * length[:, None])
        trial = _solve(problem, trial_poses)
        better = trial.cost < best.cost
        poses = poses.chosen(better, trial_poses)
        best = best.where(better, trial)
        length = np.where(better, 1.0, length * 0.35)
    return Fit(poses, best.correlation, best.explained, best.cost, best.spread)
