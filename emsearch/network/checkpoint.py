"""Training state on disk, replaced atomically, and the weights that ship."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emsearch.network.model import ShapeNetwork
from emsearch_index.errors import InputError

__all__ = [
    "compact_weights",
    "load_state",
    "load_weights",
    "network_from_weights",
    "save_state",
    "save_weights",
    "start_from",
]


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a training state beside the old one, then put it in its place."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_state(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a training state; tensors and plain values only, never code."""
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state


def compact_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state as it is kept: float16, running statistics float32, no counters."""

    def compact(name: str, value: Tensor) -> Tensor:
        return value if "running_" in name or value.ndim == 0 else value.half()

    return {
        name: compact(name, value.detach().cpu()).contiguous()
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }


def save_weights(path: Path, network: ShapeNetwork) -> None:
    """Write the network as float16 safetensors; running statistics stay float32."""
    from safetensors.torch import save_file

    save_file(compact_weights(network.state_dict()), path)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read float32 weights from safetensors.

    Raises
    ------
    InputError
        The file is not there or is no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path} cannot be read as safetensors ({error}); give a file of weights."
        ) from error


def network_from_weights(weights: dict[str, Tensor]) -> ShapeNetwork:
    """Return the network, ready to embed, whose weights were saved."""
    groups, width = weights["proxies"].shape
    network = ShapeNetwork(groups, width=width, start=False)
    network.load_state_dict(weights, strict=False)
    return network.eval()


def _imagenet() -> dict[str, Tensor]:
    from torchvision.models import ResNet50_Weights

    return dict(ResNet50_Weights.IMAGENET1K_V2.get_state_dict(progress=True))


def start_from(network: ShapeNetwork, pretrained: str) -> None:
    """Load a trunk: "imagenet" (fetched by torchvision), or a safetensors file of torchvision's or our names.

    A first convolution of three channels is summed to one. From a file of ours the embedding, the groups' directions and the
    sketch are taken too, as far as their shapes fit.

    Raises
    ------
    InputError
        The file is no safetensors file, or names or shapes do not fit.
    """
    weights = _imagenet() if pretrained == "imagenet" else load_weights(Path(pretrained))
    trunk = {name.removeprefix("trunk."): value for name, value in weights.items()}
    wanted = network.trunk.state_dict()
    first = trunk.get("conv1.weight")
    if first is not None and first.ndim == 4:
        trunk["conv1.weight"] = first.sum(1, keepdim=True)
    counted = {name for name in wanted if name.endswith("num_batches_tracked")}
    unfit = [n for n in wanted if n not in counted and (n not in trunk or trunk[n].shape != wanted[n].shape)]
    if unfit:
        raise InputError(
            f"{pretrained} does not hold the weights of a ResNet50 ({len(unfit)} missing or of another shape, "
            f"such as {', '.join(unfit[:3])}); give torchvision's resnet50 as safetensors."
        )
    network.trunk.load_state_dict({name: trunk[name] for name in wanted if name in trunk}, strict=False)
    heads = {name: value for name, value in network.state_dict().items() if not name.startswith("trunk.")}
    fitting = {n: weights[n] for n in heads if n in weights and weights[n].shape == heads[n].shape}
    network.load_state_dict(fitting, strict=False)
