from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from emsearch.evaluation.subjects import Subject, SubjectModels, choose_subjects
from emsearch.search.library import StructureLibrary
from emsearch.structures.beads import BeadModel

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

MEMBERS = [Subject(7, "a"), Subject(7, "b"), Subject(2, "c")]


def chosen(subjects: list[Subject], n: int = 200) -> list[Subject]:
    return choose_subjects(subjects, n, np.random.default_rng(3))


def test_groups_come_alike_often_and_so_do_the_members_of_one() -> None:
    found = [s.structure for s in chosen(MEMBERS, 2000)]
    shares = [found.count(name) / 2000 for name in "abc"]
    assert shares == pytest.approx([0.25, 0.25, 0.5], abs=0.04)


def test_sets_of_the_same_groups_show_the_same_ones() -> None:
    bent = [Subject(7, "a", 5.0), Subject(2, "c", 5.0)]
    assert [s.group for s in chosen(MEMBERS)] == [s.group for s in chosen(bent)]


def test_choosing_among_members_takes_no_random_number_from_what_follows() -> None:
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    choose_subjects(MEMBERS, 10, one)
    other.integers(0, 2, 10)
    assert one.random() == other.random()


def test_bent_as_far_as_asked_and_only_once(pooling_index: "SearchIndex") -> None:
    models = SubjectModels(pooling_index.library)
    straight = models.model(Subject(0, "blob0"))
    assert straight is pooling_index.library.model("blob0")
    found = [models.model(Subject(0, "blob0", rmsd)) for rmsd in (3.0, 8.0, 3.0)]
    assert found[0] is found[2]
    moved = [
        np.sqrt(np.mean(np.sum((straight.centroid_angstrom - m.centroid_angstrom) ** 2, 1)))
        for m in found
        if m
    ]
    assert moved[0] >= 3.0 - 1e-2 and moved[1] >= 8.0 - 1e-2  # without superposition it is a little more
    assert not models.unbendable


def test_the_seed_decides_the_way_that_it_bends(pooling_index: "SearchIndex") -> None:
    subject = Subject(0, "blob0", 5.0)
    one, same, other = (SubjectModels(pooling_index.library, seed).model(subject) for seed in (1, 1, 2))
    assert one is not None and same is not None and other is not None
    np.testing.assert_array_equal(one.centroid_angstrom, same.centroid_angstrom)
    assert np.abs(one.centroid_angstrom - other.centroid_angstrom).max() > 1


def test_what_cannot_be_bent_is_named_with_the_reason(blobs: dict[str, BeadModel]) -> None:
    flat = blobs["blob0"].centroid_angstrom * np.array([1, 1, 0], np.float32)
    library = StructureLibrary({"flat": replace(blobs["blob0"], centroid_angstrom=flat)})
    models = SubjectModels(library)
    assert models.model(Subject(0, "flat")) is not None
    assert models.model(Subject(0, "flat", 3.0)) is None
    assert "plane" in models.unbendable["flat"]
