"""Complete linkage against scipy's, on matrices with and without missing pairs."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from emsearch.shapes.clustering import ShapeGroup, cluster_shapes
from emsearch.shapes.errors import ShapeError


def random_scores(count: int, seed: int) -> NDArray[np.float64]:
    """Scores of points in a square, all different."""
    point = np.random.default_rng(seed).uniform(size=(count, 2))
    return np.asarray(np.exp(-2.0 * np.linalg.norm(point[:, None] - point, axis=2)))


def all_pairs(count: int) -> NDArray[np.int64]:
    return np.array(list(itertools.combinations(range(count), 2)), np.int64)


def partition(groups: list[ShapeGroup]) -> set[frozenset[str]]:
    return {frozenset(group.members) for group in groups}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_groups_are_those_of_scipy(seed: int, missing: float) -> None:
    count, threshold = 80, 0.7
    score, pairs = random_scores(count, seed), all_pairs(count)
    rng = np.random.default_rng(seed)
    score[tuple(pairs[rng.uniform(size=len(pairs)) < missing].T)] = 0.0
    score = np.minimum(score, score.T)
    labels = fcluster(linkage(squareform(1.0 - score, checks=False), "complete"), 1.0 - threshold, "distance")
    ids = [f"s{k:03d}" for k in range(count)]
    expected = {frozenset(ids[k] for k in np.flatnonzero(labels == label)) for label in set(labels.tolist())}
    known = score[tuple(pairs.T)] > 0.0
    groups = cluster_shapes(ids, pairs[known], score[tuple(pairs[known].T)], threshold)
    assert partition(groups) == expected


def test_order_of_ids_and_pairs_does_not_matter() -> None:
    count = 60
    pairs, rng = all_pairs(count), np.random.default_rng(3)
    scores = np.round(random_scores(count, 3), 1)[tuple(pairs.T)]  # many ties
    ids = [f"s{k:03d}" for k in range(count)]
    shuffled = rng.permutation(count)
    place = np.argsort(shuffled)
    mixed = rng.permutation(len(pairs))
    flipped = np.where(rng.uniform(size=(len(pairs), 1)) < 0.5, pairs, pairs[:, ::-1])
    again = cluster_shapes([ids[k] for k in shuffled], place[flipped][mixed], scores[mixed], 0.7)
    assert again == cluster_shapes(ids, pairs, scores, 0.7)


def test_chains_are_not_joined() -> None:
    groups = cluster_shapes(["a", "b", "c"], np.array([[0, 1], [1, 2], [0, 2]]), np.array([0.96, 0.95, 0.80]))
    assert partition(groups) == {frozenset("ab"), frozenset("c")}
    groups = cluster_shapes(["a", "b", "c"], np.array([[0, 1], [1, 2]]), np.array([0.96, 0.95]))
    assert partition(groups) == {frozenset("ab"), frozenset("c")}


def test_medoid_is_the_member_most_like_the_others() -> None:
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    group = cluster_shapes(["a", "b", "c"], pairs, np.array([0.98, 0.97, 0.92]))[0]
    assert group == ShapeGroup("b", ("a", "b", "c"), (0.98, 1.0, 0.97))
    tie = cluster_shapes(["b", "a"], np.array([[0, 1]]), np.array([0.95]))[0]
    assert tie == ShapeGroup("a", ("a", "b"), (1.0, 0.95))


def test_structures_without_pairs_stand_alone() -> None:
    groups = cluster_shapes(["b", "a"], np.zeros((0, 2), np.int64), np.zeros(0))
    assert groups == [ShapeGroup("a", ("a",), (1.0,)), ShapeGroup("b", ("b",), (1.0,))]
    assert cluster_shapes([], np.zeros((0, 2), np.int64), np.zeros(0)) == []


@pytest.mark.parametrize(
    ("ids", "pairs", "scores", "threshold", "message"),
    [
        (["a", "a"], [[0, 1]], [0.9], 0.9, "repeated"),
        (["a", "b"], [[0, 2]], [0.9], 0.9, "not two of"),
        (["a", "b"], [[0, 0]], [0.9], 0.9, "not two of"),
        (["a", "b"], [[0, 1], [1, 0]], [0.9, 0.9], 0.9, "twice"),
        (["a", "b"], [[0, 1]], [0.9, 0.8], 0.9, "shape"),
        (["a", "b"], [[0, 1]], [0.9], 0.0, "threshold"),
    ],
)
def test_contradictory_tables_are_refused(
    ids: list[str], pairs: list[list[int]], scores: list[float], threshold: float, message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        cluster_shapes(ids, np.array(pairs), np.array(scores), threshold)
