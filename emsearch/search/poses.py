"""Poses under which structures are drawn, and how they move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.imaging.rotations import multiply_quaternions

__all__ = ["NAMES", "Poses"]

Floats = NDArray[np.float64]

NAMES = ("tilt_x", "tilt_y", "spin", "shift_x", "shift_y", "scale", "fill", "blur", "uptake", "top")
"""The parameters of a step: angles in radians, shifts in px, logarithms of magnification and resolution, shares."""

_BOUNDS = {
    "scale": (-0.25, 0.25),
    "fill": (0.2, 1.0),
    "blur": (float(np.log(8.0)), float(np.log(60.0))),
    "uptake": (-1.5, 1.5),
    "top": (0.0, 0.4),
}


@dataclass(frozen=True, slots=True)
class Poses:
    """n poses, each array with one row a pose: which structure, how it lies, and how it is stained and drawn.

    ``shift_px`` (n, 2) is the particle's centre from pixel box // 2; ``scale`` the logarithm of the magnification;
    ``blur`` that of the resolution in A.
    """

    structure: NDArray[np.int64]
    quaternion: Floats
    shift_px: Floats
    scale: Floats
    fill: Floats
    blur: Floats
    uptake: Floats
    top: Floats

    def __len__(self) -> int:
        """Return the number of poses."""
        return len(self.structure)

    def __getitem__(self, index: object) -> "Poses":
        """Return the poses that a mask or index array selects."""
        return Poses(*(getattr(self, name)[index] for name in self.__slots__))

    @classmethod
    def together(cls, parts: Sequence["Poses"]) -> "Poses":
        """Return the poses of all parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def moved(self, step: Floats) -> "Poses":
        """Return the poses after steps (n, 10), cut short at the bounds."""
        turn = np.concatenate([np.ones((len(step), 1)), step[:, :3] / 2], axis=1)
        turn /= np.linalg.norm(turn, axis=1, keepdims=True)
        bounded = {
            name: np.clip(getattr(self, name) + step[:, NAMES.index(name)], *limits)
            for name, limits in _BOUNDS.items()
        }
        return Poses(
            structure=self.structure,
            quaternion=multiply_quaternions(turn, self.quaternion),
            shift_px=self.shift_px + step[:, 3:5],
            **bounded,
        )

    def stepped(self, name: str, length: float) -> "Poses":
        """Return the poses after a step of one parameter."""
        step = np.zeros((len(self), len(NAMES)))
        step[:, NAMES.index(name)] = length
        return self.moved(step)

    def length_to(self, moved: "Poses", name: str, length: float) -> Floats:
        """Return how long (n,) a step of one parameter became, infinite where a bound left nothing of it."""
        if name not in _BOUNDS:
            return np.full(len(self), length)
        found = getattr(moved, name) - getattr(self, name)
        return np.where(np.abs(found) < 1e-6, np.inf, found)

    def chosen(self, where: NDArray[np.bool_], other: "Poses") -> "Poses":
        """Return ``other``'s poses where true and one's own elsewhere."""

        def either(name: str) -> NDArray[np.generic]:
            own, theirs = getattr(self, name), getattr(other, name)
            return np.asarray(np.where(where.reshape(-1, *[1] * (own.ndim - 1)), theirs, own))

        return Poses(*(either(name) for name in self.__slots__))  # type: ignore[arg-type]
