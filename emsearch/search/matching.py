"""Projection matching: how each of some structures explains an image best, and how well.

A coarse search over all poses orders the structures and finds where to start; the image model is then fitted from there for
those that explain the image best.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.search.coarse import CoarseMatch, CoarseSettings, CoarseViews, Start, search_coarsely
from emsearch.search.fitting import Fit, fit
from emsearch.search.noise import noise_weight
from emsearch.search.poses import Poses

__all__ = ["Match", "MatchingSettings", "Pose", "Target", "fit_chosen", "match", "search"]

_START_RESOLUTION_ANGSTROM = 22.0
_START_TOP_SIGNAL = 0.1
_FREE = 0.6  # of half the box: a ring that begins nearer to the middle may lie on the particle
_RING = (
    0.72,
    0.97,
)  # of the aperture: where the noise is read, beyond a particle that fills two thirds of the box


@dataclass(frozen=True, slots=True)
class MatchingSettings:
    """How finely poses are searched, for how many structures they are fitted, from how many starts, in how many steps.

    After ``first_steps`` only the best start goes on, and only for the ``finalists`` that explain the image best by then.
    """

    coarse: CoarseSettings = field(default_factory=CoarseSettings)
    structures_fitted: int = 40
    finalists: int = 20
    starts: int = 3
    first_steps: int = 1
    steps: int = 5


@dataclass(frozen=True, slots=True)
class Pose:
    """How a structure lies under the image.

    ``quaternion`` (w, x, y, z) with the in-plane angle in it; ``shift_px`` is (x, y) of the particle from the middle, in
    pixels of the class; ``scale`` the magnification left over; ``fill``, ``uptake`` and ``top_signal`` are those of
    emsearch.imaging.parameters.
    """

    quaternion: NDArray[np.float64]
    shift_px: tuple[float, float]
    scale: float
    fill: float
    resolution_angstrom: float
    uptake: float
    top_signal: float

    @property
    def in_plane_degrees(self) -> float:
        """The turn about the beam, from +x towards +y, that follows the shortest rotation to the direction."""
        w, _, _, z = self.quaternion.tolist()
        return float(np.degrees(2 * np.arctan2(z, w)) % 360.0)


@dataclass(frozen=True, slots=True)
class Match:
    """One structure against the image.

    ``evidence`` is the log-likelihood over all poses of the coarse search, ``correlation`` that of its best pose. Where
    the model was fitted, ``fitted`` is true, ``log_posterior`` the log of the fit's evidence over that of no
    particle, ``correlation`` that of image and model, and ``explained`` its square over what noise leaves to
    explain.
    """

    structure: int
    pose: Pose
    evidence: float
    correlation: float
    fitted: bool
    log_posterior: float
    explained: float


@dataclass(frozen=True, slots=True)
class Target:
    """An image to be explained.

    ``image`` float32 (box, box) is normalised, at ``pixel_size_angstrom``, and compared within ``aperture_px``.
    ``centres_px`` (c, 2) is where the particle's centre may stand, (x, y) from the middle. ``independent`` is the share of
    its pixels that are independent witnesses: less than one where a coarser image was enlarged.
    """

    image: Tensor
    aperture_px: float
    pixel_size_angstrom: float
    centres_px: Tensor = field(default_factory=lambda: torch.zeros(1, 2))
    independent: float = 1.0

    @property
    def ring_px(self) -> tuple[float, float]:
        """Between these radii the image is taken to show noise alone."""
        return _RING[0] * self.aperture_px, _RING[1] * self.aperture_px

    def weight(self) -> Tensor:
        """Return the weight of each frequency, (box, box // 2 + 1): even where a tight picture shows no free ring."""
        box = self.image.shape[-1]
        if self.ring_px[0] < _FREE * box / 2:
            return torch.ones(box, box // 2 + 1)
        return noise_weight(self.image, *self.ring_px)


def search(
    target: Target, names: Sequence[str], views: CoarseViews, settings: MatchingSettings
) -> list[CoarseMatch]:
    """Return the coarse match of each structure, in the order of ``names``."""
    return search_coarsely(
        target.image,
        target.aperture_px,
        names,
        views,
        target.pixel_size_angstrom,
        target.centres_px,
        weight=target.weight(),
        independent=target.independent,
        poses=settings.starts,
        settings=settings.coarse,
    )


def fit_chosen(
    target: Target,
    names: Sequence[str],
    found: Sequence[CoarseMatch],
    chosen: Sequence[int],
    views: CoarseViews,
    settings: MatchingSettings,
) -> list[Match]:
    """Return the match of each structure, in the order of ``names``; the model is fitted for those ``chosen``."""
    matches = [_coarse(k, f) for k, f in enumerate(found)]
    if not len(chosen):
        return matches
    simulator = views.library.simulator([names[k] for k in chosen])
    starts = _poses([(j, start) for j, k in enumerate(chosen) for start in found[k].starts])
    weight = target.weight()

    def fitted(poses: Poses, steps: int) -> Fit:
        return fit(
            target.image,
            target.aperture_px,
            poses,
            simulator,
            target.pixel_size_angstrom,
            ring_px=target.ring_px,
            weight=weight,
            independent=target.independent,
            steps=steps,
            centres_px=target.centres_px,
        )

    first = fitted(starts, settings.first_steps)
    best = _best_of_each(first)
    last = fitted(first.poses[best[: settings.finalists]], settings.steps - settings.first_steps)
    for fits, rows in ((first, best[settings.finalists :]), (last, np.arange(len(last.poses)))):
        for j in rows.tolist():
            k = chosen[int(fits.poses.structure[j])]
            matches[k] = _fitted(k, found[k], fits, j)
    return matches


def match(
    target: Target,
    names: Sequence[str],
    views: CoarseViews,
    *,
    expectation: NDArray[np.floating] | None = None,
    settings: MatchingSettings | None = None,
) -> list[Match]:
    """Return the match of each of some structures of the library behind ``views``, in the order of ``names``.

    ``expectation`` (n,) is added to each structure's evidence before those are chosen that are fitted.
    """
    settings = settings or MatchingSettings()
    found = search(target, names, views, settings)
    score = np.array([f.evidence for f in found])
    if expectation is not None:
        score = score + expectation
    chosen = np.argsort(-score, kind="stable")[: settings.structures_fitted].tolist()
    return fit_chosen(target, names, found, chosen, views, settings)


def _poses(starts: Sequence[tuple[int, Start]]) -> Poses:
    n = len(starts)
    return Poses(
        structure=np.array([k for k, _ in starts]),
        quaternion=np.stack([s.quaternion for _, s in starts]),
        shift_px=np.array([s.shift_px for _, s in starts]),
        scale=np.zeros(n),
        fill=np.array([s.fill for _, s in starts]),
        blur=np.full(n, np.log(_START_RESOLUTION_ANGSTROM)),
        uptake=np.array([s.uptake for _, s in starts]),
        top=np.full(n, _START_TOP_SIGNAL),
    )


def _best_of_each(found: Fit) -> NDArray[np.int64]:
    """Return the positions of each structure's cheapest fit, the cheapest first."""
    order = np.argsort(found.cost, kind="stable")
    _, first = np.unique(found.poses.structure[order], return_index=True)
    return np.asarray(order[np.sort(first)])


def _coarse(number: int, found: CoarseMatch) -> Match:
    start = found.starts[0]
    pose = Pose(
        start.quaternion,
        start.shift_px,
        1.0,
        start.fill,
        _START_RESOLUTION_ANGSTROM,
        start.uptake,
        _START_TOP_SIGNAL,
    )
    return Match(number, pose, found.evidence, start.correlation, False, -np.inf, 0.0)


def _fitted(number: int, found: CoarseMatch, fits: Fit, j: int) -> Match:
    p = fits.poses
    pose = Pose(
        quaternion=p.quaternion[j],
        shift_px=(float(p.shift_px[j, 0]), float(p.shift_px[j, 1])),
        scale=float(np.exp(p.scale[j])),
        fill=float(p.fill[j]),
        resolution_angstrom=float(np.exp(p.blur[j])),
        uptake=float(p.uptake[j]),
        top_signal=float(p.top[j]),
    )
    return Match(
        structure=number,
        pose=pose,
        evidence=found.evidence,
        correlation=float(fits.correlation[j]),
        fitted=True,
        log_posterior=float(-0.5 * (fits.cost[j] + fits.spread[j])),
        explained=float(fits.explained[j]),
    )
