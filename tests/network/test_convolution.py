"""Convolutions as matrix products, against torch's own."""

import pytest
import torch
from torch import Tensor, nn

from emsearch.network.convolution import Convolution


def _both(side: int, stride: int, map_px: int) -> tuple[Convolution, nn.Conv2d, Tensor]:
    torch.manual_seed(0)
    ours = Convolution(6, 10, side, stride)
    plain = nn.Conv2d(6, 10, side, stride, padding=side // 2, bias=False)
    ours.load_state_dict(plain.state_dict())
    return ours, plain, torch.randn(5, 6, map_px, map_px)


@pytest.mark.parametrize("map_px", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize(("side", "stride"), [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)])
def test_maps_and_gradients_are_those_of_a_convolution(side: int, stride: int, map_px: int) -> None:
    ours, plain, maps = _both(side, stride, map_px)
    results = []
    for layer in (ours, plain):
        seen = maps.clone().requires_grad_()
        out = layer(seen)
        out.square().sum().backward()
        results.append((out, seen.grad, layer.weight.grad))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_layer_keeps_the_memory_layout_that_it_is_given() -> None:
    ours, _, maps = _both(1, 1, 4)
    out = ours(maps.contiguous(memory_format=torch.channels_last))
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_inference_gives_the_same_maps_as_training() -> None:
    ours, _, maps = _both(3, 2, 4)
    with torch.inference_mode():
        still = ours(maps)
    torch.testing.assert_close(still, ours(maps).detach())
