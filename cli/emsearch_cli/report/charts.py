"""Fractions of a sample with their intervals, as SVG."""

import math
from collections.abc import Sequence
from html import escape

from emsearch_cli.report.contents import MixtureRow

__all__ = ["mixture_svg"]

_ROW, _LEFT, _WIDTH, _RIGHT = 26, 190, 340, 110
_LABEL = 24  # characters of a name that fit to the left of the bars


def mixture_svg(rows: Sequence[MixtureRow]) -> str:
    """Return one bar a component, the interval as a line through its end, on an axis from 0 to the next tenth."""
    most = min(1.0, math.ceil(max(0.1, *(row.high for row in rows)) * 10) / 10)
    height = _ROW * len(rows) + 30
    total = _LEFT + _WIDTH + _RIGHT
    parts = [
        f'<svg class="mixture" viewBox="0 0 {total} {height}" role="img" aria-label="Fractions of the sample">'
    ]
    for step in range(round(most * 10) + 1):
        x = _LEFT + _WIDTH * step / 10 / most
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 24}"/>')
        if step % 2 == 0 or most <= 0.5:
            parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}">{10 * step} %</text>')
    for k, row in enumerate(rows):
        parts += _bar(row, 8 + _ROW * k, most)
    return "".join([*parts, "</svg>"])


def _bar(row: MixtureRow, y: float, most: float) -> list[str]:
    length, low, high = (_WIDTH * value / most for value in (row.fraction, row.low, row.high))
    middle = y + 8
    label = row.label if len(row.label) <= _LABEL else row.label[: _LABEL - 1] + "…"
    return [
        f'<text class="name" x="{_LEFT - 10}" y="{middle + 4}">{escape(label)}</text>',
        f'<rect class="bar" x="{_LEFT}" y="{y}" width="{length:.1f}" height="16" rx="2"/>',
        f'<line class="range" x1="{_LEFT + low:.1f}" x2="{_LEFT + high:.1f}" y1="{middle}" y2="{middle}"/>',
        f'<text class="value" x="{_LEFT + max(length, high) + 8:.1f}" y="{middle + 4}">'
        f"{100 * row.fraction:.1f} % ({100 * row.low:.0f}-{100 * row.high:.0f})</text>",
    ]
