from typing import TYPE_CHECKING

import numpy as np
import torch

from emsearch.evaluation.simulated import _STREAM, CRYO, STAIN, draw_images

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


def test_random_numbers_are_not_those_of_training_or_validation() -> None:
    """They draw from (seed, 0, step, rank) and (seed, 1, step, 0); numpy reads a short key as padded with zeros."""
    ours = {str(np.random.default_rng((seed, _STREAM)).bit_generator.state) for seed in range(5)}
    theirs = {
        str(np.random.default_rng((seed, stream, step, 0)).bit_generator.state)
        for seed in range(5)
        for stream in (0, 1)
        for step in range(20)
    }
    assert len(ours) == 5 and not ours & theirs
