"""Is an explanation true? What an image says as its most relevant pixels are taken away, or put into an empty image.

Deletion and insertion curves (Petsiuk et al., RISE, BMVC 2018). A map that knows where the answer comes from makes the
first fall and the second rise at once, so that the area between them is large; maps that know nothing, or of edges
alone, say what that is worth. And maps of a network whose weights were shuffled (Adebayo et al., Sanity checks for
saliency maps, NeurIPS 2018) must be other ones.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.network.model import ShapeNetwork

__all__ = ["SHUFFLED", "Faithfulness", "faithfulness", "shuffled_network"]

Floats = NDArray[np.float64]

_STEPS = 10

SHUFFLED = ("embedding", "layer4", "layer3", "layer2", "layer1")
"""Parts of the network, from the last to the first, as weights are shuffled one after the other."""


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Areas under the curves of one map: ``deletion`` is good where small, ``insertion`` where large."""

    deletion: float
    insertion: float

    @property
    def between(self) -> float:
        """Insertion less deletion."""
        return self.insertion - self.deletion


def faithfulness(
    value: Callable[[Tensor], Tensor],
    image: Tensor,
    empty: Tensor,
    relevance: Floats,
    where: NDArray[np.bool_],
) -> Faithfulness:
    """Return the areas under the curves of a map (box, box) of an image (box, box).

    ``value`` says how far images (n, box, box) speak for the hit, (n,), on a scale from 0 to 1; pixels are taken from
    ``where`` by their relevance, the most relevant first, and those of ``empty`` put in their place.
    """
    order = np.argsort(-relevance[where], kind="stable")
    place = np.flatnonzero(where)[order]
    rank = np.full(where.size, len(place))
    rank[place] = np.arange(len(place))
    ranks = torch.from_numpy(rank.reshape(where.shape))
    counts = torch.from_numpy(np.linspace(0, len(place), _STEPS + 1).round().astype(np.int64))
    first = ranks[None] < counts[:, None, None]
    rest = torch.from_numpy(where)[None] & ~first
    deleted = torch.where(first, empty, image)
    inserted = torch.where(rest, empty, image)
    curves = value(torch.cat([deleted, inserted])).double().numpy().reshape(2, -1)
    deletion, insertion = np.trapezoid(curves, dx=1 / _STEPS, axis=1).tolist()
    return Faithfulness(deletion, insertion)


def shuffled_network(network: ShapeNetwork, down_to: str, seed: int) -> ShapeNetwork:
    """Return a network with the weights of all parts from the last down to one of `SHUFFLED` in random order.

    Each tensor keeps its values, so that the maps stay of the same size.
    """
    shuffled = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    for name in SHUFFLED[: SHUFFLED.index(down_to) + 1]:
        part = shuffled.embedding if name == "embedding" else shuffled.trunk.get_submodule(name)
        for weights in part.parameters():
            flat = weights.data.flatten()
            order = torch.randperm(len(flat), generator=generator).to(flat.device)
            weights.data = flat[order].reshape(weights.shape)
    return shuffled
