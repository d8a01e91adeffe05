import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.evaluation.ceiling_answers import CEILINGS
from emsearch.evaluation.protocol import CLEAN, Evaluation, Protocol, evaluate_index
from emsearch.evaluation.queries import ANSWERS
from emsearch.evaluation.scores import pose_scores, scores_of
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


@pytest.fixture(scope="module")
def trained(family_index: "SearchIndex") -> Evaluation:
    return evaluate_index(family_index, Protocol(snr_levels=(10.0,), groups=4, images=10))


def test_scores_of_an_index_that_knows_its_structures(trained: Evaluation) -> None:
    scores = scores_of(trained.queries)
    assert [s.answer for s in scores] == list(ANSWERS)
    for s in scores:
        assert (s.set, s.snr, s.among, s.images, s.recall_at_20) == ("trained", 10.0, 4, 10, 1.0)
        assert 0 <= s.top1_low <= s.top1 <= s.top1_high <= 1
        assert s.top1 <= s.top3
        assert s.seconds_per_image > 0
    best = scores[-1]
    assert best.top1 >= 0.7
    assert best.top1 > scores[0].top1  # this index's classifier knows nothing


def test_poses_of_what_was_named_right_are_near_the_truth(trained: Evaluation) -> None:
    (poses,) = pose_scores(trained.queries)
    assert poses.poses == sum(q.answers["re-ranked"].rank == 1 for q in trained.queries)
    assert poses.direction_median_degrees < 15
    assert poses.in_plane_median_degrees < 15
    assert poses.shift_median_angstrom < 9


def test_clean_images_and_every_other_set_go_through(family_index: "SearchIndex") -> None:
    said: list[str] = []
    sets = ("members", "deformed-3", "cryo", "added")
    protocol = Protocol(sets=sets, snr_levels=(CLEAN,), groups=4, images=2)
    found = evaluate_index(family_index, protocol, said.append)
    assert [(q.set, q.snr) for q in found.queries[::2]] == [
        ("members", CLEAN),
        ("deformed-3", CLEAN),
        ("cryo", 0.05),
    ]
    assert {q.truth.structure for q in found.queries if q.set == "members"} == {"twin2"}
    assert {q.truth.rmsd_angstrom for q in found.queries if q.set == "deformed-3"} == {3.0}
    assert found.left_out == ("set added is left out: the index has no such structures",)
    assert said[0] == found.left_out[0] and "members, clean" in said[1]


def test_groups_outside_the_test_cannot_be_named(family_index: "SearchIndex") -> None:
    """Two groups: whatever is not first is second, so the first three always hold the right one."""
    found = evaluate_index(family_index, Protocol(snr_levels=(0.1,), groups=2, images=3))
    assert {s.top3 for s in scores_of(found.queries)} == {1.0}
    assert {name.first for q in found.queries for name in q.answers.values()} <= {"G3", "G4"}


def test_unknown_images_are_asked_with_and_without_their_group(family_index: "SearchIndex") -> None:
    found = evaluate_index(family_index, Protocol(sets=("unknown",), snr_levels=(5.0,), images=6))
    whole = [q for q in found.queries if q.in_index]
    struck = [q for q in found.queries if not q.in_index]
    assert [q.image for q in whole] == [q.image for q in struck] == list(range(6))
    assert {q.among for q in whole} == {5} and {q.among for q in struck} == {4}
    assert all(q.answers["re-ranked"].rank is None for q in struck)
    assert all(q.answers["re-ranked"].first != q.truth.group for q in struck)
    assert len(found.noise) == 6
    assert [n for n in found.noise if n.in_database_probability > n.particle_probability] == []
    assert np.median([n.particle_probability for n in found.noise]) < 0.5
    assert [j.as_is for j in found.judged] == [q.in_database_probability for q in whole]
    assert [j.struck for j in found.judged] == [q.in_database_probability for q in struck]
    assert {s.images for s in scores_of(found.queries)} == {6}


def test_an_index_without_what_was_asked_for(family_index: "SearchIndex") -> None:
    with pytest.raises(UsageError, match="no structures for added; give other --sets"):
        evaluate_index(family_index, Protocol(sets=("added",)))


@dataclass(frozen=True, slots=True)
class Ceiling:
    correlation: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    seconds_per_image: float


@pytest.fixture
def ceiling_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the exhaustive matching by one whose correlation prefers the first structure and likelihood the last."""
    calls: list[dict[str, Any]] = []

    def ceiling_scores(
        library: object,
        images: Any,
        pixel: Any,
        structures: list[str],
        *,
        box_px: int,
        report: Callable[[str], None],
    ) -> Ceiling:
        calls.append({"images": len(images), "pixel": pixel, "structures": structures})
        falling = np.tile(-np.arange(len(structures), dtype=np.float64), (len(images), 1))
        return Ceiling(falling, -falling, 7.0)

    module = ModuleType("emsearch.evaluation.ceiling")
    vars(module)["ceiling_scores"] = ceiling_scores
    monkeypatch.setitem(sys.modules, "emsearch.evaluation.ceiling", module)
    return calls


def test_the_ceiling_stands_beside_the_other_answers(
    family_index: "SearchIndex", ceiling_calls: list[dict[str, Any]]
) -> None:
    sets = ("trained", "members")
    found = evaluate_index(
        family_index, Protocol(sets=sets, snr_levels=(10.0, 2.0), groups=3, images=2, ceiling=True)
    )
    assert len(ceiling_calls) == 4
    for call in ceiling_calls:
        assert call["structures"] == ["blob4", "blob3", "blob2"]
        assert call["images"] == len(call["pixel"]) == 2
    for query in found.queries:
        assert tuple(query.answers) == (*ANSWERS, *CEILINGS)
        assert [query.answers[name].first for name in CEILINGS] == ["G4", "G2"]
        assert query.seconds[CEILINGS[0]] == 7.0
    assert {q.answers["ceiling-likelihood"].rank for q in found.queries if q.set == "members"} == {1}
