"""Tables that a person reads, as wide as the terminal is and no wider.

Numbers and short words stay whole. What does not fit is made to in this order: headings fold where their words end,
texts wrap, and at last the rows stand below one another, a line for each column.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["TextColumn", "column_widths", "print_table"]

_LAYOUTS = (
    (2, 24),
    (1, 16),
)  # spaces between columns, and the width that long texts have at least; the first that fits
_LINE_GAP = 2  # between a column's name and its value where rows stand below one another
# Long words of headings, where those have to fold.
_FOLDED = {"representative": ("repre-", "sentative"), "members": ("mem-", "bers"), "angstrom": ("A",)}


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column as it is shown: its name, the text of its cells, and whether they are numbers."""

    name: str
    cells: Sequence[str]
    numeric: bool

    @property
    def longest(self) -> int:
        """How wide the widest cell is when nothing wraps."""
        return max((_width(line) for cell in self.cells for line in cell.split("\n")), default=0)

    @property
    def folded(self) -> list[str]:
        """The heading as the lines that it folds into."""
        words = self.name.split("_")
        return [part for word in words for part in _FOLDED.get(word, (word,))]

    def least(self, text: int) -> int:
        """Return how narrow the column can be when texts wrap at that width."""
        cells = self.longest if self.numeric else min(self.longest, text)
        return max(cells, *map(_width, self.folded))


def column_widths(columns: Sequence[TextColumn], room: int, gap: int, text: int) -> list[int] | None:
    """Return the width of each column in a table that is ``room`` characters wide, None where they do not fit.

    ``gap`` are the spaces between them, ``text`` is the width that a long text has at least. What is left over goes to
    the texts, the narrowest first, and then to headings that need not fold.

    >>> column_widths([TextColumn("id", ["1aon"], False), TextColumn("title", ["heat shock"], False)], 40, 2, 16)
    [4, 10]
    """
    widths = [column.least(text) for column in columns]
    left = room - sum(widths) - gap * (len(columns) - 1)
    if left < 0:
        return None
    while left and (short := [k for k, column in enumerate(columns) if widths[k] < column.longest]):
        widths[min(short, key=widths.__getitem__)] += 1
        left -= 1
    for k, column in enumerate(columns):
        missing = _width(column.name) - widths[k]
        if 0 < missing <= left:
            widths[k] += missing
            left -= missing
    return widths


def print_table(console: "Console", columns: Sequence[TextColumn], title: str = "") -> None:
    """Print columns beside one another, or each row as lines where they do not fit."""
    for gap, text in _LAYOUTS:
        widths = column_widths(columns, console.width, gap, text)
        if widths is not None:
            _print_columns(console, columns, widths, gap, title)
            return
    _print_rows(console, columns, title)


def _print_columns(
    console: "Console", columns: Sequence[TextColumn], widths: Sequence[int], gap: int, title: str
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(
        box=SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        show_edge=False,
        pad_edge=False,
        padding=(0, gap - 1, 0, 0),
    )
    for column, width in zip(columns, widths, strict=True):
        fits = _width(column.name) <= width
        heading = column.name if fits else "\n".join(_filled(column, width))
        table.add_column(
            Text(heading), justify="right" if column.numeric else "left", overflow="fold", width=width
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)
    console.print()


def _filled(column: TextColumn, width: int) -> list[str]:
    """Return the lines of a heading, each with as many of its words as go into the width."""
    lines: list[str] = []
    for part in column.folded:
        joined = f"{lines[-1]}_{part}" if lines and not lines[-1].endswith("-") else ""
        if joined and _width(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _print_rows(console: "Console", columns: Sequence[TextColumn], title: str) -> None:
    from rich.text import Text

    if title:
        console.print(Text(title, style="italic"))
    names = max(_width(column.name) for column in columns)
    rows = list(zip(*(column.cells for column in columns), strict=True))
    for number, row in enumerate(rows, 1):
        console.rule(Text(f"row {number} of {len(rows)}"), align="left", style="")
        for column, cell in zip(columns, row, strict=True):
            lines = _wrapped(cell, console.width - names - _LINE_GAP)
            text = f"\n{' ' * (names + _LINE_GAP)}".join(lines)
            print(column.name.ljust(names + _LINE_GAP) + text, file=console.file)
    if not rows:
        console.print(Text(f"no rows of {', '.join(column.name for column in columns)}"))
    console.print()


def _wrapped(cell: str, width: int) -> list[str]:
    """Return the lines that a text makes where there is room for so many characters."""
    lines = []
    for line in cell.split("\n"):
        lines += [line] if len(line) <= width else textwrap.wrap(line, max(width, 8))
    return lines


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
