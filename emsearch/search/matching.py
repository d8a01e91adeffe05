"""Projection matching: how each of some structures explains an image best, and how well.

A coarse search over all poses orders the structures and finds where to start; the image model is then fitted from there for
those that explain the image best.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from emsearch.search.coarse import CoarseMatch, Start, search_coarsely
from emsearch.search.coarse_views import CoarseSettings, CoarseViews
from emsearch.search.fitting import Fit, fit
from emsearch.search.image_model import ImageModel
from emsearch.search.poses import Poses
from emsearch.search.prior import Prior
from emsearch.search.residual import residual
from emsearch.search.target import Target

__all__ = ["Match", "MatchingSettings", "Pose", "match", "start_poses"]

Floats = NDArray[np.float64]

_START_RESOLUTION_ANGSTROM = 22.0
_START_TOP_SIGNAL = 0.1


@dataclass(frozen=True, slots=True)
class MatchingSettings:
    """How finely poses are searched, for how many structures they are fitted, from how many starts, in how many steps.

    After ``first_steps`` only the best start goes on, and only for the ``finalists`` that explain the image best by then.
    Where the best fit has a misfit above ``unexplained``, in a picture so clear that any fit which is not right leaves far
    more than the noise, all is fitted again as `thoroughly` says.
    """

    coarse: CoarseSettings = field(default_factory=CoarseSettings)
    structures_fitted: int = 80
    finalists: int = 20
    starts: int = 3
    first_steps: int = 1
    steps: int = 5
    unexplained: float = 4.0

    def thoroughly(self) -> "MatchingSettings":
        """Return the settings of a second look: more starts, all of the structures to the end, and no third look."""
        return replace(
            self,
            starts=4 * self.starts,
            finalists=self.structures_fitted,
            first_steps=2,
            steps=8,
            unexplained=np.inf,
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """How a structure lies under the image.

    ``quaternion`` (w, x, y, z) with the in-plane angle in it; ``shift_px`` is (x, y) of the particle from the middle, in
    pixels of the class; ``scale`` the magnification left over; ``fill``, ``uptake`` and ``top_signal`` are those of
    emsearch.imaging.parameters.
    """

    quaternion: Floats
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
    particle, ``correlation`` that of image and model, ``misfit`` and ``explained`` are those of
    `emsearch.search.residual`, ``strain`` that of `emsearch.search.prior`.
    """

    pose: Pose
    evidence: float
    correlation: float
    fitted: bool
    log_posterior: float
    misfit: float
    explained: float
    strain: float


def match(
    problems: Sequence[tuple[Target, Sequence[str]]],
    views: CoarseViews,
    *,
    expectation: Floats | None = None,
    settings: MatchingSettings | None = None,
) -> list[list[Match]]:
    """Return, for each target and names of structures, the match of each structure, in their order.

    The model is fitted for those with most evidence among all of them; ``expectation``, one number a name in that
    order, is added to it.
    """
    settings = settings or MatchingSettings()
    found = [search_coarsely(target, names, views, settings.coarse) for target, names in problems]
    score = np.array([f.evidence for of_target in found for f in of_target])
    if expectation is not None:
        score = score + expectation
    chosen = np.zeros(len(score), np.bool_)
    chosen[np.argsort(-score, kind="stable")[: settings.structures_fitted]] = True
    parts = np.split(chosen, np.cumsum([len(names) for _, names in problems])[:-1])

    def fitted(how: MatchingSettings) -> list[list[Match]]:
        return [
            _match_one(target, names, coarse, np.flatnonzero(own), views, how)
            for (target, names), coarse, own in zip(problems, found, parts, strict=True)
        ]

    matches = fitted(settings)
    if _misfit_of_best(matches) > settings.unexplained:
        matches = fitted(settings.thoroughly())
    return matches


def _misfit_of_best(matches: Sequence[Sequence[Match]]) -> float:
    every = [m for of_target in matches for m in of_target if m.fitted]
    return max(every, key=lambda m: m.log_posterior).misfit if every else -np.inf


def _match_one(
    target: Target,
    names: Sequence[str],
    found: Sequence[CoarseMatch],
    chosen: NDArray[np.int64],
    views: CoarseViews,
    settings: MatchingSettings,
) -> list[Match]:
    """Return the match of each structure; the model is fitted for those ``chosen``."""
    matches = [_coarse(f) for f in found]
    if not len(chosen):
        return matches
    model = ImageModel(target, views.library.simulator([names[k] for k in chosen]))
    starts = start_poses([(j, s) for j, k in enumerate(chosen) for s in found[k].starts(settings.starts)])
    first = fit(model, starts, steps=settings.first_steps)
    best = _best_of_each(first)
    finalists = first.poses[best[: settings.finalists]]
    last = fit(model, finalists, steps=settings.steps - settings.first_steps)
    for fits, rows in ((first, best[settings.finalists :]), (last, np.arange(len(last.poses)))):
        if not len(rows):
            continue
        kept = fits[rows]
        left, strain = residual(model, kept), Prior().strain(kept.poses)
        for j, number in enumerate(kept.poses.structure.tolist()):
            k = chosen[number]
            matches[k] = Match(
                pose=_pose(kept.poses, j),
                evidence=found[k].evidence,
                correlation=float(kept.correlation[j]),
                fitted=True,
                log_posterior=float(-0.5 * (kept.cost[j] + kept.spread[j])),
                misfit=float(left.misfit[j]),
                explained=float(left.explained[j]),
                strain=float(strain[j]),
            )
    return matches


def start_poses(starts: Sequence[tuple[int, Start]]) -> Poses:
    """Return where fits start: for each the number of its structure and what the coarse search found."""
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


def _coarse(found: CoarseMatch) -> Match:
    start = found.starts(1)[0]
    pose = Pose(
        start.quaternion,
        start.shift_px,
        1.0,
        start.fill,
        _START_RESOLUTION_ANGSTROM,
        start.uptake,
        _START_TOP_SIGNAL,
    )
    return Match(pose, found.evidence, start.correlation, False, -np.inf, 0.0, 0.0, 0.0)


def _pose(p: Poses, j: int) -> Pose:
    return Pose(
        quaternion=p.quaternion[j],
        shift_px=(float(p.shift_px[j, 0]), float(p.shift_px[j, 1])),
        scale=float(np.exp(p.scale[j])),
        fill=float(p.fill[j]),
        resolution_angstrom=float(np.exp(p.blur[j])),
        uptake=float(p.uptake[j]),
        top_signal=float(p.top[j]),
    )
