"""Our ResNet50 against torchvision's, same weights."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from emsearch.network.resnet import FEATURES, ResNet50


@pytest.fixture(scope="module")
def pair() -> tuple[ResNet50, nn.Module]:
    torch.manual_seed(1)
    theirs = resnet50(weights=None)
    theirs.fc = nn.Identity()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.uniform_(module.weight, 0.3, 0.9)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.normal_(module.bias, std=0.1)
    weights = dict(theirs.state_dict())
    weights["conv1.weight"] = weights["conv1.weight"].sum(1, keepdim=True)
    ours = ResNet50()
    ours.load_state_dict(weights)
    return ours.eval(), theirs.eval()


@pytest.mark.parametrize("box", [32, 64])
def test_features_are_those_of_torchvision(pair: tuple[ResNet50, nn.Module], box: int) -> None:
    ours, theirs = pair
    images = torch.randn(2, 1, box, box, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        mine, expected = ours(images), theirs(images.expand(-1, 3, -1, -1))
    assert mine.shape == (2, FEATURES)
    assert float(expected.std()) > 0.01
    torch.testing.assert_close(mine, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)


def test_a_block_starts_as_its_skip() -> None:
    block = ResNet50().get_submodule("layer2.1").eval()
    x = torch.randn(1, 512, 4, 4).relu()
    with torch.no_grad():
        torch.testing.assert_close(block(x), x)
