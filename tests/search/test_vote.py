import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.search.vote import SHARPNESS, count_votes

GROUP_OF_VECTOR: NDArray[np.int64] = np.array([3, 3, 0, 7, 0])


def cosines(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_a_case_counted_by_hand() -> None:
    votes = count_votes(cosines(0.9, 0.8, 0.7), np.array([2, 0, 1]), GROUP_OF_VECTOR)
    weight = [1.0, np.exp(-0.1 * SHARPNESS), np.exp(-0.2 * SHARPNESS)]
    assert votes.group.tolist() == [0, 3]
    assert votes.share.tolist() == pytest.approx(
        [1 / sum(weight), (weight[1] + weight[2]) / sum(weight)], rel=1e-5
    )
    assert votes.similarity.tolist() == pytest.approx([0.9, 0.8])
    assert votes.vector_id.tolist() == [2, 0]


def test_many_neighbours_may_outvote_the_nearest() -> None:
    votes = count_votes(cosines(0.80, 0.79, 0.79), np.array([3, 0, 1]), GROUP_OF_VECTOR)
    assert votes.group.tolist() == [3, 7]
    assert votes.similarity.tolist() == pytest.approx([0.79, 0.80])


def test_ties_go_by_group_number() -> None:
    votes = count_votes(cosines(0.5, 0.5, 0.5), np.array([3, 0, 4]), GROUP_OF_VECTOR)
    assert votes.group.tolist() == [0, 3, 7]
    assert votes.share.tolist() == pytest.approx([1 / 3] * 3)


def test_padding_counts_for_nothing() -> None:
    plain = count_votes(cosines(0.9, 0.2), np.array([2, 3]), GROUP_OF_VECTOR)
    padded = count_votes(cosines(0.9, 0.2, -3e38, 1.0), np.array([2, 3, -1, -1]), GROUP_OF_VECTOR)
    np.testing.assert_array_equal(plain.group, padded.group)
    np.testing.assert_array_equal(plain.share, padded.share)
    assert padded.vector_id.tolist() == [2, 3]


def test_copies_of_an_image_vote_together() -> None:
    votes = count_votes(
        np.array([[0.9, 0.1], [0.5, 0.4]], np.float32), np.array([[2, 3], [3, 0]]), GROUP_OF_VECTOR
    )
    assert votes.group.tolist() == [0, 7, 3]
    assert votes.similarity.tolist() == pytest.approx([0.9, 0.5, 0.4])
    assert votes.share.sum() == pytest.approx(1)


def test_nothing_found_is_no_group() -> None:
    votes = count_votes(cosines(0.3), np.array([-1]), GROUP_OF_VECTOR)
    assert [len(a) for a in (votes.group, votes.share, votes.similarity, votes.vector_id)] == [0] * 4
