from pathlib import Path

import numpy as np
import pytest

from emsearch.imaging.cloud import BeadCloud
from emsearch.network.training_set import TrainingSet, read_training_set
from emsearch.structures.beads import BeadArchive


def test_a_training_set_comes_back_from_its_file(training_file: Path, training_set: TrainingSet) -> None:
    assert training_set.structures == ("a1", "a2", "b1", "c1", "c2")
    assert training_set.groups == ("a", "b", "c")
    assert training_set.classes == ("small", "large")
    assert training_set.representative.tolist() == [1, 2, 3]
    assert training_set.pixel_size_angstrom.tolist() == [8.0, 20.0]
    assert training_set.box_px == 32
    archive = BeadArchive(training_file)
    again = BeadCloud.from_models([archive[name] for name in training_set.structures])
    np.testing.assert_array_equal(training_set.cloud.centroid_angstrom, again.centroid_angstrom)
    assert training_set.cloud.start.tolist() == [0, 60, 120, 180, 240, 300]
    assert read_training_set(training_file).groups == training_set.groups


def test_classes_allow_their_own_groups(training_set: TrainingSet) -> None:
    assert training_set.allowed().tolist() == [[True, True, False], [False, False, True]]


def test_groups_are_drawn_alike_often_and_members_by_their_share(training_set: TrainingSet) -> None:
    rng = np.random.default_rng(1)
    n = 30_000
    representatives = training_set.draw(rng, n, 0.0)
    assert set(representatives.tolist()) == {1, 2, 3}
    members = np.bincount(training_set.draw(rng, n, 1.0), minlength=5) / n
    assert members == pytest.approx([1 / 6, 1 / 6, 1 / 3, 1 / 6, 1 / 6], abs=0.01)
    half = np.bincount(training_set.draw(rng, n, 0.5), minlength=5) / n
    assert half == pytest.approx([1 / 12, 3 / 12, 1 / 3, 3 / 12, 1 / 12], abs=0.01)
