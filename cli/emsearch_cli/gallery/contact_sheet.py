"""Many groups on one sheet: a small projection each, with id, mass and members."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emsearch_cli.gallery.canvas import INK, SOFT, new_figure, save_figure, show_image
from emsearch_cli.gallery.words import mass_text, shortened

if TYPE_CHECKING:
    from emsearch.structures.beads import BeadModel

__all__ = ["GROUPS_A_SHEET", "write_contact_sheet"]

GROUPS_A_SHEET = 60

_COLUMNS, _SIDE, _GAP, _TEXT, _MARGIN = 10, 1.05, 0.1, 0.36, 0.2  # inches, but for the columns
_PICTURE_PX = 112


def write_contact_sheet(
    rows: Sequence[Mapping[str, Any]], models: "Mapping[str, BeadModel]", title: str, path: Path
) -> None:
    """Write groups, given as `emsearch groups` lists them, in their order; KeyError where a bead model is missing."""
    from emsearch.gallery.projections import draw_projections

    columns = min(_COLUMNS, len(rows))
    lines = math.ceil(len(rows) / columns)
    width = 2 * _MARGIN + columns * (_SIDE + _GAP) - _GAP
    height = 2 * _MARGIN + 0.3 + lines * (_SIDE + _TEXT)
    figure = new_figure(width, height)
    figure.text(
        _MARGIN / width, 1 - 0.24 / height, title, fontsize=9, color=SOFT, va="center", parse_math=False
    )
    for k, row in enumerate(rows):
        left = _MARGIN + k % columns * (_SIDE + _GAP)
        low = height - _MARGIN - 0.3 - k // columns * (_SIDE + _TEXT) - _SIDE
        picture = draw_projections(models[row["representative"]], _PICTURE_PX, views=1)
        panel = figure.add_axes((left / width, low / height, _SIDE / width, _SIDE / height))
        show_image(panel, picture.images[0], picture.side_angstrom)
        words = f"{row['id']} {row['representative']}"
        _write(figure, left / width, (low - 0.09) / height, shortened(words, 18), 7, INK)
        mass = "" if row["mass_kda"] is None else mass_text(row["mass_kda"])
        members = f"{row['members']} member{'s' if row['members'] != 1 else ''}"
        _write(figure, left / width, (low - 0.22) / height, f"{mass}, {members}".lstrip(", "), 6.5, SOFT)
    save_figure(figure, path)


def _write(figure: Any, x: float, y: float, text: str, size: float, color: str) -> None:
    figure.text(x, y, text, fontsize=size, color=color, va="center", parse_math=False)
