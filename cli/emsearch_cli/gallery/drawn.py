"""A card or a group with its pictures, as every page and sheet of them needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emsearch.gallery.cards import Card, CardNeighbour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.gallery.projections import Projections
    from emsearch.structures.beads import BeadModel

__all__ = ["DrawnCard", "draw_card", "draw_face", "draw_faces"]

_VIEW_PX, _SMALL_PX, _FACE_PX = 224, 112, 72


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
        tuple((near, draw_projections(models[near.structure], _SMALL_PX, views=1)) for near in card.nearest),
    )


def draw_face(model: "BeadModel") -> "NDArray[np.float32]":
    """Draw the first view of a structure, small."""
    from emsearch.gallery.projections import draw_projections

    face: NDArray[np.float32] = draw_projections(model, _FACE_PX, views=1).images[0]
    return face


def draw_faces(structures: Sequence[str], models: "Mapping[str, BeadModel]") -> "list[NDArray[np.float32]]":
    """Draw the first view of each structure, small; KeyError where a bead model is missing."""
    return [draw_face(models[name]) for name in structures]
