"""The one normalisation that simulated and real images share.

Inside the circle that fits the box: the best plane is taken away and the rest scaled to unit variance; outside it a soft
edge takes the image to zero, so that turning the image loses nothing.
"""

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["disc", "normalise"]

_EDGE_PX = 2.0


@lru_cache(maxsize=16)
def _plane_basis(box_px: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the soft disc (box, box) and an orthonormal basis (3, box * box) of planes over it."""
    axis = torch.arange(box_px, device=device, dtype=torch.float32) - box_px // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    soft = ((box_px / 2 - torch.hypot(x, y)) / _EDGE_PX).clamp(0, 1)
    planes = torch.stack([torch.ones_like(x), x, y]).reshape(3, -1).double() * soft.reshape(-1)
    basis = torch.linalg.qr(planes.T)[0].T
    return soft, basis.float()


def normalise(images: Tensor) -> Tensor:
    """Return float32 images (n, box, box) without their plane, of unit variance in the disc, zero outside.

    An image without contrast comes back as zeros.
    """
    box = images.shape[-1]
    soft, basis = _plane_basis(box, images.device)
    inside = (images * soft).reshape(len(images), -1)
    inside = inside - (inside @ basis.T) @ basis
    spread = inside.square().sum(1, keepdim=True).div(soft.square().sum()).sqrt()
    return (inside / spread.clamp_min(1e-20)).reshape(images.shape)


def disc(box_px: int, radius_px: Tensor) -> Tensor:
    """Return masks (n, box, box), 1 within radius_px (n,) of pixel box // 2, else 0."""
    axis = torch.arange(box_px, device=radius_px.device, dtype=torch.float32) - box_px // 2
    distance = torch.hypot(axis[:, None], axis[None, :])
    return (distance[None] <= radius_px[:, None, None]).float()
