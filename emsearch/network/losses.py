"""The training loss."""

import torch
from torch import Tensor

__all__ = ["group_loss"]


def group_loss(logits: Tensor, group: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross-entropy with label smoothing over the groups of each image's own size class.

    Szegedy et al., CVPR 2016. ``logits`` (n, G), ``group`` int64 (n,), ``allowed`` bool (n, G).
    """
    log_p = torch.log_softmax(logits.masked_fill(~allowed, -torch.inf), dim=1)
    truth = log_p.gather(1, group[:, None])[:, 0]
    spread = log_p.masked_fill(~allowed, 0.0).sum(1) / allowed.sum(1)
    return -((1 - smoothing) * truth + smoothing * spread).mean()
