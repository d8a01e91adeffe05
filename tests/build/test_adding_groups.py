from collections.abc import Mapping

import numpy as np
import pytest

from emsearch.build.adding.groups import OldGroup, class_holding, join_old_groups, make_new_groups
from emsearch.build.adding.pairs import Comparisons
from emsearch.shapes.size_classes import SizeClass, make_size_classes
from emsearch.shapes.superposition import Superposition

SMALL, MIDDLE = make_size_classes(500.0)[:2]
GROUPS = [
    OldGroup("G0001", "a1", ("a1", "a2"), SMALL),
    OldGroup("G0002", "b1", ("b1",), SMALL),
    OldGroup("G0003", "c1", ("c1",), MIDDLE),
]


def compared(scores: Mapping[str, float]) -> Comparisons:
    """Return comparisons of pairs written as "a-b"."""
    eye, zero = np.eye(3), np.zeros(3)
    pairs = {tuple(sorted(pair.split("-"))): score for pair, score in scores.items()}
    return Comparisons(
        {(a, b): Superposition(score, eye, zero, False, 20.0) for (a, b), score in pairs.items()}, {}
    )


def joined(
    dmax: Mapping[str, float], scores: Mapping[str, float]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    homes, too_large = join_old_groups(dmax, GROUPS, compared(scores), 0.9)
    assert not any(home.new for home in homes)
    return (
        {home.id: [name for name, _ in home.newcomers] for home in homes},
        {name: group.id for name, group in too_large.items()},
    )


def test_all_members_must_be_alike() -> None:
    assert joined({"n": 100.0}, {"n-a1": 0.95, "n-a2": 0.89}) == ({}, {})
    assert joined({"n": 100.0}, {"n-a1": 0.95}) == ({}, {})  # one that was not compared counts as 0
    assert joined({"n": 100.0}, {"n-a1": 0.9, "n-a2": 0.9}) == ({"G0001": ["n"]}, {})


def test_the_most_alike_group_is_joined() -> None:
    scores = {"n-a1": 0.97, "n-a2": 0.91, "n-b1": 0.95}
    assert joined({"n": 100.0}, scores) == ({"G0002": ["n"]}, {})
    assert joined({"n": 100.0}, {**scores, "n-b1": 0.93}) == ({"G0001": ["n"]}, {})


def test_a_newcomer_must_be_like_those_that_joined_before() -> None:
    scores = {"m-b1": 0.92, "n-b1": 0.95}
    sizes = {"m": 100.0, "n": 100.0}
    assert joined(sizes, scores) == ({"G0002": ["n"]}, {})
    assert joined(sizes, {**scores, "m-n": 0.9}) == ({"G0002": ["m", "n"]}, {})


def test_a_group_does_not_outgrow_its_size_class() -> None:
    assert joined({"n": 130.0}, {"n-b1": 0.95}) == ({"G0002": ["n"]}, {})
    assert joined({"n": 130.5}, {"n-b1": 0.95}) == ({}, {"n": "G0002"})
    assert joined({"n": 130.5}, {"n-b1": 0.95, "n-c1": 0.91}) == ({"G0003": ["n"]}, {})
    assert joined({"n": 100.0}, {"n-c1": 0.91}) == ({"G0003": ["n"]}, {})  # one smaller than the others fits


def test_the_rest_are_clustered_and_the_names_go_on() -> None:
    sizes = {"l": 90.0, "m": 129.0, "n": 131.0, "o": 40.0}
    scores = compared({"m-n": 0.95, "l-m": 0.95, "l-n": 0.8, "l-a1": 0.99})
    homes = make_new_groups(sizes, GROUPS, [SMALL, MIDDLE], scores, 0.9)
    found = {home.id: (home.shape.members, home.size_class.name) for home in homes}
    assert all(home.new for home in homes)
    assert list(found) == ["G0004", "G0005", "G0006"]
    assert sorted(found.values()) in (
        [(("l",), "d0-130"), (("m", "n"), "d130-320"), (("o",), "d0-130")],
        [(("l", "m"), "d0-130"), (("n",), "d130-320"), (("o",), "d0-130")],
    )


def test_the_representative_of_a_new_group_comes_first() -> None:
    scores = compared({"l-m": 0.95, "m-n": 0.96, "l-n": 0.9})
    (home,) = make_new_groups(dict.fromkeys("lmn", 90.0), GROUPS, [SMALL], scores, 0.9)
    assert home.shape.medoid == "m"
    assert home.newcomers == [("m", 1.0), ("l", 0.95), ("n", 0.96)]


@pytest.mark.parametrize(
    ("dmax", "expected"), [(130.0, "d0-130"), (131.0, None), (321.0, "d320-800"), (801.0, None)]
)
def test_a_class_holds_its_upper_edge_and_gaps_hold_nothing(dmax: float, expected: str | None) -> None:
    classes: list[SizeClass] = [c for c in make_size_classes(500.0) if c.name in ("d0-130", "d320-800")]
    found = class_holding(dmax, classes)
    assert (found.name if found else None) == expected
