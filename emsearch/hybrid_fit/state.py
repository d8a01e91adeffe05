"""The parameters of a fit: pose and stain as in the matching, how soft the stain is, defocus, and how the model is bent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.search.linearised import Expected
from emsearch.search.poses import NAMES, Poses
from emsearch.search.prior import Prior
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["BEND", "DEFOCUS", "SOFTNESS", "State", "expected_of"]

Floats = NDArray[np.float64]

SOFTNESS = len(NAMES)
DEFOCUS = SOFTNESS + 1
BEND = DEFOCUS + 1
"""From here on the modes, in units of the prior's standard deviation."""

_SOFTNESS_ANGSTROM = (5.0, 0.35)  # and the standard deviation of its logarithm: 3 to 8 A
_SOFTNESS_BOUNDS = (float(np.log(2.0)), float(np.log(15.0)))
_DEFOCUS_SD_UM = 0.1
_MODES_BOUND = 4.0  # standard deviations
_LONGEST = np.array([0.2, 0.2, 0.2, 2.0, 2.0, 0.06, 0.25, 0.3, 0.8, 0.2, 0.4, 0.1])
_LONGEST_BEND = 1.0
_ANGLE_REACH = 0.15
_HELD = 1e-6
_FILL = NAMES.index("fill")


@dataclass(frozen=True, slots=True)
class State:
    """Where a fit stands: one pose, the logarithm of the stain's softness in A, defocus beyond what is told, modes (k,)."""

    pose: Poses
    softness: float
    defocus_um: float
    modes: Floats

    @classmethod
    def rigid(cls, pose: Poses, modes: int = 0) -> "State":
        """Return the state of one pose, nothing bent."""
        return cls(pose, float(np.log(_SOFTNESS_ANGSTROM[0])), 0.0, np.zeros(modes))

    @property
    def turn(self) -> Floats:
        """The rotation matrix (3, 3) of the pose."""
        return np.asarray(quaternions_to_matrices(self.pose.quaternion)[0])

    def moved(self, step: Floats) -> "State":
        """Return the state after a step (12 + k,), cut short at the bounds."""
        return State(
            pose=self.pose.moved(step[None, :SOFTNESS]),
            softness=float(np.clip(self.softness + step[SOFTNESS], *_SOFTNESS_BOUNDS)),
            defocus_um=self.defocus_um + float(step[DEFOCUS]),
            modes=np.clip(self.modes + step[BEND:], -_MODES_BOUND, _MODES_BOUND),
        )


def expected_of(state: State, prior: Prior, centres_px: Floats) -> Expected:
    """Return what is expected of the parameters (12 + k,), of a mode an amplitude of none, give or take one unit.

    Full stain has no surface, and one a little lower looks unlike it at once: once full, it is held there.
    """
    departure, deviation = prior.departures(state.pose, centres_px)
    own = np.array([state.softness - np.log(_SOFTNESS_ANGSTROM[0]), state.defocus_um])
    count = len(state.modes)
    reach = np.concatenate([np.full(3, _ANGLE_REACH), np.full(BEND - 3 + count, np.inf)])
    longest = np.concatenate([_LONGEST, np.full(count, _LONGEST_BEND)])
    if state.pose.fill[0] >= 1:
        reach[_FILL], longest[_FILL] = _HELD, 0.0
    return Expected(
        departure=np.concatenate([departure, own[None], state.modes[None]], axis=1),
        deviation=np.concatenate([deviation, [_SOFTNESS_ANGSTROM[1], _DEFOCUS_SD_UM], np.ones(count)]),
        reach=reach,
        longest=longest,
        meniscus=prior.meniscus,
    )
