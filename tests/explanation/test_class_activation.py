"""Class activation maps: what they sum to, and what the dilated network shares with the plain one."""

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.explanation.class_activation import (
    GRADIENT_KINDS,
    _last_maps,
    activation_map,
    dense_network,
    gradient_map,
    shifted_map,
)
from emsearch.explanation.network_score import NetworkScore
from emsearch.network.model import ShapeNetwork

BOX, GROUPS = 64, 5


@pytest.fixture(scope="module")
def network() -> ShapeNetwork:
    torch.manual_seed(3)
    made = ShapeNetwork(GROUPS, width=16)
    for module in made.trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)  # else no block adds anything
    return made.eval()


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.randn(BOX, BOX, generator=torch.Generator().manual_seed(1))


def score_of(network: ShapeNetwork, rival: int | None) -> NetworkScore:
    allowed = torch.tensor([True, True, True, True, False])
    return NetworkScore(network, 2, rival, allowed)


@pytest.mark.parametrize("rival", [None, 0])
def test_the_sum_and_the_constant_are_the_logit(
    network: ShapeNetwork, image: Tensor, rival: int | None
) -> None:
    score = score_of(network, rival)
    found = activation_map(score, image)
    with torch.no_grad():
        logits = network(image[None, None])[0][0]
    assert found.map.shape == (2, 2)
    assert found.map.sum() + found.constant == pytest.approx(found.read_out, abs=1e-9)
    assert found.read_out == pytest.approx(float(score.contrast(logits) @ logits), abs=1e-5)
    if rival is not None:
        assert found.read_out == pytest.approx(float(logits[2] - logits[0]), abs=1e-5)
        swapped = activation_map(NetworkScore(network, 0, 2, score.allowed), image)
        np.testing.assert_allclose(swapped.map, -found.map, atol=1e-9)


def test_the_log_odds_are_over_the_groups_of_the_class(network: ShapeNetwork, image: Tensor) -> None:
    with torch.no_grad():
        logits = network(image[None, None])[0]
    share = torch.softmax(logits[0, :4], 0)[2]
    odds = score_of(network, None)(image[None])
    assert float(odds) == pytest.approx(float(torch.log(share / (1 - share))), abs=1e-5)
    assert float(score_of(network, 0)(image[None])) == pytest.approx(
        float(logits[0, 2] - logits[0, 0]), abs=1e-5
    )


@pytest.mark.parametrize("stages", [1, 3])
def test_the_dense_maps_hold_those_of_the_network(network: ShapeNetwork, image: Tensor, stages: int) -> None:
    with torch.no_grad():
        plain = _last_maps(network.trunk, image[None, None])
        dense = _last_maps(dense_network(network, stages).trunk, image[None, None])
    step = 2**stages
    assert dense.shape[-1] == plain.shape[-1] * step
    torch.testing.assert_close(dense[..., ::step, ::step], plain, rtol=1e-3, atol=1e-4)


def test_the_dense_map_sums_to_the_logit_of_the_dense_network(network: ShapeNetwork, image: Tensor) -> None:
    dense = dense_network(network)
    found = activation_map(score_of(dense, 0), image)
    assert found.map.shape == (16, 16)
    assert found.map.sum() + found.constant == pytest.approx(float(score_of(dense, 0)(image[None])), abs=1e-4)


def test_at_the_last_layer_the_gradient_reads_what_the_odds_change_by(
    network: ShapeNetwork, image: Tensor
) -> None:
    # The part of the embedding along itself changes its length alone, which the odds do not feel.
    score = score_of(network, 0)
    hires = gradient_map(score, image, 4, "hires-cam")
    grad = gradient_map(score, image, 4, "grad-cam")
    np.testing.assert_allclose(hires, grad, rtol=1e-4, atol=1e-6)  # pooled: the same gradient everywhere
    with torch.no_grad():
        features = network.trunk(image[None, None])
        here = score.of_features(features)
        more = score.of_features(features * 1.001)
    assert hires.sum() == pytest.approx(float(more - here) / 0.001, abs=2e-2)


def test_maps_of_earlier_layers_are_finer(network: ShapeNetwork, image: Tensor) -> None:
    for stage, side, kind in zip((1, 2, 3), (16, 8, 4), GRADIENT_KINDS, strict=True):
        found = gradient_map(score_of(network, None), image, stage, kind)
        assert found.shape == (side, side) and np.isfinite(found).all() and np.ptp(found) > 0


def test_shifts_are_moved_back(network: ShapeNetwork, image: Tensor) -> None:
    found = shifted_map(score_of(network, 0), image, step_px=16)
    assert found.shape == (BOX, BOX) and np.isfinite(found).all()
