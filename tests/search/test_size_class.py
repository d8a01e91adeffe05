import json

import numpy as np
import pytest

from emsearch.search.size_class import SizeClassModel, filling


def model() -> SizeClassModel:
    return SizeClassModel(np.array([0.5, -0.5]), np.array([[1.0, 0.0], [0.0, 2.0]]), 3.0, 0.5)


def test_log_odds_are_the_sum_of_what_speaks_for_a_class() -> None:
    embedding, nearest = np.array([[0.6, 0.8], [1.0, 0.0]]), np.array([0.9, 0.7])
    found = model().log_odds(1, embedding, nearest, 20)
    assert found == pytest.approx(-0.5 + np.array([1.6, 0.0]) + 3 * nearest + 0.5 * np.log(20))


def test_unfitted_the_nearest_view_and_the_number_of_groups_decide() -> None:
    plain, embedding = SizeClassModel(), np.ones((1, 2))
    nearer, more = (
        plain.log_odds(0, embedding, np.array([cosine]), groups) for cosine, groups in ((0.9, 10), (0.8, 20))
    )
    assert nearer - plain.log_odds(1, embedding, np.array([0.8]), 10) == pytest.approx(1.0)
    assert more - plain.log_odds(1, embedding, np.array([0.8]), 10) == pytest.approx(np.log(2))


def test_a_class_none_of_whose_groups_fill_the_picture_is_not_ruled_out() -> None:
    assert np.isfinite(SizeClassModel().log_odds(0, np.ones((1, 2)), np.zeros(1), 0)).all()


@pytest.mark.parametrize("kept", [model(), SizeClassModel()])
def test_a_manifest_keeps_it(kept: SizeClassModel) -> None:
    read = SizeClassModel.from_json(json.loads(json.dumps(kept.to_json())))
    embedding, nearest = np.array([[0.3, 0.4]]), np.array([0.5])
    for size_class in (0, 1):
        assert read.log_odds(size_class, embedding, nearest, 7) == pytest.approx(
            kept.log_odds(size_class, embedding, nearest, 7)
        )


def test_molecules_that_fill_a_picture() -> None:
    assert filling([10.0, 25.0, 60.0, 100.0, 101.0], 100.0) == 3
