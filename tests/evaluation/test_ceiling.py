from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from torch import Tensor

from emsearch.evaluation.ceiling import EXHAUSTIVE, Ceiling, ceiling_scores
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

QUICK = replace(EXHAUSTIVE, nside=4, fills=(1.0, 0.6), shift_step_px=2.25, angles=48)
PIXEL, COUNT = 4.5, 10


@pytest.fixture(scope="module")
def ten_images(pooling_index: "SearchIndex") -> Tensor:
    """Two of each structure, anyhow turned."""
    structure = np.arange(COUNT) % 5
    parameters = clean_parameters(random_quaternions(np.random.default_rng(0), COUNT), fill=0.9)
    simulator = pooling_index.simulator(pooling_index.structures)
    pixel = np.full(COUNT, PIXEL)
    return simulator.micrographs(structure, parameters.with_values(snr=5.0), pixel, 64, 0).micrographs


def scored(index: "SearchIndex", images: Tensor, names: list[str]) -> Ceiling:
    pixel = np.full(len(images), PIXEL)
    return ceiling_scores(index.library, images, pixel, names, box_px=64, settings=QUICK)


@pytest.fixture(scope="module")
def ceiling(pooling_index: "SearchIndex", ten_images: Tensor) -> Ceiling:
    return scored(pooling_index, ten_images, pooling_index.structures)


def test_exhaustive_matching_finds_the_right_structure(ceiling: Ceiling) -> None:
    for score in (ceiling.correlation, ceiling.likelihood):
        assert score.shape == (COUNT, 5)
        assert np.mean(score.argmax(1) == np.arange(COUNT) % 5) >= 0.9
    assert ((ceiling.correlation > 0) & (ceiling.correlation < 1)).all()
    assert ceiling.seconds_per_image > 0


def test_structures_are_scored_alone(
    pooling_index: "SearchIndex", ten_images: Tensor, ceiling: Ceiling
) -> None:
    alone = scored(pooling_index, ten_images[:2], ["blob3"])
    np.testing.assert_allclose(alone.correlation[:, 0], ceiling.correlation[:2, 3], rtol=1e-5)
    np.testing.assert_allclose(alone.likelihood[:, 0], ceiling.likelihood[:2, 3], rtol=1e-4)
