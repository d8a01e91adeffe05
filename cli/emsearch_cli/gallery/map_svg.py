"""The map as SVG: links with classes for their colours, and no style of its own, so that any page may hold it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from emsearch_cli.gallery.map_plot import LANDMARK_SIDE, WIDTH, class_names, foot_of, plot_map
from emsearch_cli.gallery.words import mass_bin, mass_text
from emsearch_cli.report.environment import visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.gallery.shape_map import MapPoint

__all__ = ["map_svg"]

_CLASS_COLOURS = 8  # that the style has


def map_svg(
    points: "Sequence[MapPoint]",
    face: "Callable[[int], NDArray[np.float32]]",
    picture: Callable[[int], str],
    address: Callable[[int], str],
) -> Markup:
    """Return the map.

    ``face`` (side, side) shows the representative of point k, ``picture`` gives the address of its silhouette, both asked
    of landmarks alone, and ``address`` where the point leads. The point has the id ``pk``, the class ``m0`` to ``m6`` of
    its mass and the class ``c0`` to ``c7`` of its size class.
    """
    plot, classes = plot_map(points), class_names(points)
    half = LANDMARK_SIDE / 2
    parts = [
        f'<svg class="shapes" viewBox="0 0 {WIDTH:.0f} {plot.height:.0f}" role="group" '
        f'aria-label="Map of {len(points)} shape groups; like shapes are neighbours">'
    ]
    for k in plot.landmarks:
        x, y = plot.places[k]
        parts.append(
            f'<image class="ink" href="{escape(picture(k))}" x="{x - half:.1f}" y="{y - half:.1f}" '
            f'width="{LANDMARK_SIDE:.0f}" height="{LANDMARK_SIDE:.0f}"/>'
        )
    for k, (point, (x, y), radius) in enumerate(zip(points, plot.places, plot.radii, strict=True)):
        colour = f"m{mass_bin(point.mass_kda)} c{classes.index(point.size_class) % _CLASS_COLOURS}"
        label = f"{point.group}, {point.representative}, {mass_text(point.mass_kda)}: {point.name}"
        parts.append(
            f'<a class="p {colour}" id="p{k}" href="{escape(address(k))}"><title>{_text(label)}</title>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/></a>'
        )
    for k in plot.landmarks:
        x, y = plot.places[k][0], plot.places[k][1] + foot_of(face(k)) + 11
        parts.append(f'<text class="name" x="{x:.1f}" y="{y:.1f}">{_text(points[k].representative)}</text>')
    return Markup("".join([*parts, "</svg>"]))


def _text(text: str) -> Markup:
    return escape(str(visible(text)))
