from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import resnet50

from emsearch.network.checkpoint import (
    load_state,
    load_weights,
    network_from_weights,
    save_state,
    save_weights,
    start_from,
)
from emsearch.network.model import ShapeNetwork
from emsearch_index.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture
def network() -> ShapeNetwork:
    torch.manual_seed(3)
    return ShapeNetwork(4, width=16)


def test_weights_come_back_from_safetensors(network: ShapeNetwork, tmp_path: Path) -> None:
    network.train()
    network.trunk(torch.randn(4, 1, 32, 32))  # running statistics away from their start
    path = tmp_path / "weights.safetensors"
    save_weights(path, network.eval())
    again = network_from_weights(load_weights(path))
    assert not again.training
    for name, value in network.state_dict().items():
        if "running_" in name:
            assert torch.equal(again.state_dict()[name], value), name
        elif not name.endswith("num_batches_tracked"):
            assert again.state_dict()[name].dtype == torch.float32
            torch.testing.assert_close(again.state_dict()[name], value, atol=1e-6, rtol=1e-3)
    images = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        cosine = (network.embed(images) * again.embed(images)).sum(1)
    assert float(cosine.min()) > 0.9999


def test_a_state_replaces_the_one_before_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"step": 1, "network": {"a": torch.ones(2)}})
    save_state(path, {"step": 2, "network": {"a": torch.zeros(2)}})
    state = load_state(path, CPU)
    assert state["step"] == 2
    assert torch.equal(state["network"]["a"], torch.zeros(2))
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def torchvision_weights() -> dict[str, Tensor]:
    torch.manual_seed(4)
    return {name: value.clone() for name, value in resnet50(weights=None).state_dict().items()}


def test_a_network_starts_from_torchvisions_weights(network: ShapeNetwork, tmp_path: Path) -> None:
    weights = torchvision_weights()
    save_file(weights, tmp_path / "resnet50.safetensors")
    start_from(network, str(tmp_path / "resnet50.safetensors"))
    trunk = network.trunk.state_dict()
    torch.testing.assert_close(trunk["conv1.weight"], weights["conv1.weight"].sum(1, keepdim=True))
    assert torch.equal(trunk["layer4.2.conv3.weight"], weights["layer4.2.conv3.weight"])
    assert torch.equal(
        trunk["layer1.0.downsample.1.running_var"], weights["layer1.0.downsample.1.running_var"]
    )


def test_a_network_starts_from_our_own_weights(network: ShapeNetwork, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, network)
    other = ShapeNetwork(9, width=8)
    before = other.embedding.weight.clone()
    start_from(other, str(path))
    torch.testing.assert_close(other.trunk.conv1.weight, network.trunk.conv1.weight, atol=1e-4, rtol=1e-3)
    assert torch.equal(other.embedding.weight, before)


def test_weights_of_another_network_are_refused(network: ShapeNetwork, tmp_path: Path) -> None:
    before = network.trunk.state_dict()["conv1.weight"].clone()
    path = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="does not hold the weights of a ResNet50"):
        start_from(network, str(path))
    weights = torchvision_weights()
    weights["layer3.4.conv2.weight"] = torch.zeros(8, 8, 3, 3)
    save_file(weights, path)
    with pytest.raises(
        InputError, match=r"\(1 missing or of another shape, such as layer3\.4\.conv2\.weight"
    ):
        start_from(network, str(path))
    weights["conv1.weight"] = torch.zeros(64)
    save_file(weights, path)
    with pytest.raises(InputError, match=r"such as conv1\.weight, layer3\.4\.conv2\.weight"):
        start_from(network, str(path))
    assert torch.equal(network.trunk.state_dict()["conv1.weight"], before)


def test_a_file_that_is_no_safetensors_is_refused(network: ShapeNetwork, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match="cannot be read"):
        start_from(network, str(path))
    path.write_bytes(b"PK\x03\x04 this is a pickle of torch")
    with pytest.raises(InputError, match="cannot be read"):
        start_from(network, str(path))
