from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.search import contrast
from emsearch.search.contrast import decide_contrast, middle_over_rim
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PIXEL, SIDE, COUNT = 4.5, 64, 40


def noisy(simulator: Simulator, snr: float, shift_angstrom: float = 0.0) -> Tensor:
    rng = np.random.default_rng(2)
    structure = np.arange(COUNT) % len(simulator.cloud)
    parameters = clean_parameters(random_quaternions(rng, COUNT)).with_values(
        snr=snr, shift_angstrom=shift_angstrom
    )
    shot = simulator.micrographs(structure, parameters, np.full(COUNT, PIXEL), SIDE, 3)
    return shot.micrographs


def test_one_image_in_noise_shows_its_sign(pooling_index: "SearchIndex", blob_simulator: Simulator) -> None:
    images = noisy(blob_simulator, 0.3)
    bright = [decide_contrast(pooling_index, image[None], PIXEL, "auto") for image in images]
    dark = [decide_contrast(pooling_index, -image[None], PIXEL, "auto") for image in images]
    assert bright.count("bright") >= COUNT - 2 and dark.count("dark") >= COUNT - 2


def test_many_images_show_it_in_any_noise(pooling_index: "SearchIndex", blob_simulator: Simulator) -> None:
    images = noisy(blob_simulator, 0.03)
    assert decide_contrast(pooling_index, 7 * images + 100, PIXEL, "auto") == "bright"
    assert decide_contrast(pooling_index, 100 - 7 * images, PIXEL, "auto") == "dark"
    assert middle_over_rim(images) == pytest.approx(-middle_over_rim(-images))


def test_a_flat_rim_is_no_division_by_nothing(blob_simulator: Simulator) -> None:
    image = torch.zeros(1, SIDE, SIDE)
    image[:, 28:36, 28:36] = 1.0
    assert middle_over_rim(image) > 0 > middle_over_rim(-image)
    assert middle_over_rim(torch.zeros(1, SIDE, SIDE)) == 0


def test_the_network_decides_where_the_middle_says_nothing(
    pooling_index: "SearchIndex", monkeypatch: pytest.MonkeyPatch, blob_simulator: Simulator
) -> None:
    images = noisy(blob_simulator, 5.0)
    monkeypatch.setattr(contrast, "middle_over_rim", lambda images: 0.02)
    monkeypatch.setattr(contrast, "_certainty", lambda index, images, pixel: float(images.mean()))
    assert decide_contrast(pooling_index, images + 1, PIXEL, "auto") == "bright"
    assert decide_contrast(pooling_index, images - 1, PIXEL, "auto") == "dark"


def test_what_is_told_is_not_asked(pooling_index: "SearchIndex", blob_simulator: Simulator) -> None:
    images = noisy(blob_simulator, 5.0)
    assert decide_contrast(pooling_index, images, PIXEL, "dark") == "dark"
    with pytest.raises(UsageError, match="found contrast 'grey'"):
        decide_contrast(pooling_index, images, PIXEL, "grey")
