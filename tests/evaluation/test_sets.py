from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from emsearch.evaluation.sets import SET_NAMES, draw_set, image_set, largest_groups, set_names
from emsearch.evaluation.subjects import SubjectModels
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def structures(index: "SearchIndex", name: str, groups: int = 4) -> list[tuple[str, float]]:
    found = image_set(index, name, groups)
    return [(s.structure, s.rmsd_angstrom) for s in found.subjects] if found else []


def test_largest_groups_come_from_one_class_by_dmax(
    pooling_index: "SearchIndex", monkeypatch: pytest.MonkeyPatch
) -> None:
    assert largest_groups(pooling_index, 3) == [4, 3, 2]
    assert largest_groups(pooling_index, 50) == [4, 3, 2, 1, 0]
    large = replace(pooling_index.classes[0], name="large")
    moved = [replace(g, size_class="large") if k in (0, 1) else g for k, g in enumerate(pooling_index.groups)]
    monkeypatch.setattr(pooling_index, "classes", [pooling_index.classes[0], large])
    monkeypatch.setattr(pooling_index, "groups", moved)
    assert largest_groups(pooling_index, 2) == [1, 0]  # the larger class that has two
    assert largest_groups(pooling_index, 3) == [4, 3, 2]  # only the smaller has three
    assert largest_groups(pooling_index, 4) == [4, 3, 2]  # none has four: the fullest


def test_what_each_set_shows(family_index: "SearchIndex") -> None:
    assert [name for name, _ in structures(family_index, "trained")] == ["blob4", "blob3", "blob2", "blob1"]
    assert structures(family_index, "cryo") == structures(family_index, "trained")
    assert structures(family_index, "members") == [("twin2", 0.0)]
    assert structures(family_index, "deformed-5")[0] == ("blob4", 5.0)
    assert len(structures(family_index, "unknown")) == 5
    assert structures(family_index, "added") == []


def test_added_groups_are_tested_apart_among_the_trained_ones(with_added: "SearchIndex") -> None:
    assert largest_groups(with_added, 4) == [4, 2, 1, 0]
    added = image_set(with_added, "added", 2)
    assert added is not None
    assert [s.structure for s in added.subjects] == ["blob3"]
    assert added.among == (4, 2, 3)


def test_members_without_relatives_among_the_groups_are_no_set(family_index: "SearchIndex") -> None:
    assert image_set(family_index, "members", 2) is None


@pytest.mark.parametrize("name", [name for name in SET_NAMES if name != "added"])
def test_each_set_is_drawn(family_index: "SearchIndex", name: str) -> None:
    found = image_set(family_index, name, 4)
    assert found is not None
    drawn = draw_set(family_index, found, 2.0, 3, 0, SubjectModels(family_index.library))
    assert drawn.images.images.shape == (3, 64, 64)
    assert set(drawn.images.group.tolist()) <= set(found.among)
    assert drawn.images.parameters.stained.all() == (name != "cryo")
    assert set(drawn.images.parameters.snr.tolist()) == {2.0}


def test_sets_of_the_same_groups_compare_image_by_image(family_index: "SearchIndex") -> None:
    models = SubjectModels(family_index.library)
    sets = [image_set(family_index, name, 4) for name in ("trained", "deformed-3")]
    one, other = (draw_set(family_index, s, 2.0, 6, 0, models).images for s in sets if s)
    assert one.group.tolist() == other.group.tolist()
    np.testing.assert_array_equal(one.parameters.quaternion, other.parameters.quaternion)


def test_names_are_taken_once_each() -> None:
    assert set_names("deformed,trained,deformed-5") == ("deformed-3", "deformed-5", "deformed-8", "trained")


@pytest.mark.parametrize("text", ["", "real", "trained,", "trained;members"])
def test_a_set_that_is_not_there_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="no set of test images; give one or more of trained, members"):
        set_names(text)
