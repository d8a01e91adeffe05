from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emsearch.evaluation.trained import evaluate_index, largest_groups
from emsearch.search.coarse import CoarseSettings
from emsearch.search.matching import MatchingSettings

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

QUICK = MatchingSettings(coarse=CoarseSettings(nside=2, fills=(1.0, 0.6)), starts=1, steps=1)


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


def test_scores_of_an_index_that_knows_its_structures(pooling_index: "SearchIndex") -> None:
    said: list[str] = []
    scores = evaluate_index(pooling_index, snr_levels=(10.0,), groups=4, images=10, report=said.append)
    assert [s.answer for s in scores] == ["classifier", "vote", "network", "re-ranked"]
    for s in scores:
        assert (s.set, s.snr, s.among, s.images, s.recall_at_20) == ("stain", 10.0, 4, 10, 1.0)
        assert 0 <= s.top1_low <= s.top1 <= s.top1_high <= 1
        assert s.top1 <= s.top3
        assert s.top3_low <= s.top3 <= s.top3_high
    best = scores[-1]
    assert best.top1 >= 0.7
    assert best.top1 > scores[0].top1  # this index's classifier knows nothing
    assert len(said) == 1 and "SNR 10" in said[0]


def test_groups_outside_the_test_cannot_be_named(pooling_index: "SearchIndex") -> None:
    """Two groups: whatever is not first is second, so the first three always hold the right one."""
    scores = evaluate_index(pooling_index, snr_levels=(0.1,), groups=2, images=6, settings=QUICK)
    assert {s.top3 for s in scores} == {1.0}
    assert {s.among for s in scores} == {2}
