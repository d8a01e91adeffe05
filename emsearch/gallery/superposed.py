"""The members of a shape group, each laid on the representative as the comparison found it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.gallery.cards import Card
from emsearch.gallery.viewing_axes import six_views
from emsearch.structures.beads import BeadModel
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import IndexCorruptError

__all__ = ["SuperposedBeads", "superposed_members"]

_UP = np.diag([1.0, -1.0, -1.0])  # image rows count downwards and the beam runs away from the eye
_HAND_FLIP = np.diag([1.0, 1.0, -1.0])

_POSES = """
    SELECT m.structure_id, m.similarity, m.rotation, m.translation_angstrom, m.mirror, g.representative_id
    FROM group_members m JOIN groups g ON g.id = m.group_id
    WHERE m.group_id = ? ORDER BY m.structure_id <> ?, m.similarity DESC, m.structure_id
"""


@dataclass(frozen=True, slots=True, eq=False)
class SuperposedBeads:
    """A member where it lies: positions (n, 3) in A, which beads are nucleotides, and whether it shows its mirror image."""

    structure: str
    similarity: float | None
    mirror: bool
    position_angstrom: NDArray[np.float64]
    nucleic: NDArray[np.bool_]


def superposed_members(
    catalogue: Catalogue, models: Mapping[str, BeadModel], card: Card
) -> Iterator[SuperposedBeads]:
    """Yield the structure of a card and then the other members of its group, superposed.

    The frame is that of molecular graphics (x to the right, y up, z towards the eye), turned so that the representative
    is seen as in the first picture of its card.

    Raises
    ------
    IndexCorruptError
        The catalogue lacks the pose of a member.
    """
    rows = catalogue.rows(_POSES, [card.group, card.structure]) if card.group is not None else []
    reference = models[rows[0]["representative_id"] if rows else card.structure]
    turn = _UP @ six_views(reference).turns[0]
    if not rows:
        yield SuperposedBeads(
            card.structure, None, False, reference.centroid_angstrom @ turn.T, reference.nucleic
        )
    for row in rows:
        if row["rotation"] is None or row["translation_angstrom"] is None:
            raise IndexCorruptError(
                f"the catalogue has no pose of {row['structure_id']} in group {card.group}; rebuild the index"
            )
        model = models[row["structure_id"]]
        matrix = np.array(row["rotation"]).reshape(3, 3) @ (_HAND_FLIP if row["mirror"] else np.eye(3))
        laid = model.centroid_angstrom @ matrix.T + np.array(row["translation_angstrom"])
        yield SuperposedBeads(
            row["structure_id"], row["similarity"], bool(row["mirror"]), laid @ turn.T, model.nucleic
        )
