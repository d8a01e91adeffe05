"""Cards: what they say, in which order, and how members lie on each other."""

import numpy as np
import pytest

from emsearch.gallery.cards import read_card
from emsearch.gallery.superposed import superposed_members
from emsearch.structures.beads import BeadModel
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import UsageError


def test_a_group_has_its_members_and_the_most_similar_groups_first(catalogue: Catalogue) -> None:
    card = read_card(catalogue, "g00")
    assert (card.kind, card.id, card.structure, card.title) == ("group", "G00", "s300", "name of s300")
    assert [(m.structure, m.similarity) for m in card.members] == [("s300", 1.0), ("twin", 0.95)]
    assert [(n.group, n.structure, n.score) for n in card.nearest] == [
        ("G01", "s301", 0.85),
        ("G02", "s302", 0.6),
    ]
    assert read_card(catalogue, "G00", nearest=1).nearest == card.nearest[:1]


def test_a_structure_goes_by_its_own_pairs(catalogue: Catalogue) -> None:
    card = read_card(catalogue, "S300")
    assert (card.kind, card.id, card.group) == ("structure", "s300", "G00")
    assert [n.score for n in card.nearest] == [0.8, 0.6]
    assert len(card.members) == 2


@pytest.mark.parametrize("name", ["9zzz", "", "' OR 1=1 --"])
def test_what_is_not_there_is_refused(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(UsageError, match="emsearch groups"):
        read_card(catalogue, name)


def test_members_lie_where_the_catalogue_says(catalogue: Catalogue, shapes: dict[str, BeadModel]) -> None:
    models = {**shapes, "twin": shapes["s300"]}
    first, second = superposed_members(catalogue, models, read_card(catalogue, "G00"))
    assert (first.structure, second.structure, second.mirror) == ("s300", "twin", True)
    # Undo the turn of the card; what is left is the pose: mirrored in z, a quarter turn, and a shift.
    turn = np.linalg.lstsq(shapes["s300"].centroid_angstrom, first.position_angstrom, rcond=None)[0].T
    place = second.position_angstrom @ turn
    own = shapes["s300"].centroid_angstrom
    expected = np.stack([-own[:, 1] + 1, own[:, 0] + 2, -own[:, 2] + 3], axis=1)
    np.testing.assert_allclose(place, expected, atol=1e-3)
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)


def test_the_structure_asked_for_comes_first(catalogue: Catalogue, shapes: dict[str, BeadModel]) -> None:
    models = {**shapes, "twin": shapes["s300"]}
    names = [m.structure for m in superposed_members(catalogue, models, read_card(catalogue, "twin"))]
    assert names == ["twin", "s300"]
