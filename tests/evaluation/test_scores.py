from collections.abc import Callable

import pytest

from emsearch.evaluation.poses import PoseError
from emsearch.evaluation.queries import Query
from emsearch.evaluation.scores import pose_scores, scores_of


def test_ranks_become_shares(a_query: Callable[..., Query]) -> None:
    queries = [a_query(rank) for rank in (1, 1, 2, 3, 4, 20, 21, None)]
    network, reranked = scores_of(queries)
    assert (network.answer, network.top1, network.top3) == ("network", 0.0, 1.0)
    assert (reranked.top1, reranked.top3, reranked.recall_at_20) == (2 / 8, 4 / 8, 6 / 8)
    assert reranked.top1_low < reranked.top1 < reranked.top1_high
    assert (reranked.images, reranked.among, reranked.size_class) == (8, 5, "all")
    assert reranked.seconds_per_image == pytest.approx(0.25)


def test_sets_levels_and_classes_are_kept_apart(a_query: Callable[..., Query]) -> None:
    queries = [
        a_query(1),
        a_query(2, size_class="d200-400"),
        a_query(1, snr=2.0),
        a_query(1, set="members", snr=2.0),
    ]
    found = [s for s in scores_of(queries, by_class=True) if s.answer == "re-ranked"]
    assert [(s.set, s.snr, s.size_class, s.images, s.top1) for s in found] == [
        ("trained", 10.0, "all", 2, 0.5),
        ("trained", 10.0, "d100-200", 1, 1.0),
        ("trained", 10.0, "d200-400", 1, 0.0),
        ("trained", 2.0, "all", 1, 1.0),
        ("trained", 2.0, "d100-200", 1, 1.0),
        ("members", 2.0, "all", 1, 1.0),
        ("members", 2.0, "d100-200", 1, 1.0),
    ]


def test_images_whose_group_was_struck_are_no_test_of_recognition(a_query: Callable[..., Query]) -> None:
    queries = [a_query(1), a_query(None, in_index=False)]
    assert {s.images for s in scores_of(queries)} == {1}
    assert scores_of(queries[1:]) == []


def test_medians_of_poses_of_what_was_named_right(a_query: Callable[..., Query]) -> None:
    errors = [PoseError(d, p, s) for d, p, s in ((2, 1, 4), (4, 3, 5), (90, 20, 30))]
    queries = [a_query(1, pose=error) for error in errors] + [a_query(2)]
    (score,) = pose_scores(queries)
    assert score.poses == 3
    medians = (score.direction_median_degrees, score.in_plane_median_degrees, score.shift_median_angstrom)
    assert medians == (4, 3, 5)
    assert score.direction_under_10_degrees == pytest.approx(2 / 3)
    assert pose_scores(queries[3:]) == []
