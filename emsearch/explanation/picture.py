"""An explanation as a picture: the image, the posed projections, and each map laid over the image."""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.explanation.explaining import Explanation
from emsearch.explanation.match_map import poses_of
from emsearch.explanation.methods import Method
from emsearch.imaging.simulate import Simulator
from emsearch.search.answering import Matched
from emsearch.search.engine import SearchIndex
from emsearch.search.image_model import ImageModel
from emsearch.search.target import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["posed_hit", "write_explanation", "write_overlay"]

_INK, _PAPER = "#e6e6e6", "#14181d"
_NAMES = {"match": "match", "cam": "network (CAM)", "lime": "network (LIME)", "shap": "network (SHAP)"}
_MOST_OPAQUE = 0.75
_PANEL_INCHES = 2.2
_TITLES_INCHES = 0.42  # two lines


def posed_hit(index: SearchIndex, matched: Matched, target: Target) -> NDArray[np.float32]:
    """Draw a matched structure as it lies under the image, float32 (box, box), in the frame of the matching."""
    simulator: Simulator = index.simulator([matched.candidate.structure])
    return np.asarray(ImageModel(target, simulator).draw(poses_of(matched.match.pose))[0].numpy())


def write_explanation(
    index: SearchIndex, explanation: Explanation, out: Path | BinaryIO, columns: int | None = None
) -> None:
    """Write a PNG to a file or stream: red speaks for the hit, blue against it, or for the rival.

    ``columns`` pictures stand beside one another, all of them where it is None.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    case = explanation.case
    image = case.target.image.numpy()
    posed = [("hit", case.hit, case.target)]
    if case.rival is not None:
        posed.append(("rather than", case.rival, case.rival_target))
    panels_wanted = 1 + len(posed) + len(explanation.parts)
    columns = columns or panels_wanted
    rows = -(-panels_wanted // columns)
    height = rows * (_PANEL_INCHES + _TITLES_INCHES)
    figure = Figure(figsize=(_PANEL_INCHES * columns, height), dpi=130, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in grid:
        panel.axis("off")
    panels = iter(grid)
    _show(next(panels), image, "image")
    for words, matched, target in posed:
        _show(next(panels), posed_hit(index, matched, target), f"{words}\n{matched.candidate.structure}")
    for method, part in explanation.parts.items():
        panel = next(panels)
        _show(panel, image, f"{_NAMES[method]}\nsum {_figure(part.map.sum())}")
        _lay_over(panel, part.map)
    figure.subplots_adjust(
        *(0.01, 0.06 / height, 0.99, 1 - _TITLES_INCHES / height),
        wspace=0.04,
        hspace=_TITLES_INCHES / _PANEL_INCHES,
    )
    figure.savefig(out, format="png", facecolor=_PAPER)


def _figure(value: float) -> str:
    """Return a number with its sign: three digits, or all before the point.

    >>> _figure(1030.14), _figure(-0.01234)
    ('+1030', '-0.0123')
    """
    return f"{value:+.0f}" if abs(value) >= 100 else f"{value:+.3g}"


def write_overlay(explanation: Explanation, method: Method, stream: BinaryIO) -> None:
    """Write a square PNG of one map laid over the image alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2), dpi=130, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    panel = figure.add_axes((0, 0, 1, 1))
    panel.imshow(explanation.case.target.image.numpy(), cmap="gray")
    panel.axis("off")
    _lay_over(panel, explanation.parts[method].map)
    figure.savefig(stream, format="png", facecolor=_PAPER)


def _show(panel: "Axes", picture: NDArray[np.floating], title: str) -> None:
    panel.imshow(picture, cmap="gray")
    panel.set_title(title, color=_INK, fontsize=9)


def _lay_over(panel: "Axes", relevance: NDArray[np.float64]) -> None:
    most = float(np.quantile(np.abs(relevance), 0.995)) or 1.0
    opaque = np.clip(np.abs(relevance) / most, 0, 1) * _MOST_OPAQUE
    panel.imshow(relevance, cmap="RdBu_r", vmin=-most, vmax=most, alpha=opaque, interpolation="bilinear")
