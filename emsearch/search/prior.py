"""What is expected of a picture's parameters before it is seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.search.poses import NAMES, Poses

__all__ = ["Prior"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prior:
    """Mean and standard deviation of each parameter; of the shift and the meniscus, whose mean is 0, the latter."""

    shift_px: float = 2.5
    scale: tuple[float, float] = (0.0, 0.04)
    fill: tuple[float, float] = (0.8, 0.4)
    resolution_angstrom: tuple[float, float] = (21.0, 0.25)
    uptake: tuple[float, float] = (0.3, 0.8)
    top: tuple[float, float] = (0.1, 0.1)
    meniscus: float = 0.2

    def departures(self, poses: Poses, centres_px: Floats) -> tuple[Floats, Floats]:
        """Return how far poses are from what is expected (n, 10), and the standard deviations (10,).

        Shifts count from the nearest of ``centres_px`` (c, 2); of angles nothing is expected.
        """
        away = poses.shift_px[:, None] - centres_px[None]
        nearest = np.square(away).sum(2).argmin(1)
        x, y = away[np.arange(len(poses)), nearest].T
        blur = self.resolution_angstrom
        of = {
            "shift_x": (x, self.shift_px),
            "shift_y": (y, self.shift_px),
            "scale": (poses.scale - self.scale[0], self.scale[1]),
            "fill": (poses.fill - self.fill[0], self.fill[1]),
            "blur": (poses.blur - np.log(blur[0]), blur[1]),
            "uptake": (poses.uptake - self.uptake[0], self.uptake[1]),
            "top": (poses.top - self.top[0], self.top[1]),
        }
        free = (np.zeros(len(poses)), np.inf)
        departure, deviation = zip(*(of.get(name, free) for name in NAMES), strict=True)
        return np.stack(departure, 1), np.array(deviation)

    def strain(self, poses: Poses) -> Floats:
        """Return how far scale and resolution are from what is expected, in standard deviations together (n,).

        A wrong structure is made to fit by stretching and blurring it.
        """
        blur = self.resolution_angstrom
        scale = (poses.scale - self.scale[0]) / self.scale[1]
        return np.asarray(np.hypot(scale, (poses.blur - np.log(blur[0])) / blur[1]))
