"""How hollow a view of a molecule is: what a ring shows and a disc does not."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["hollowness"]

_HALF, _STEP = 4.0, 0.125  # of the grid, in root mean square extents
_BLUR = 0.25
_CENTRE = 0.4
_RIM = np.arange(0.7, 1.9, 0.1)
_DIRECTIONS_BELOW = 0.1  # of the height of the rim
_ANGLES = np.arange(32) * (2 * np.pi / 32)

Floats = NDArray[np.float64]


def hollowness(plane: Floats, mass: Floats) -> float:
    """Return how much less projected mass lies in the middle of a view than all around it, as a share of the latter.

    ``plane`` (n, 2) are places of masses (n,) about their centre, turned to the principal axes of the view and each axis in
    units of its root mean square extent, so that an ellipse counts as a circle. The projection is blurred to a quarter of
    the extent; the rim is its ridge in each direction, as high as it is in nine directions of ten. A disc or a ball has
    about -0.1, a ring with a hole of half its width nearly 1; two lobes are no ring, for some directions miss them.

    >>> turn = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    >>> circle = np.sqrt(2) * np.column_stack([np.cos(turn), np.sin(turn)])
    >>> round(hollowness(circle, np.ones(720)), 2)
    1.0
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    cells = round(2 * _HALF / _STEP)
    edges = np.linspace(-_HALF, _HALF, cells + 1)
    density, _, _ = np.histogram2d(plane[:, 0], plane[:, 1], (edges, edges), weights=mass)
    blurred = gaussian_filter(density, _BLUR / _STEP)
    middle = (edges[1:] + edges[:-1]) / 2
    centre = float(blurred[np.hypot(middle[:, None], middle[None, :]) <= _CENTRE].mean())
    x, y = (_RIM[:, None] * f(_ANGLES) for f in (np.cos, np.sin))
    ridge = map_coordinates(blurred, [(v + _HALF) / _STEP - 0.5 for v in (x, y)], order=1).max(0)
    rim = float(np.quantile(ridge, _DIRECTIONS_BELOW))
    return 1 - centre / max(rim, centre / 2, 1e-9)
