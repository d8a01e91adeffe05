"""A bead model that bends: where its beads go, and how fast, with the amplitudes of its normal modes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import mode_rotations
from emsearch.structures.binning import bin_beads_on_grid, cell_of
from emsearch.structures.elastic import Modes, normal_modes

__all__ = ["Flexible", "flexible"]

Floats = NDArray[np.float64]

_SQUARE_MIN = 1e-3  # radians^2, below which the first terms of the series are exact to 1e-6


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
    points: Floats
    displacement: Floats
    rotation: Floats
    mass: Floats

    def bent(self, units: Floats) -> Floats:
        """Return the beads (n, 3) bent by ``units`` (k,) of the modes, about their centre of mass.

        Each bead moves on a screw, as `emsearch.structures.bending.bend` moves it.
        """
        return self.bent_and_slopes(units)[0]

    def bent_and_slopes(self, units: Floats) -> tuple[Floats, Floats]:
        """Return the beads (n, 3) bent by ``units`` (k,) of the modes, and the derivative by each of them, (k, n, 3).

        With the displacement d, the rotation w and its square q a bead moves by s d + a (w x d) + b (w . d) w, where
        s = sin(|w|) / |w|, a = (1 - cos |w|) / q and b = (1 - s) / q.
        """
        shift = np.tensordot(units, self.displacement, axes=1)
        turn = np.tensordot(units, self.rotation, axes=1)
        screw = _Screw.of(np.sum(turn**2, axis=1, keepdims=True))
        across, along = np.cross(turn, shift), np.sum(turn * shift, axis=1, keepdims=True)
        moved = self.points + screw.s * shift + screw.a * across + screw.b * along * turn
        further, twist = self.displacement, self.rotation
        square = 2 * np.sum(turn * twist, axis=2, keepdims=True)
        slopes = screw.s * further + screw.a * (np.cross(twist, shift) + np.cross(turn, further))
        slopes += screw.b * along * twist
        slopes += screw.b * np.sum(twist * shift + turn * further, axis=2, keepdims=True) * turn
        slopes += square * (screw.s_slope * shift + screw.a_slope * across + screw.b_slope * along * turn)
        return moved - self.mass @ moved, slopes - (self.mass @ slopes)[:, None]

    def softest(self, count: int) -> "Flexible":
        """Return the same model with its ``count`` softest modes alone."""
        return replace(
            self,
            modes=Modes(self.modes.eigenvalue[:count], self.modes.displacement[:count]),
            amplitude_angstrom=self.amplitude_angstrom[:count],
            displacement=self.displacement[:count],
            rotation=self.rotation[:count],
        )

    def merged(self, cell_angstrom: float) -> "Flexible":
        """Return the same with the beads of each cell of a grid as one, which moves as they do on average."""
        owner = cell_of(self.model, cell_angstrom)
        share = self.mass / np.bincount(owner, self.mass)[owner]

        def mean(values: Floats) -> Floats:
            return np.stack([np.bincount(owner, share * column) for column in values.T], axis=1)

        def each(modes: Floats) -> Floats:
            return np.array([mean(of_mode) for of_mode in modes]).reshape(len(modes), -1, 3)

        return replace(
            self,
            model=bin_beads_on_grid(self.model, cell_angstrom),
            modes=Modes(self.modes.eigenvalue, each(self.modes.displacement)),
            points=mean(self.points),
            displacement=each(self.displacement),
            rotation=each(self.rotation),
            mass=np.bincount(owner, self.mass).astype(np.float64),
        )

    def bent_model(self, units: Floats) -> BeadModel:
        """Return the bead model bent by ``units`` (k,) of the modes."""
        return replace(self.model, centroid_angstrom=self.bent(units).astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Screw:
    """The factors of a screw, (n, 1) each, and their derivatives by the square of the angle."""

    s: Floats
    a: Floats
    b: Floats
    s_slope: Floats
    a_slope: Floats
    b_slope: Floats

    @classmethod
    def of(cls, square: Floats) -> "_Screw":
        q = np.maximum(square, _SQUARE_MIN)
        angle = np.sqrt(q)
        s, cosine = np.sin(angle) / angle, np.cos(angle)
        a, b = (1 - cosine) / q, (1 - s) / q
        s_slope = (cosine - s) / (2 * q)
        a_slope, b_slope = (s / 2 - a) / q, (-s_slope - b) / q
        small = square < _SQUARE_MIN
        return cls(
            np.where(small, 1 - square / 6, s),
            np.where(small, 0.5 - square / 24, a),
            np.where(small, 1 / 6 - square / 120, b),
            np.where(small, -1 / 6, s_slope),
            np.where(small, -1 / 24, a_slope),
            np.where(small, -1 / 120, b_slope),
        )


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
        points=points - mass @ points / mass.sum(),
        displacement=unit * modes.displacement,
        rotation=unit * turns,
        mass=mass / mass.sum(),
    )
