from itertools import pairwise

import pytest

from emsearch.shapes.ambiguity import is_ambiguous_at_20_angstrom
from emsearch.shapes.errors import ShapeError
from emsearch.shapes.size_classes import assign_size_classes, candidate_classes, make_size_classes


def test_classes_adjoin_and_their_edge_fills_two_thirds_of_the_box() -> None:
    classes = make_size_classes(500.0, box_px=64)
    for smaller, larger in pairwise(classes):
        assert smaller.dmax_max_angstrom == larger.dmax_min_angstrom
    for size_class in classes:
        box_angstrom = size_class.pixel_size_angstrom * size_class.box_px
        assert size_class.dmax_max_angstrom / box_angstrom == pytest.approx(2 / 3)


def test_a_group_goes_by_its_largest_member() -> None:
    classes, of_group = assign_size_classes([[100.0], [120.0, 131.0], [130.0], [700.0]])
    assert [c.name for c in of_group] == ["d0-130", "d130-320", "d0-130", "d320-800"]
    assert [c.name for c in classes] == ["d0-130", "d130-320", "d320-800"]


def test_the_last_class_holds_the_largest() -> None:
    classes, of_group = assign_size_classes([[2100.4], [90.0]])
    assert of_group[0].name == "d800-2101"
    assert of_group[0].dmax_max_angstrom >= 2100.4
    assert [c.name for c in classes] == ["d0-130", "d800-2101"]


def test_classes_within_the_tolerance_are_candidates() -> None:
    classes = make_size_classes(2000.0)
    assert [c.name for c in candidate_classes(classes, 200.0)] == ["d130-320"]
    assert [c.name for c in candidate_classes(classes, 350.0)] == ["d130-320", "d320-800"]
    assert [c.name for c in candidate_classes(classes, 350.0, tolerance=0.01)] == ["d320-800"]
    assert candidate_classes(classes, 5000.0) == ()


@pytest.mark.parametrize("group", [[], [0.0], [float("nan")]])
def test_groups_without_a_size_are_refused(group: list[float]) -> None:
    with pytest.raises(ShapeError, match="Dmax"):
        assign_size_classes([group])


def test_no_groups_have_no_classes() -> None:
    assert assign_size_classes([]) == ((), [])


def test_small_shapes_are_flagged() -> None:
    assert is_ambiguous_at_20_angstrom(39.9)
    assert not is_ambiguous_at_20_angstrom(40.0)
