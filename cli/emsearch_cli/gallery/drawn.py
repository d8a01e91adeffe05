"""A card or a group with its pictures, as every page and sheet of them needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emsearch.gallery.cards import Card, CardNeighbour

if TYPE_CHECKING:
    from emsearch.gallery.projections import Projections
    from emsearch.structures.beads import BeadModel

__all__ = ["DrawnCard", "draw_card"]

_VIEW_PX, _SMALL_PX = 224, 112


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCard:
    """A card, its six views, and the first view of each neighbour."""

    card: Card
    views: "Projections"
    neighbours: "tuple[tuple[CardNeighbour, Projections], ...]"


def draw_card(card: Card, models: "Mapping[str, BeadModel]") -> DrawnCard:
    """Draw a card; KeyError where a bead model is missing."""
    from emsearch.gallery.projections import draw_projections

    return DrawnCard(
        card,
        draw_projections(models[card.structure], _VIEW_PX),
        tuple(
            (near, draw_projections(models[near.structure], _SMALL_PX, views=1)) for near in card.nearest
        ),
    )
