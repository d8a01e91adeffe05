"""Curves of deletion and insertion, shuffled weights, and maps compared."""

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.explanation.faithfulness import SHUFFLED, faithfulness, shuffled_network
from emsearch.explanation.maps import (
    disc_mask,
    edge_map,
    localisation,
    random_map,
    rank_correlation,
    smoothed,
)
from emsearch.network.model import ShapeNetwork

BOX = 16
EVERYWHERE = np.ones((BOX, BOX), np.bool_)


def corner(images: Tensor) -> Tensor:
    return torch.sigmoid(images[:, :4, :4].sum((1, 2)) - 8)


def test_the_true_map_beats_a_random_and_a_false_one() -> None:
    image, empty = torch.ones(BOX, BOX), torch.zeros(BOX, BOX)
    truth = np.zeros((BOX, BOX))
    truth[:4, :4] = 1
    good, bad = (faithfulness(corner, image, empty, m, EVERYWHERE) for m in (truth, -truth))
    chance = faithfulness(corner, image, empty, random_map(BOX, 0.5, 0), EVERYWHERE)
    assert good.between > 0.8 > chance.between > -0.5 > bad.between
    assert good.deletion < 0.1 and good.insertion > 0.9
    assert good.between == pytest.approx(-bad.between, abs=0.1)


def test_pixels_elsewhere_stay() -> None:
    image, empty = torch.ones(BOX, BOX), torch.zeros(BOX, BOX)
    where = EVERYWHERE.copy()
    where[:4, :4] = False
    found = faithfulness(corner, image, empty, np.zeros((BOX, BOX)), where)
    assert found.deletion == found.insertion == pytest.approx(1 / (1 + np.exp(-8)))


def test_shuffling_goes_from_the_last_part_down() -> None:
    network = ShapeNetwork(3, width=8).eval()
    before = torch.get_rng_state()
    shuffled = shuffled_network(network, "layer4", seed=1)
    assert torch.equal(before, torch.get_rng_state())
    same = {
        name.removeprefix("trunk.").split(".")[0]: torch.equal(value, network.state_dict()[name])
        for name, value in shuffled.state_dict().items()
        if name.endswith("conv2.weight") or name in ("embedding.weight", "proxies")
    }
    assert same == {
        "layer1": True,
        "layer2": True,
        "layer3": True,
        "layer4": False,
        "embedding": False,
        "proxies": True,
    }
    kept, moved = network.embedding.weight.detach(), shuffled.embedding.weight.detach()
    assert torch.equal(kept.flatten().sort().values, moved.flatten().sort().values)
    assert SHUFFLED[0] == "embedding"


def test_maps_are_compared_by_rank() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(BOX, BOX))
    where = disc_mask(BOX, 6)
    assert rank_correlation(a, np.exp(a), where) == pytest.approx(1)
    assert rank_correlation(a, -a, where) == pytest.approx(-1)
    assert rank_correlation(a, np.zeros_like(a), where) == 0
    assert np.isnan(localisation(a, where, where))
    assert smoothed(a, 2.0).sum() == pytest.approx(a.sum())
    step = np.zeros((BOX, BOX))
    step[:, BOX // 2 :] = 1
    assert edge_map(step)[:, BOX // 2].mean() > 10 * edge_map(step)[:, 0].mean()
