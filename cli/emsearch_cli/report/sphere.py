"""Viewing directions on the two halves of the sphere, as SVG.

Lambert's azimuthal equal-area projection: a direction at the angle t from the pole stands sqrt(2) sin(t / 2) from the
middle of its disc, so that equal areas of the sphere are equal on paper.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["discs", "sphere_svg"]

_RADIUS = 60.0
_GAP = 14.0


def discs(directions: "NDArray[np.float64]") -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
    """Return where unit vectors (n, 3) stand in their discs, (n, 2) within the unit circle, and whether above."""
    import numpy as np

    d = np.asarray(directions, np.float64)
    upper = d[:, 2] >= 0
    height = np.clip(np.abs(d[:, 2]), 0, 1)
    radius = np.sqrt(1 - height)  # sqrt(2) sin(t / 2) over its value at the rim
    across = np.linalg.norm(d[:, :2], axis=1)
    unit = d[:, :2] / np.where(across > 1e-12, across, 1.0)[:, None]
    return unit * radius[:, None], upper


def sphere_svg(directions: "NDArray[np.float64]") -> str:
    """Return an SVG of two discs, the upper half of the sphere on the left, one dot a direction."""
    place, upper = discs(directions)
    width, height = 4 * _RADIUS + 3 * _GAP, 2 * _RADIUS + 2 * _GAP + 12
    size = 3.0 if len(place) <= 60 else 1.8
    parts = [
        f'<svg class="sphere" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="Viewing directions of {len(place)} images on the two halves of the sphere">'
    ]
    for number, (half, label) in enumerate(((upper, "from above"), (~upper, "from below"))):
        x, y = _GAP + _RADIUS + number * (2 * _RADIUS + _GAP), _GAP + _RADIUS
        parts.append(f'<circle class="disc" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS:.1f}"/>')
        parts.append(
            f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS * 0.5412:.1f}"/>'
        )  # 45 degrees
        parts += [
            f'<circle class="dot" cx="{x + _RADIUS * u:.2f}" cy="{y - _RADIUS * v:.2f}" r="{size}"/>'
            for u, v in place[half].tolist()
        ]
        parts.append(f'<text class="label" x="{x:.1f}" y="{y + _RADIUS + 14:.1f}">{label}</text>')
    return "".join([*parts, "</svg>"])
