from collections.abc import Callable
from typing import Any

import pytest
import torch

from emsearch.imaging.parameters import ParameterRanges
from emsearch.imaging.simulate import Simulator
from emsearch.network.batches import Batch, draw_batch
from emsearch.network.training_set import TrainingSet

Draw = Callable[..., Batch]


@pytest.fixture(scope="module")
def draw(training_set: TrainingSet) -> Draw:
    simulator = Simulator(training_set.cloud)

    def draw_one(*key: int, n: int = 16, box_px: int = 32) -> Batch:
        return draw_batch(
            training_set, simulator, ParameterRanges(), n=n, box_px=box_px, member_share=0.5, key=key
        )

    return draw_one


def test_the_key_decides_the_batch(draw: Draw) -> None:
    one, again = draw(0, 0, 7, 0), draw(0, 0, 7, 0)
    for name in Batch.__slots__:
        assert torch.equal(getattr(one, name), getattr(again, name)), name


@pytest.mark.parametrize("other", [(1, 0, 7, 0), (0, 1, 7, 0), (0, 0, 8, 0), (0, 0, 7, 1)])
def test_seed_stream_step_and_rank_each_change_it(draw: Draw, other: tuple[int, ...]) -> None:
    assert not torch.allclose(draw(0, 0, 7, 0).images, draw(*other).images, atol=0.1)


@pytest.mark.parametrize("box_px", [24, 32])
def test_a_batch_is_what_the_network_takes(draw: Draw, training_set: TrainingSet, box_px: int) -> None:
    batch = draw(0, 0, 1, 0, n=40, box_px=box_px)
    assert batch.images.shape == (40, 1, box_px, box_px)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert bool(torch.isfinite(batch.images).all())
    expected = torch.from_numpy(training_set.class_of_group)[batch.group]
    assert torch.equal(batch.size_class, expected)
    assert set(batch.group.tolist()) == {0, 1, 2}
    assert batch.sketch.shape == (40, 256)
    torch.testing.assert_close(batch.sketch.mean(1), torch.zeros(40), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.sketch.square().mean(1), torch.ones(40))


def test_a_smaller_box_shows_the_same_field(training_set: TrainingSet) -> None:
    ranges = ParameterRanges(log_snr=(1e6, 2e6), gradient=(0.0, 0.0))
    simulator = Simulator(training_set.cloud)

    def sketch(box_px: int) -> torch.Tensor:
        arguments: dict[str, Any] = {"n": 24, "box_px": box_px, "member_share": 0.5, "key": (3, 0, 0, 0)}
        return draw_batch(training_set, simulator, ranges, **arguments).sketch

    agreement = (sketch(32) * sketch(64)).mean(1)
    assert float(agreement.min()) > 0.9
    assert float(agreement.median()) > 0.98


def test_the_simulator_draws_the_structure_that_was_asked_for(draw: Draw, training_set: TrainingSet) -> None:
    batch = draw(0, 0, 2, 0, n=200)
    spread = batch.sketch.reshape(-1, 16, 16)
    axis = torch.arange(16) - 7.5
    bright = spread.clamp_min(0)
    size = (bright * (axis[:, None] ** 2 + axis**2)).sum((1, 2)) / bright.sum((1, 2))
    pixel = torch.from_numpy(training_set.pixel_size_angstrom)[batch.size_class]
    angstrom = size.sqrt() * pixel
    assert float(angstrom[batch.group == 2].mean()) > 1.5 * float(angstrom[batch.group == 0].mean())
