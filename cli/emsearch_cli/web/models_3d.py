"""Bead models as mmCIF, for the 3D view and for other programs."""

from typing import TYPE_CHECKING

from emsearch.search.hits import View
from emsearch.search.posed_beads import posed_beads
from emsearch_cli.chimerax import bead_structure

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

__all__ = ["MMCIF", "posed_model"]

MMCIF = "chemical/x-mmcif"
"""Media type of mmCIF."""


def posed_model(index: "SearchIndex", view: View) -> str:
    """Return a view's structure as mmCIF, turned as the image shows it."""
    text: str = bead_structure(*posed_beads(index, view)).make_mmcif_document().as_string()
    return text
