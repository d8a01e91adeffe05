"""One structure fitted to one image, as it is and bent, from several starts; and whether the image asks for the bend."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from emsearch.hybrid_fit.fitting import Fitted, Problem, fit_from
from emsearch.hybrid_fit.flexible import Flexible, flexible
from emsearch.hybrid_fit.optics import DefocusChange
from emsearch.hybrid_fit.state import State
from emsearch.search.coarse import search_coarsely
from emsearch.search.coarse_views import CoarseSettings, CoarseViews
from emsearch.search.fitting import fit
from emsearch.search.library import StructureLibrary
from emsearch.search.matching import start_poses
from emsearch.search.target import Target
from emsearch.structures.beads import BeadModel

__all__ = ["FitSettings", "HybridFit", "bend_to_fit"]

_RIGID_STEPS = 5
_NAME = "structure"


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How many modes bend by how much, from how many starts, and how sure a bend has to be.

    ``rmsd_angstrom`` is the bend that is expected, root mean square. Of ``starts`` poses the ``bent_starts`` that fit best
    are bent. A bend is warranted by a log evidence ratio above ``warranted``: more than unbent structures reach.
    """

    modes: int = 10
    rmsd_angstrom: float = 4.0
    starts: int = 6
    bent_starts: int = 3
    steps: int = 30
    warranted: float = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class HybridFit:
    """The best fit of a structure as it is, and bent.

    ``log_evidence_ratio`` is that of the bent structure over the unbent one, the prior on the bend and the width of both
    fits counted in; ``warranted`` whether it is more than unbent structures reach. ``tried`` are all fits, unbent and bent,
    one pair a start.
    """

    problem: Problem
    flexible: Flexible
    rigid: Fitted
    bent: Fitted
    log_evidence_ratio: float
    warranted: bool
    tried: tuple[tuple[Fitted, Fitted], ...]

    @property
    def bent_model(self) -> BeadModel:
        """The beads bent as fits best, whether or not that is warranted."""
        return self.flexible.bent_model(self.bent.state.modes)


def bend_to_fit(
    target: Target,
    model: BeadModel,
    *,
    defocus: DefocusChange | None = None,
    settings: FitSettings | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> HybridFit:
    """Fit a structure to an image: find its poses, improve them, bend the best of them.

    ``progress`` is told how many "starts bent", and of how many.

    Raises
    ------
    StructureError
        The structure has no normal modes.
    """
    settings = settings or FitSettings()
    bending = flexible(model, settings.modes, settings.rmsd_angstrom)
    library = StructureLibrary({_NAME: model})
    (found,) = search_coarsely(target, [_NAME], CoarseViews(library), CoarseSettings())
    problem = Problem(target, bending, defocus)
    poses = start_poses([(0, start) for start in found.starts(settings.starts)])
    first = fit(problem.told, poses, steps=_RIGID_STEPS)
    order = np.argsort(first.cost, kind="stable")[: settings.bent_starts]
    rigid, bent = [], []
    for done, place in enumerate(order, start=1):
        rigid.append(fit_from(problem, State.rigid(first.poses[place : place + 1]), settings.steps))
        # Where the structure as it is fits best is where the bend starts: nothing but modes are added.
        start = replace(rigid[-1].state, modes=np.zeros(len(bending.modes)))
        bent.append(fit_from(problem, start, settings.steps))
        progress("starts bent", done, len(order))
    best_rigid = max(rigid, key=lambda f: f.log_evidence)
    best_bent = max(bent, key=lambda f: f.log_evidence)
    ratio = best_bent.log_evidence - best_rigid.log_evidence
    tried = tuple(zip(rigid, bent, strict=True))
    return HybridFit(problem, bending, best_rigid, best_bent, ratio, ratio > settings.warranted, tried)
