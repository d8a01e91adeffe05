"""One structure fitted to one image, as it is and bent, from several starts; and whether the image asks for the bend."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from emsearch.hybrid_fit.equivalent_poses import Equivalents
from emsearch.hybrid_fit.fitting import Fitted, Problem, fit_from
from emsearch.hybrid_fit.flexible import Flexible, flexible
from emsearch.hybrid_fit.optics import DefocusChange
from emsearch.hybrid_fit.state import State
from emsearch.search.coarse import search_coarsely
from emsearch.search.coarse_views import CoarseSettings, CoarseViews
from emsearch.search.fitting import fit
from emsearch.search.library import StructureLibrary
from emsearch.search.matching import start_poses
from emsearch.search.poses import Poses
from emsearch.search.target import Target
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel

__all__ = ["FitSettings", "HybridFit", "bend_to_fit"]

_RIGID_STEPS = 5
_NAME = "structure"


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How many modes bend by how much, from how many starts, and how sure a bend has to be.

    ``rmsd_angstrom`` is the bend that is expected, root mean square. Of ``starts`` poses the ``bent_starts`` that fit best,
    no two of them alike, are bent. A bend is warranted by a log evidence ratio above ``warranted``: more than unbent
    structures reach. A pose is settled by as much over the next one: of those with less half were wrong
    (docs/explanation/bending-to-fit.md).
    """

    modes: int = 10
    rmsd_angstrom: float = 4.0
    starts: int = 24
    bent_starts: int = 4
    steps: int = 30
    warranted: float = 3.0
    settled: float = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class HybridFit:
    """The best fit of a structure as it is, and bent.

    ``log_evidence_ratio`` is that of the bent structure over the unbent one, the prior on the bend and the width of both
    fits counted in; ``warranted`` whether it is more than unbent structures reach. ``pose_log_evidence_ratio`` is that of
    the bent structure over the same bent in the next best pose, None where all starts came to one pose; ``pose_settled``
    whether the image leaves no doubt between the two. ``tried`` are all fits, unbent and bent, one pair a start.
    """

    problem: Problem
    flexible: Flexible
    rigid: Fitted
    bent: Fitted
    log_evidence_ratio: float
    warranted: bool
    pose_log_evidence_ratio: float | None
    pose_settled: bool
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
    problem, equivalents = Problem(target, bending, defocus), Equivalents(model)
    starts = _distinct_starts(problem, model, equivalents, settings)
    tried = []
    for done in range(1, len(starts) + 1):
        begun = State.rigid(starts[done - 1 : done], len(bending.modes))
        rigid = fit_from(problem, State.rigid(begun.pose), settings.steps)
        # A large bend draws the unbent structure away from its pose, so the bend starts from before that too.
        ways = (replace(rigid.state, modes=begun.modes), begun)
        bent = (fit_from(problem, start, settings.steps) for start in ways)
        tried.append((rigid, max(bent, key=lambda f: f.log_evidence)))
        progress("starts bent", done, len(starts))
    best_rigid = max((rigid for rigid, _ in tried), key=lambda f: f.log_evidence)
    best = max((bent for _, bent in tried), key=lambda f: f.log_evidence)
    ratio = best.log_evidence - best_rigid.log_evidence
    rivals = [b.log_evidence for _, b in tried if not equivalents.alike(best.state.turn, b.state.turn)]
    ahead = best.log_evidence - max(rivals) if rivals else None
    return HybridFit(
        problem=problem,
        flexible=bending,
        rigid=best_rigid,
        bent=best,
        log_evidence_ratio=ratio,
        warranted=ratio > settings.warranted,
        pose_log_evidence_ratio=ahead,
        pose_settled=ahead is None or ahead >= settings.settled,
        tried=tuple(tried),
    )


def _distinct_starts(
    problem: Problem, model: BeadModel, equivalents: Equivalents, settings: FitSettings
) -> Poses:
    """Return the poses that fit best, no two of them alike, best first."""
    views = CoarseViews(StructureLibrary({_NAME: model}))
    (found,) = search_coarsely(problem.target, [_NAME], views, CoarseSettings())
    poses = start_poses([(0, start) for start in found.starts(settings.starts)])
    first = fit(problem.told, poses, steps=_RIGID_STEPS)
    best_first = first.poses[np.argsort(first.cost, kind="stable")]
    turns = list(quaternions_to_matrices(best_first.quaternion))
    return best_first[equivalents.distinct(turns, settings.bent_starts)]
