"""The map as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emsearch_cli.gallery.canvas import INK, PAPER, SOFT, new_figure, save_figure
from emsearch_cli.gallery.map_colour import MapColour
from emsearch_cli.gallery.map_plot import LANDMARK_SIDE, WIDTH, MapPlot, class_names, foot_of, plot_map
from emsearch_cli.gallery.words import MASS_BINS, mass_bin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.gallery.shape_map import MapPoint

__all__ = ["write_map_picture"]

_MASS_COLOURS = ("#5f64d6", "#3f86d8", "#35aacb", "#3ecba3", "#8fdf6a", "#d8e04f", "#fff2a8")
_CLASS_COLOURS = ("#56b4e9", "#ff8c42", "#2fd3a0", "#f0a3cf", "#e8d04b", "#8fb7ff", "#b9c2ce", "#c79bf2")
_UNITS_AN_INCH = 90.0
_HEAD, _FOOT = 52.0, 46.0
_SHAPE_OPACITY = 0.5


def write_map_picture(
    points: "Sequence[MapPoint]", faces: "Sequence[NDArray[np.float32]]", colour: MapColour, path: Path
) -> None:
    """Write the picture; ``faces`` (side, side) show the representatives of the points."""
    plot = plot_map(points)
    height = plot.height + _HEAD + _FOOT
    figure = new_figure(WIDTH / _UNITS_AN_INCH, height / _UNITS_AN_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(plot.height + _FOOT, -_HEAD)
    axes.axis("off")
    axes.text(24, -28, f"{len(points)} shape groups, like shapes side by side", color=INK, fontsize=12)
    _show_shapes(axes, points, faces, plot)
    numbers, names, colours = _colouring(points, colour)
    axes.scatter(
        *zip(*plot.places, strict=True),
        s=[(2 * r * 72 / _UNITS_AN_INCH) ** 2 for r in plot.radii],
        c=[colours[k % len(colours)] for k in numbers],
        edgecolors=PAPER,
        linewidths=0.6,
        zorder=3,
    )
    _write_legend(axes, sorted(set(numbers)), names, colours, plot.height + 16)
    save_figure(figure, path)


def _show_shapes(
    axes: Any, points: "Sequence[MapPoint]", faces: "Sequence[NDArray[np.float32]]", plot: MapPlot
) -> None:
    import numpy as np

    half = LANDMARK_SIDE / 2
    for k in plot.landmarks:
        x, y = plot.places[k]
        ink = np.ones((*faces[k].shape, 4), np.float32)
        ink[..., 3] = _SHAPE_OPACITY * faces[k]
        axes.imshow(ink, extent=(x - half, x + half, y + half, y - half), interpolation="bilinear", zorder=1)
        axes.text(
            x,
            y + foot_of(faces[k]) + 8,
            points[k].representative,
            color=SOFT,
            fontsize=6.5,
            ha="center",
            va="center",
            zorder=4,
            parse_math=False,
        )
    axes.set_aspect("auto")
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(plot.height + _FOOT, -_HEAD)


def _colouring(
    points: "Sequence[MapPoint]", colour: MapColour
) -> tuple[list[int], Sequence[str], Sequence[str]]:
    """Return the colour number of each point, what the numbers mean, and the colours."""
    if colour is MapColour.MASS:
        return [mass_bin(point.mass_kda) for point in points], MASS_BINS, _MASS_COLOURS
    names = class_names(points)
    return [names.index(point.size_class) for point in points], names, _CLASS_COLOURS


def _write_legend(
    axes: Any, used: Sequence[int], names: Sequence[str], colours: Sequence[str], y: float
) -> None:
    for place, k in enumerate(used):
        x = 30 + place * (WIDTH - 40) / max(7, len(used))
        axes.plot([x], [y], "o", color=colours[k % len(colours)], markersize=6)
        axes.text(x + 11, y, names[k], color=SOFT, fontsize=8, va="center", parse_math=False)
