"""The fit itself: Gauss-Newton over pose, stain, optics and modes, the linear amplitudes solved for.

The likelihood is that of the matching (`emsearch.search.linearised`): -N/2 log R of N independent witnesses.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.hybrid_fit.drawing import Frame, draw
from emsearch.hybrid_fit.flexible import Flexible
from emsearch.hybrid_fit.optics import DefocusChange
from emsearch.hybrid_fit.state import DEFOCUS, State, expected_of
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.simulate import Simulator
from emsearch.search.image_model import LINEAR, PROJECTION, SLOPES, ImageModel, gram_of
from emsearch.search.linearised import Solved, precision, solve
from emsearch.search.prior import Prior
from emsearch.search.target import Target

__all__ = ["Fitted", "Problem", "fit_from"]

Floats = NDArray[np.float64]

_BEADS_DRAWN = 2500  # more are merged on a grid that is finer than a pixel
_CELL_PX = 0.9
_SHORTER = 0.35
_SHORTEST = 0.02
_GAIN = 0.1  # of the cost, in which one more step must gain
_DEFOCUS_STEP_UM = 0.01


@dataclass(frozen=True, slots=True)
class Fitted:
    """Where a fit came to.

    ``cost`` is minus twice the log of the posterior density over that of no particle, ``log_likelihood`` that of the
    likelihood alone, ``log_evidence`` that of the integral about the state (Laplace). ``covariance`` (12 + k, 12 + k) is
    that of the parameters by the curvature, ``amplitudes`` (7,) are those of the linear columns. ``path`` holds every
    state on the way, the last one included.
    """

    state: State
    cost: float
    log_likelihood: float
    log_evidence: float
    correlation: float
    amplitudes: Floats
    covariance: Floats
    path: tuple[State, ...]


class Problem:
    """One image and one model that is to be bent; ``told`` is the image model with the optics as they are told."""

    def __init__(
        self,
        target: Target,
        flexible: Flexible,
        defocus: DefocusChange | None = None,
        prior: Prior | None = None,
    ) -> None:
        self.target = target
        cell = _CELL_PX * target.pixel_size_angstrom
        self.flexible = flexible.merged(cell) if len(flexible.model) > _BEADS_DRAWN else flexible
        self.prior = prior or Prior()
        self.frame = Frame(target.box_px, target.pixel_size_angstrom)
        self.cloud = BeadCloud.from_models([self.flexible.model])
        self._defocus = defocus
        self.told = ImageModel(target, Simulator(self.cloud))

    @property
    def witnesses(self) -> float:
        """How many independent pixels are compared."""
        return self.told.witnesses

    def image_model(self, state: State) -> ImageModel:
        """Return the image model with the transfer function of a state."""
        if self._defocus is None or state.defocus_um == 0:
            return self.told
        transfer = self._defocus(state.defocus_um, self.frame.box_px, self.frame.pixel_size_angstrom)
        return ImageModel(replace(self.target, transfer=transfer), self.told.simulator)

    def columns(self, state: State) -> Tensor:
        """Return the spectra (1, 8 + 12 + k, f) of all columns of the linear problem at a state of k modes, the softest."""
        drawing = draw(
            self.flexible.softest(len(state.modes)), float(self.cloud.width_angstrom[0]), state, self.frame
        )
        unit = 1 / drawing.projection.abs().amax().clamp_min(1e-20)
        model = self.image_model(state)
        projection = drawing.projection[None] * unit
        found = model.linear(projection, more=len(drawing.slopes))
        found[:, SLOPES] = model.shown(drawing.slopes * unit)
        if self._defocus is not None:
            further = self.image_model(replace(state, defocus_um=state.defocus_um + _DEFOCUS_STEP_UM))
            change = further.shown(projection) - found[:, PROJECTION]
            found[:, SLOPES.start + DEFOCUS] = change / _DEFOCUS_STEP_UM
        return found

    def solved(self, state: State) -> tuple[Solved, Floats]:
        """Return the linear problem solved at a state, and the inner products it was made of."""
        gram = gram_of(self.columns(state))
        return solve(gram, self.witnesses, expected_of(state, self.prior, self.told.centres_px)), gram

    def fitted(self, state: State, solved: Solved, gram: Floats, path: tuple[State, ...]) -> Fitted:
        """Return what a state is worth."""
        expected = expected_of(state, self.prior, self.told.centres_px)
        inverse = precision(gram, self.witnesses, expected)[0]
        free = np.isfinite(expected.deviation)
        inverse[~free, ~free] += 1e-6
        widths = np.where(free, expected.deviation, 1.0)
        spread = float(np.linalg.slogdet(inverse)[1] + 2 * np.log(widths).sum())
        cost = float(solved.cost[0])
        strain = float(np.sum((expected.departure / expected.deviation) ** 2))
        return Fitted(
            state=state,
            cost=cost,
            log_likelihood=-0.5 * (cost - strain),
            log_evidence=-0.5 * (cost + spread),
            correlation=float(solved.correlation[0]),
            amplitudes=solved.amplitudes[0],
            covariance=np.linalg.inv(inverse),
            path=path,
        )

    def parts(self, state: State, amplitudes: Floats) -> tuple[Tensor, Tensor]:
        """Return the image of the model at a state and what it leaves, (box, box), within the aperture."""
        model = self.image_model(state)
        columns = self.columns(state)[0, LINEAR]
        weights = torch.from_numpy(amplitudes).to(columns.dtype)
        shown = torch.einsum("j,jf->f", weights, columns)
        return model.images(shown), model.images(model.given_image - shown)


def fit_from(problem: Problem, start: State, steps: int) -> Fitted:
    """Improve a state by up to ``steps`` Gauss-Newton steps; a step that does not help is cut and tried again."""
    state, path = start, [start]
    best, gram = problem.solved(state)
    length = 1.0
    for _ in range(steps):
        trial_state = state.moved(best.step[0] * length)
        trial, trial_gram = problem.solved(trial_state)
        gained = float(best.cost[0] - trial.cost[0])
        if gained > 0:
            state, best, gram, length = trial_state, trial, trial_gram, 1.0
            path.append(state)
            if gained < _GAIN:
                break
        else:
            length *= _SHORTER
            if length < _SHORTEST:
                break
    return problem.fitted(state, best, gram, tuple(path))
