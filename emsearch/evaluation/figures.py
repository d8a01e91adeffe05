"""The figures of an evaluation, as PNG."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.discrimination import Bin
from emsearch.evaluation.scores import ALL_CLASSES, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["accuracy_figure", "confusion_figure", "level_name", "reliability_figure"]

_COLOURS = {
    "classifier": "#a0a0a0",
    "vote": "#c9a227",
    "network": "#4477aa",
    "re-ranked": "#aa3377",
    "ceiling-correlation": "#228833",
    "ceiling-likelihood": "#111111",
}
_PANELS_A_ROW = 3
_ASIDE = 0.06  # of a step, so that intervals do not cover one another


def level_name(snr: float | None) -> str:
    """Return what a noise level is called.

    >>> level_name(float("inf")), level_name(0.5), level_name(None)
    ('clean', '0.5', 'all')
    """
    if snr is None:
        return "all"
    return "clean" if np.isinf(snr) else f"{snr:g}"


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # drawn into memory, whatever the display
    return figure


def _png(figure: "Figure") -> bytes:
    content = io.BytesIO()
    figure.savefig(content, dpi=120, format="png")
    return content.getvalue()


def accuracy_figure(scores: Sequence[Score]) -> bytes:
    """Draw top-1 (filled) and top-3 (hollow) against the noise level, a panel a set, with 95 % intervals."""
    scores = [s for s in scores if s.size_class == ALL_CLASSES]
    names = list(dict.fromkeys(s.set for s in scores))
    columns = max(1, min(_PANELS_A_ROW, len(names)))
    rows = max(1, -(-len(names) // columns))
    figure = _figure(1.2 + 3.6 * columns, 0.4 + 3.2 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        _accuracy(panel, name, [s for s in scores if s.set == name])
    for panel in panels[len(names) :]:
        panel.axis("off")
    if names:
        lines = {
            label: line for p in panels for line, label in zip(*p.get_legend_handles_labels(), strict=True)
        }
        figure.legend(lines.values(), lines.keys(), loc="outside right upper", fontsize="small")
    return _png(figure)


def _accuracy(axes: "Axes", name: str, scores: Sequence[Score]) -> None:
    levels = sorted({s.snr for s in scores}, reverse=True)
    for place, (answer, colour) in enumerate(_COLOURS.items()):
        found = sorted((s for s in scores if s.answer == answer), key=lambda s: -s.snr)
        if not found:
            continue
        x = [levels.index(s.snr) + _ASIDE * (place - len(_COLOURS) / 2) for s in found]
        spread = [[s.top1 - s.top1_low for s in found], [s.top1_high - s.top1 for s in found]]
        axes.errorbar(
            x,
            [s.top1 for s in found],
            spread,
            color=colour,
            marker="o",
            capsize=2,
            linewidth=1.2,
            label=answer,
        )
        axes.plot(
            x, [s.top3 for s in found], color=colour, marker="o", fillstyle="none", linestyle=":", linewidth=1
        )
    axes.set_title(f"{name}, among {scores[0].among} groups", fontsize="medium")
    axes.set_xlim(-0.5, len(levels) - 0.5)
    axes.set_xticks(range(len(levels)), [level_name(level) for level in levels])
    axes.set_xlabel("SNR")
    axes.set_ylabel("top-1 (filled), top-3")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)


def reliability_figure(bins: Sequence[Bin]) -> bytes:
    """Draw how often "in the database" held against how probable it was said to be, with the counts below."""
    figure = _figure(4.6, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    filled = [b for b in bins if b.count]
    above.plot([0, 1], [0, 1], color="#a0a0a0", linewidth=1)
    above.plot([b.claimed for b in filled], [b.held for b in filled], "o-", color="#aa3377")
    above.set_ylabel("share of images whose group is there")
    above.set_ylim(-0.02, 1.02)
    below.bar(
        [b.low for b in bins], [b.count for b in bins], width=1 / len(bins), align="edge", color="#4477aa"
    )
    below.set_ylabel("images")
    below.set_xlabel("in-database probability")
    below.set_xlim(0, 1)
    above.grid(alpha=0.3)
    return _png(figure)


def confusion_figure(names: Sequence[str], matrix: NDArray[np.int64]) -> bytes:
    """Draw which groups (rows) are taken for which (columns), as shares of each row."""
    side = 2.2 + 0.2 * len(names)
    figure = _figure(side + 0.8, side)
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    picture = axes.imshow(share, cmap="magma_r", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.set_xlabel("named first")
    axes.set_ylabel("truth")
    figure.colorbar(picture, ax=axes, shrink=0.6)
    return _png(figure)
