import numpy as np
import pytest
import torch

from emsearch.denoising.pairs import draw_pairs, without
from emsearch.imaging.parameters import ParameterRanges
from emsearch.imaging.simulate import Simulator
from emsearch.network.training_set import TrainingSet
from emsearch_index.errors import UsageError

CLEAR = ParameterRanges(
    stained_share=1.0,
    full_share=1.0,
    log_snr=(1e6, 1e7),
    resolution_angstrom=(20.0, 20.0),
    rim=(0.0, 0.0),
    gradient=(0.0, 0.0),
    stain_defocus_share=0.0,
    neighbour_share=0.0,
)


def test_what_needs_no_denoising_is_its_own_target(few: TrainingSet) -> None:
    pairs = draw_pairs(
        few, Simulator(few.cloud), CLEAR, n=6, member_share=0.5, empty_share=0.0, key=(0, 0, 0)
    )
    assert pairs.images.shape == pairs.targets.shape == (6, 1, 32, 32)
    torch.testing.assert_close(pairs.images, pairs.targets, atol=0.02, rtol=0)


def test_the_key_decides_and_noise_alone_has_an_empty_target(few: TrainingSet) -> None:
    simulator = Simulator(few.cloud)
    ranges = ParameterRanges()
    first, again, other = (
        draw_pairs(few, simulator, ranges, n=4, member_share=0.5, empty_share=1.0, key=(0, 0, step))
        for step in (0, 0, 1)
    )
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    assert not first.targets.any()


def test_groups_left_out_are_never_drawn(few: TrainingSet) -> None:
    left = without(few, ["blob1"])
    assert left.groups == ("G1",)
    drawn = left.draw(np.random.default_rng(0), 50, 1.0)
    assert set(drawn.tolist()) == {2}
    with pytest.raises(UsageError, match="'blob9' is to be left out"):
        without(few, ["blob9"])
    with pytest.raises(UsageError, match="all 2 groups"):
        without(few, ["G0", "G1"])
