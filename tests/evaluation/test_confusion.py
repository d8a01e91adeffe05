from collections.abc import Callable
from typing import TYPE_CHECKING

from emsearch.evaluation.confusion import confused_pairs, confusion_matrix
from emsearch.evaluation.queries import Query

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def some_queries(a_query: Callable[..., Query]) -> list[Query]:
    return [
        *(a_query(2, "G1", group="G3") for _ in range(2)),
        a_query(1, "G3", group="G3"),
        a_query(2, "G4", group="G0"),
        a_query(1, "G2", group="G2"),
        a_query(2, "G2", group="G1", set="unknown"),
    ]


def test_pairs_come_with_their_similarity_where_it_was_computed(
    family_index: "SearchIndex", a_query: Callable[..., Query]
) -> None:
    first, second = confused_pairs(family_index, some_queries(a_query))
    assert (first.group, first.representative, first.taken_for_representative) == ("G3", "blob3", "blob1")
    assert (first.count, first.images, first.similarity) == (2, 3, 0.71)
    assert (second.group, second.taken_for, second.count, second.similarity) == ("G0", "G4", 1, None)
    assert confused_pairs(family_index, some_queries(a_query), most=1) == [first]


def test_the_matrix_holds_the_groups_that_are_confused(a_query: Callable[..., Query]) -> None:
    names, matrix = confusion_matrix(some_queries(a_query))
    assert names == ["G0", "G1", "G3", "G4"]
    assert matrix.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]]
    assert len(confusion_matrix(some_queries(a_query), most=2)[0]) == 2
