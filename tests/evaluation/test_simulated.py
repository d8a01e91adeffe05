from typing import TYPE_CHECKING

import numpy as np
import torch

from emsearch.evaluation.simulated import CRYO, STAIN, draw_images
from emsearch.imaging.parameters import ParameterRanges
from emsearch.imaging.rotations import random_quaternions

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def test_the_seed_alone_decides(pooling_index: "SearchIndex") -> None:
    first, again = (draw_images(pooling_index, range(5), STAIN, 6, seed=4) for _ in range(2))
    other = draw_images(pooling_index, range(5), STAIN, 6, seed=5)
    assert torch.equal(first.images, again.images)
    assert first.group.tolist() == again.group.tolist()
    assert not torch.equal(first.images, other.images)
    assert not np.allclose(first.parameters.quaternion, other.parameters.quaternion)


def test_noise_levels_share_everything_but_the_noise(pooling_index: "SearchIndex") -> None:
    loud, quiet = (draw_images(pooling_index, range(5), STAIN, 6, seed=4, snr=snr) for snr in (0.1, 10.0))
    assert set(loud.parameters.snr.tolist()) == {np.float32(0.1)}
    np.testing.assert_array_equal(loud.parameters.quaternion, quiet.parameters.quaternion)
    np.testing.assert_array_equal(loud.parameters.fill, quiet.parameters.fill)
    assert loud.group.tolist() == quiet.group.tolist()
    assert not torch.equal(loud.images, quiet.images)


def test_only_the_groups_asked_for_at_their_class_pixel_size(pooling_index: "SearchIndex") -> None:
    drawn = draw_images(pooling_index, [1, 3], STAIN, 40, seed=0)
    assert set(drawn.group.tolist()) == {1, 3}
    assert drawn.images.shape == (40, 64, 64)
    assert set(drawn.pixel_size_angstrom.tolist()) == {4.5}


def test_stain_and_ice(pooling_index: "SearchIndex") -> None:
    assert draw_images(pooling_index, range(5), STAIN, 30, seed=0).parameters.stained.all()
    ice = draw_images(pooling_index, range(5), CRYO, 30, seed=0).parameters
    assert not ice.stained.any()
    assert 0 < (ice.voltage_kv > 0).mean() < 1


def test_directions_are_not_those_of_training_or_validation(pooling_index: "SearchIndex") -> None:
    """Training draws from (seed, 0, step, rank), validation from (seed, 1, step, 0); equal seeds must not meet."""
    tested = draw_images(pooling_index, range(5), ParameterRanges(), 30, seed=0).parameters.quaternion
    for stream in (0, 1):
        for step in range(20):
            rng = np.random.default_rng((0, stream, step, 0))
            from_the_start = random_quaternions(rng, 64).astype(np.float32)
            assert np.abs(tested @ from_the_start.T).max() < 0.9999
    used = np.random.default_rng((0, 7_777_777)).bit_generator.state
    assert all(np.random.default_rng((0, s, 0, 0)).bit_generator.state != used for s in (0, 1))
