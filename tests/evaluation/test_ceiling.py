from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from emsearch.evaluation.ceiling import EXHAUSTIVE, Ceiling, ceiling_scores
from emsearch.evaluation.simulated import STAIN, SimulatedImages, draw_images

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

QUICK = replace(EXHAUSTIVE, nside=4, fills=(1.0, 0.6), shift_step_px=2.25, angles=48)


@pytest.fixture(scope="module")
def eight_images(pooling_index: "SearchIndex") -> SimulatedImages:
    return draw_images(pooling_index, range(5), STAIN, 8, seed=0, snr=5.0)


@pytest.fixture(scope="module")
def ceiling(pooling_index: "SearchIndex", eight_images: SimulatedImages) -> Ceiling:
    names = [group.representative for group in pooling_index.groups]
    pixel = eight_images.pixel_size_angstrom
    return ceiling_scores(pooling_index, eight_images.images, pixel, names, settings=QUICK)


def test_exhaustive_matching_finds_the_right_structure(
    ceiling: Ceiling, eight_images: SimulatedImages
) -> None:
    for score in (ceiling.correlation, ceiling.likelihood):
        assert score.shape == (8, 5)
        assert np.mean(score.argmax(1) == eight_images.group) >= 0.75
    assert ((ceiling.correlation > 0) & (ceiling.correlation < 1)).all()
    assert ceiling.seconds_per_image > 0


def test_structures_are_scored_alone(
    pooling_index: "SearchIndex", eight_images: SimulatedImages, ceiling: Ceiling
) -> None:
    pixel = eight_images.pixel_size_angstrom[:2]
    alone = ceiling_scores(pooling_index, eight_images.images[:2], pixel, ["blob3"], settings=QUICK)
    np.testing.assert_allclose(alone.correlation[:, 0], ceiling.correlation[:2, 3], rtol=1e-5)
    np.testing.assert_allclose(alone.likelihood[:, 0], ceiling.likelihood[:2, 3], rtol=1e-4)
