"""The shape network: ResNet50 features, an embedding on the sphere, and a classifier over shape groups."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emsearch.network.resnet import FEATURES, ResNet50

__all__ = ["SKETCH_PX", "ShapeNetwork"]

SKETCH_PX = 16
"""Side of the sketch of the noise-free projection that the network is also asked for in training."""


class ShapeNetwork(nn.Module):
    """Images (n, 1, box, box) to unit embeddings (n, width) and logits over groups (n, groups).

    The classifier is a cosine one: each group has a direction on the sphere, and the logit is the cosine times
    a learned scale (Wang et al., NormFace, ACM MM 2017), so that what separates groups also orders neighbours
    in the index. Without ``start`` no weights are drawn for the trunk: it is a quarter of a second for a network whose
    weights are read.
    """

    def __init__(self, groups: int, *, width: int = 128, dropout: float = 0.1, start: bool = True) -> None:
        super().__init__()
        self.trunk = ResNet50(start=start)
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(FEATURES, width)
        self.proxies = nn.Parameter(functional.normalize(torch.randn(groups, width), dim=1))
        self.log_scale = nn.Parameter(torch.tensor(16.0).log())
        self.sketch = nn.Linear(FEATURES, SKETCH_PX**2)

    def embed(self, images: Tensor) -> Tensor:
        """Return unit embeddings, float32 (n, width)."""
        return self.embed_features(self.trunk(images))

    def embed_features(self, features: Tensor) -> Tensor:
        """Return unit embeddings, float32 (n, width), of pooled features (n, FEATURES)."""
        return functional.normalize(self.embedding(self.dropout(features)).float(), dim=1)

    def classify(self, embedding: Tensor) -> Tensor:
        """Return logits over groups, float32 (n, groups), of unit embeddings (n, width)."""
        scale = self.log_scale.exp().clamp(max=64.0)
        return scale * embedding @ functional.normalize(self.proxies, dim=1).T

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits over groups (n, groups) and a sketch of the noise-free projection (n, 256).

        The sketch is for training only: it teaches the features what stands in the image, hundreds of numbers
        for each image where the group alone tells eight bits.
        """
        features = self.trunk(images)
        return self.classify(self.embed_features(features)), self.sketch(features)
