import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.search.vote import NOT_NEAR, SHARPNESS, Votes, count_votes

GROUP_OF_VECTOR: NDArray[np.int64] = np.array([3, 3, 0, 7, 0])
GROUPS = 8


def votes_of(cosines: list[list[float]], ids: list[list[int]]) -> Votes:
    return count_votes(np.array(cosines, np.float32), np.array(ids), GROUP_OF_VECTOR, GROUPS)


def test_a_case_counted_by_hand() -> None:
    votes = votes_of([[0.9, 0.8, 0.7]], [[2, 0, 1]])
    weight = [1.0, np.exp(-0.1 * SHARPNESS), np.exp(-0.2 * SHARPNESS)]
    assert np.flatnonzero(votes.share[0]).tolist() == [0, 3]
    assert votes.share[0, [0, 3]].tolist() == pytest.approx(
        [1 / sum(weight), (weight[1] + weight[2]) / sum(weight)], rel=1e-5
    )
    assert votes.similarity[0, [0, 3, 7]].tolist() == pytest.approx([0.9, 0.8, NOT_NEAR])
    assert votes.vector_id[0, [0, 3, 7]].tolist() == [2, 0, -1]


def test_many_neighbours_may_outvote_the_nearest() -> None:
    votes = votes_of([[0.80, 0.79, 0.79]], [[3, 0, 1]])
    assert votes.share[0].argmax() == 3
    assert votes.similarity[0].argmax() == 7


def test_padding_counts_for_nothing() -> None:
    plain = votes_of([[0.9, 0.2]], [[2, 3]])
    padded = votes_of([[0.9, 0.2, -3e38, 1.0]], [[2, 3, -1, -1]])
    np.testing.assert_array_equal(plain.share, padded.share)
    np.testing.assert_array_equal(plain.similarity, padded.similarity)
    np.testing.assert_array_equal(plain.vector_id, padded.vector_id)


def test_the_nearest_view_is_found_in_any_order_of_the_neighbours() -> None:
    votes = votes_of([[0.1, 0.5, 0.9, 0.4]], [[3, 0, 2, 3]])
    assert votes.similarity[0, [0, 3, 7]].tolist() == pytest.approx([0.9, 0.5, 0.4])
    assert votes.share.sum() == pytest.approx(1)


def test_images_of_a_batch_do_not_hear_one_another() -> None:
    rng = np.random.default_rng(0)
    cosines, ids = rng.uniform(-0.5, 1, (6, 5)).astype(np.float32), rng.integers(-1, 5, (6, 5))
    together = count_votes(cosines, ids, GROUP_OF_VECTOR, GROUPS)
    for k in range(6):
        alone = count_votes(cosines[k : k + 1], ids[k : k + 1], GROUP_OF_VECTOR, GROUPS)
        np.testing.assert_array_equal(together.share[k], alone.share[0])
        np.testing.assert_array_equal(together.vector_id[k], alone.vector_id[0])


def test_nothing_found_is_no_group() -> None:
    votes = votes_of([[0.3]], [[-1]])
    assert not votes.share.any()
    assert (votes.vector_id == -1).all()
