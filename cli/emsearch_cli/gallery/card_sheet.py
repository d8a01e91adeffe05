"""A card as a picture: six views, measures, members, and the groups most like it."""

from pathlib import Path
from typing import Any

from emsearch.gallery.cards import Card
from emsearch_cli.gallery.canvas import ACCENT, INK, LINE, SOFT, new_figure, save_figure, show_image
from emsearch_cli.gallery.drawn import DrawnCard
from emsearch_cli.gallery.words import headline, measure_rows, shortened

__all__ = ["write_card_sheet"]

_WIDTH, _MARGIN, _TOP = 10.4, 0.3, 0.95  # inches
_VIEW, _CAPTION, _GAP = 2.1, 0.3, 0.12
_SMALL = 1.3
_MEMBERS_LISTED = 7


def write_card_sheet(drawn: DrawnCard, path: Path) -> None:
    """Write the picture."""
    views = 2 * (_VIEW + _CAPTION)
    height = _TOP + views + (_SMALL + 1.1 if drawn.neighbours else 0.0) + 0.2
    sheet = _Sheet(new_figure(_WIDTH, height), height)
    card = drawn.card
    sheet.write(_MARGIN, 0.3, headline(card), size=15, weight="bold")
    sheet.write(_MARGIN, 0.6, shortened(card.title, 120), size=9.5, color=SOFT)
    for k, (image, name) in enumerate(zip(drawn.views.images, drawn.views.names, strict=True)):
        left, top = _MARGIN + k % 3 * (_VIEW + _GAP), _TOP + k // 3 * (_VIEW + _CAPTION)
        show_image(sheet.panel(left, top, _VIEW), image, drawn.views.side_angstrom)
        sheet.write(left, top + _VIEW + 0.11, name, size=8, color=SOFT)
    right = _MARGIN + 3 * (_VIEW + _GAP) + 0.15
    below = _write_measures(sheet, card, right, _TOP + 0.08)
    _write_members(sheet, card, right, below + 0.2)
    if drawn.neighbours:
        _write_neighbours(sheet, drawn, _TOP + views + 0.22)
    save_figure(sheet.figure, path)


class _Sheet:
    """A figure measured in inches from its upper left corner."""

    def __init__(self, figure: Any, height: float) -> None:
        self.figure, self._height = figure, height

    def write(
        self, left: float, top: float, text: str, *, size: float, color: str = INK, **more: Any
    ) -> None:
        x, y = left / _WIDTH, 1 - top / self._height
        self.figure.text(x, y, text, fontsize=size, color=color, va="center", parse_math=False, **more)

    def panel(self, left: float, top: float, side: float) -> Any:
        h = self._height
        return self.figure.add_axes((left / _WIDTH, 1 - (top + side) / h, side / _WIDTH, side / h))

    def rule(self, left: float, top: float, width: float, color: str, thick: float) -> None:
        from matplotlib.lines import Line2D

        x, y = (left / _WIDTH, (left + width) / _WIDTH), 1 - top / self._height
        line = Line2D(
            x, (y, y), color=color, lw=thick, solid_capstyle="butt", transform=self.figure.transFigure
        )
        self.figure.add_artist(line)


def _write_measures(sheet: _Sheet, card: Card, left: float, top: float) -> float:
    for name, value in measure_rows(card):
        sheet.write(left, top, name, size=8.5, color=SOFT)
        sheet.write(left + 1.22, top, shortened(value, 25), size=8.5)
        top += 0.215
    return top


def _write_members(sheet: _Sheet, card: Card, left: float, top: float) -> None:
    if not card.members:
        return
    sheet.write(left, top, f"members of {card.group}, similarity", size=9, color=ACCENT)
    for member in card.members[:_MEMBERS_LISTED]:
        top += 0.215
        sheet.write(left, top, shortened(member.structure, 16), size=8.5)
        if member.similarity is not None:
            sheet.rule(left + 1.22, top, 1.0, LINE, 3.5)
            sheet.rule(left + 1.22, top, max(0.0, min(1.0, member.similarity)), ACCENT, 3.5)
            sheet.write(left + 2.3, top, f"{member.similarity:.2f}", size=8.5)
        if member.mirror:
            sheet.write(left + 2.62, top, "mirrored", size=7, color=SOFT)
    more = len(card.members) - _MEMBERS_LISTED
    if more > 0:
        sheet.write(left, top + 0.215, f"and {more} more", size=8.5, color=SOFT)


def _write_neighbours(sheet: _Sheet, drawn: DrawnCard, top: float) -> None:
    sheet.rule(_MARGIN, top - 0.14, _WIDTH - 2 * _MARGIN, LINE, 0.8)
    sheet.write(_MARGIN, top + 0.06, "most like it, by similarity", size=9, color=ACCENT)
    room = int((_WIDTH - 2 * _MARGIN + 0.7) / (_SMALL + 0.7))
    for k, (near, picture) in enumerate(drawn.neighbours[:room]):
        left = _MARGIN + k * (_SMALL + 0.7)
        show_image(sheet.panel(left, top + 0.22, _SMALL), picture.images[0], picture.side_angstrom)
        words = f"{near.score:.2f} {near.group}, {near.structure}"
        sheet.write(left, top + _SMALL + 0.35, shortened(words, 26), size=8.5)
        sheet.write(left, top + _SMALL + 0.52, shortened(near.name, 28), size=7, color=SOFT)
