"""What is asked of the network: how far it puts a group before another, or before all others of the size class."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from emsearch.network.model import ShapeNetwork

__all__ = ["NetworkScore"]

_TOGETHER = 64  # images


@dataclass(frozen=True, slots=True, eq=False)
class NetworkScore:
    """The log-odds of group ``hit`` in images that a network sees: over ``rival``, or over all others that are ``allowed``.

    Both are numbers of groups; ``allowed`` bool (groups,) are those of the size class.
    """

    network: ShapeNetwork
    hit: int
    rival: int | None
    allowed: Tensor

    def with_network(self, network: ShapeNetwork) -> "NetworkScore":
        """Return the same question to another network."""
        return replace(self, network=network)

    def of_logits(self, logits: Tensor) -> Tensor:
        """Return the log-odds (n,) of logits (n, groups)."""
        others = logits.masked_fill(~self._others(logits.device), -torch.inf)
        return logits[:, self.hit] - torch.logsumexp(others, dim=1)

    def of_features(self, features: Tensor) -> Tensor:
        """Return the log-odds (n,) of pooled features (n, 2048)."""
        embedding = torch.nn.functional.normalize(self.network.embedding(features).float(), dim=1)
        return self.of_logits(self.network.classify(embedding))

    def differentiable(self, images: Tensor) -> Tensor:
        """Return the log-odds (n,) of normalised images (n, box, box), in float32 and with their gradient."""
        return self.of_features(self.network.trunk(images[:, None]))

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return the log-odds (n,) of normalised images (n, box, box)."""
        device = self.network.proxies.device
        return torch.cat([self.differentiable(some.to(device)).cpu() for some in images.split(_TOGETHER)])

    def chance(self, images: Tensor) -> Tensor:
        """Return the probability (n,) of the hit among all that it is compared with."""
        return torch.sigmoid(self(images).double())

    def contrast(self, logits: Tensor) -> Tensor:
        """Return weights (groups,) of the logits, of sum zero: their gradient at the logits (groups,) of an image.

        One for the hit, and minus one for the rival, or for all others together, each by its share of them.
        """
        others = logits.masked_fill(~self._others(logits.device), -torch.inf)
        weights = -torch.softmax(others, dim=0)
        weights[self.hit] += 1
        return weights

    def _others(self, device: torch.device) -> Tensor:
        chosen = self.allowed.to(device).clone()
        if self.rival is not None:
            chosen[:] = False
            chosen[self.rival] = True
        chosen[self.hit] = False
        return chosen
