"""What the pictures share: dark paper, light ink, and images with their scale bars."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emsearch_cli.gallery.words import angstrom_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ACCENT", "INK", "LINE", "PAPER", "SOFT", "new_figure", "save_figure", "show_image"]

INK, SOFT, PAPER, LINE, ACCENT = "#e4e8ee", "#9aa6b5", "#14181d", "#2c3541", "#6db3dd"
_DPI = 100
_PALETTE = 256
_GAMMA = 0.8  # thin parts of a projection are seen beside thick ones


def new_figure(width_inch: float, height_inch: float) -> Any:
    """Return an empty figure whose texts keep every sign, also those that matplotlib would take for mathematics."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inch, height_inch), dpi=_DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG with a palette of its own, a third as large, whole or not at all."""
    from PIL import Image

    stream = io.BytesIO()
    figure.savefig(stream, format="png", facecolor=PAPER)
    picture = (
        Image.open(stream)
        .convert("RGB")
        .quantize(_PALETTE, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    part = path.with_name(f".{path.name}.part")
    picture.save(part, format="PNG", optimize=True)
    part.replace(path)


def show_image(axes: Any, image: "NDArray[np.float32]", side_angstrom: float) -> None:
    """Show a projection with a scale bar in its lower left corner."""
    from emsearch.gallery.projections import scale_bar_angstrom

    side = image.shape[0]
    axes.imshow(image**_GAMMA, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
    bar = scale_bar_angstrom(side_angstrom)
    left, low = 0.06 * side, 0.94 * side
    axes.plot([left, left + bar / side_angstrom * side], [low, low], color=INK, lw=2, solid_capstyle="butt")
    axes.text(left, low - 0.03 * side, angstrom_text(bar), color=INK, fontsize=7, va="bottom")
    axes.set_xlim(-0.5, side - 0.5)
    axes.set_ylim(side - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    for edge in axes.spines.values():
        edge.set_color(LINE)
