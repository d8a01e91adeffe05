"""Class activation maps: which places of the image the network's logits are read from.

Pooled features are a mean over the last maps f_k(x, y), and the head is linear up to the length of the embedding,

    logit_c = (s / |e|) q_c . e,    e = W mean_xy f(x, y) + b,

so that with |e| held at what it is for this image, sum_k w_k f_k(x, y) with w = (s / |e|) W^T q / area is the map of
Zhou et al. (CVPR 2016) and of DeepFeature (Sharma et al., Brief. Bioinform. 22, bbab297, 2021): its sum is the logit but
for the constant (s / |e|) q . b. For a difference of groups q is the difference of their directions.

The last maps of a 64 px image are 2 x 2. Dilated, the same weights are evaluated at every place instead of every 32nd
(a trous: Holschneider et al. 1989; Yu, Koltun and Funkhouser, CVPR 2017), which is the mean over all shifts of the
network's grid. Maps of earlier layers are weighted by gradients: Grad-CAM (Selvaraju et al., ICCV 2017), HiResCAM (Draelos
and Carin, arXiv 2011.08891) and LayerCAM (Jiang et al., IEEE TIP 30:5875, 2021), with both signs.
"""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from emsearch.explanation.network_score import NetworkScore
from emsearch.network.convolution import Convolution
from emsearch.network.model import ShapeNetwork
from emsearch.network.resnet import ResNet50

__all__ = ["GRADIENT_KINDS", "Activation", "activation_map", "dense_network", "gradient_map", "shifted_map"]

Floats = NDArray[np.float64]

GradientKind = Literal["grad-cam", "hires-cam", "layer-cam"]
GRADIENT_KINDS: tuple[GradientKind, ...] = ("grad-cam", "hires-cam", "layer-cam")

_STAGES = 4


@dataclass(frozen=True, slots=True)
class Activation:
    """A class activation map, float64 (h, w), whose sum and ``constant`` are ``read_out``.

    That is the sum of the logits weighted by `NetworkScore.contrast`: a logit over that of the rival, or over the mean of
    those of all others by their share.
    """

    map: Floats
    constant: float
    read_out: float


@torch.no_grad()
def activation_map(score: NetworkScore, image: Tensor) -> Activation:
    """Return the exact map of the last layer for one normalised image (box, box)."""
    network = score.network
    maps = _last_maps(network.trunk, image[None, None].to(network.proxies.device))[0]
    head = network.embedding
    embedding = functional.linear(maps.double().mean((1, 2)), head.weight.double(), head.bias.double())
    proxies = functional.normalize(network.proxies, dim=1).double()
    scale = network.log_scale.exp().clamp(max=64.0).double() / torch.linalg.vector_norm(embedding)
    logits = scale * proxies @ embedding
    weights = score.contrast(logits)
    direction = scale * weights @ proxies
    read = direction @ head.weight.double()
    found = torch.einsum("k,kyx->yx", read, maps.double()) / maps[0].numel()
    return Activation(
        found.cpu().numpy(),
        float(direction @ head.bias.double()),
        float(weights @ logits),
    )


def _last_maps(trunk: ResNet50, images: Tensor) -> Tensor:
    """Return the maps (n, 2048, h, w) that are pooled."""
    found: list[Tensor] = []
    last = trunk.get_submodule(f"layer{_STAGES}")
    hook = last.register_forward_hook(lambda module, inputs, output: found.append(output))
    try:
        trunk(images)
    finally:
        hook.remove()
    return found[0]


def dense_network(network: ShapeNetwork, stages: int = 3) -> ShapeNetwork:
    """Return a network of the same weights whose last stages keep the size of their maps.

    At every second, fourth ... place, counted from the first, the maps are those of the network itself.
    """
    dense = copy.deepcopy(network)
    dilation = 1
    for stage in range(_STAGES - stages + 1, _STAGES + 1):
        blocks = dense.trunk.get_submodule(f"layer{stage}")
        for number, block in enumerate(blocks.children()):
            before = dilation
            for module in block.modules():
                if isinstance(module, Convolution) and module.kernel_size[0] > 1:
                    # The convolution with the stride still reads the neighbours that it always read.
                    strided = module.stride[0] > 1
                    dilation = before * 2 if strided else dilation
                    module.dilation = (before, before) if strided else (dilation, dilation)
                    module.padding = module.dilation
            if number == 0:
                for module in block.modules():
                    if isinstance(module, Convolution):
                        module.stride = (1, 1)
    return dense


def shifted_map(score: NetworkScore, image: Tensor, step_px: int = 4) -> Floats:
    """Return the mean of exact maps (box, box) over shifts of the image within the last layer's grid, moved back."""
    box = image.shape[-1]
    total = np.zeros((box, box))
    shifts = range(-(box // 4), box // 4, step_px)
    for down in shifts:
        for right in shifts:
            moved = _shift(image, down, right)
            coarse = torch.from_numpy(activation_map(score, moved).map)
            fine = functional.interpolate(coarse[None, None], (box, box), mode="bilinear")[0, 0]
            total += _shift(fine, -down, -right).numpy()
    area = (box / coarse.shape[-1]) ** 2
    return np.asarray(total / len(shifts) ** 2 / area)


def _shift(image: Tensor, down: int, right: int) -> Tensor:
    """Move an image (h, w); nothing comes in over the edge."""
    moved = torch.zeros_like(image)
    height, width = image.shape
    rows, columns = max(0, height - abs(down)), max(0, width - abs(right))
    to, away = max(0, down), max(0, -down)
    along, back = max(0, right), max(0, -right)
    moved[to : to + rows, along : along + columns] = image[away : away + rows, back : back + columns]
    return moved


def gradient_map(score: NetworkScore, image: Tensor, stage: int, kind: GradientKind) -> Floats:
    """Return the map (h, w) of the output of a stage, 1 to 4, weighted by the gradient of the log-odds."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        found.append(output.detach().requires_grad_())
        return found[0].clone()  # the blocks that follow write into what they are given

    hook = score.network.trunk.get_submodule(f"layer{stage}").register_forward_hook(keep)
    try:
        with torch.enable_grad():
            asked = score.differentiable(image[None].to(score.network.proxies.device))
            (gradient,) = torch.autograd.grad(asked.sum(), found[0])
    finally:
        hook.remove()
    maps, gradient = found[0][0].detach().double(), gradient[0].double()
    weights = {
        "grad-cam": gradient.mean((1, 2), keepdim=True).expand_as(gradient),
        "hires-cam": gradient,
        "layer-cam": gradient.clamp_min(0),
    }[kind]
    return np.asarray((weights * maps).sum(0).cpu().numpy())
