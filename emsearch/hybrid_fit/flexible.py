"""A bead model that bends: its beads as a differentiable function of the amplitudes of its normal modes."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import mode_rotations
from emsearch.structures.elastic import Modes, normal_modes

__all__ = ["Flexible", "flexible"]

Floats = NDArray[np.float64]

_ANGLE_MIN = 1e-4  # radians; keeps the derivatives finite where nothing turns


@dataclass(frozen=True, slots=True, eq=False)
class Flexible:
    """A bead model, its modes, and what they do to it.

    ``amplitude_angstrom`` (k,) is the amplitude of each mode that counts as one: its standard deviation by the prior.
    ``points`` (n, 3) are the beads as they are, ``displacement`` and ``rotation`` (k, n, 3) those of one unit of each mode,
    in A and radians, ``mass`` (n,) the share of each bead in the whole.
    """

    model: BeadModel
    modes: Modes
    amplitude_angstrom: Floats
    points: Tensor
    displacement: Tensor
    rotation: Tensor
    mass: Tensor

    def bent(self, units: Tensor) -> Tensor:
        """Return the beads (n, 3) bent by ``units`` (k,) of the modes, about their centre of mass.

        Each bead moves on a screw, as `emsearch.structures.bending.bend` moves it.
        """
        if not len(units):
            return self.points
        shift = torch.einsum("k,kni->ni", units, self.displacement)
        turn = torch.einsum("k,kni->ni", units, self.rotation)
        square = turn.square().sum(1, keepdim=True) + _ANGLE_MIN**2
        angle = square.sqrt()
        sine = torch.sin(angle) / angle
        half = torch.sin(angle / 2) / (angle / 2)
        across = 0.5 * half.square() * torch.linalg.cross(turn, shift)
        along = (1 - sine) / square * (turn * shift).sum(1, keepdim=True) * turn
        moved = self.points + sine * shift + across + along
        return moved - self.mass @ moved

    def stiffened(self, count: int) -> "Flexible":
        """Return the same model with its softest ``count`` modes alone."""
        return replace(
            self,
            modes=Modes(self.modes.eigenvalue[:count], self.modes.displacement[:count]),
            amplitude_angstrom=self.amplitude_angstrom[:count],
            displacement=self.displacement[:count],
            rotation=self.rotation[:count],
        )

    def bent_model(self, units: Floats) -> BeadModel:
        """Return the bead model bent by ``units`` (k,) of the modes."""
        points = self.bent(torch.from_numpy(units)).numpy()
        return replace(self.model, centroid_angstrom=points.astype(np.float32))


def flexible(model: BeadModel, count: int, rmsd_angstrom: float) -> Flexible:
    """Return a bead model with its ``count`` softest modes, none of them where it is 0.

    By the prior amplitudes are normal with variance proportional to 1 / eigenvalue, as at some temperature, and together
    they bend the model by ``rmsd_angstrom`` (root mean square).

    Raises
    ------
    StructureError
        The model has no modes (`emsearch.structures.elastic.normal_modes`).
    """
    points = model.centroid_angstrom.astype(np.float64)
    mass = model.mass_da.astype(np.float64)
    modes = normal_modes(model, count) if count else Modes(np.zeros(0), np.zeros((0, *points.shape)))
    turns = mode_rotations(model, modes) if count else np.zeros((0, *points.shape))
    variance = 1 / modes.eigenvalue
    amplitude = rmsd_angstrom * np.sqrt(len(points) * variance / max(float(variance.sum()), 1e-300))
    unit = amplitude[:, None, None]
    return Flexible(
        model=model,
        modes=modes,
        amplitude_angstrom=amplitude,
        points=torch.from_numpy(points - mass @ points / mass.sum()),
        displacement=torch.from_numpy(unit * modes.displacement),
        rotation=torch.from_numpy(unit * turns),
        mass=torch.from_numpy(mass / mass.sum()),
    )
