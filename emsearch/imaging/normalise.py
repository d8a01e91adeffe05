"""The one normalisation that simulated and real images share.

Inside a circle, the aperture: the best plane is taken away and the rest scaled to unit variance; outside it a
soft edge takes the image to zero, so that turning the image loses nothing and a picture smaller than the box
needs no invented surroundings.
"""

import torch
from torch import Tensor

__all__ = ["disc", "normalise", "soft_disc"]

_EDGE_PX = 2.0


def _radius_map(box_px: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    axis = torch.arange(box_px, device=device, dtype=torch.float32) - box_px // 2
    return axis[None, :], axis[:, None], torch.hypot(axis[:, None], axis[None, :])


def disc(box_px: int, radius_px: Tensor) -> Tensor:
    """Return masks (n, box, box), 1 within radius_px (n,) of pixel box // 2, else 0."""
    _, _, distance = _radius_map(box_px, radius_px.device)
    mask = torch.empty(len(radius_px), box_px, box_px, device=radius_px.device)
    # Comparing into float32 is ten times faster than by way of bool.
    return torch.le(distance[None], radius_px[:, None, None], out=mask)


def soft_disc(box_px: int, radius_px: Tensor) -> Tensor:
    """Return masks (n, box, box) that fall from 1 to 0 over the last 2 px within radius_px (n,)."""
    _, _, distance = _radius_map(box_px, radius_px.device)
    return (radius_px[:, None, None] / _EDGE_PX - distance[None] / _EDGE_PX).clamp_(0, 1)


def normalise(images: Tensor, aperture_px: Tensor) -> Tensor:
    """Return float32 images (n, box, box), their plane taken away, of unit variance inside the aperture.

    ``aperture_px`` (n,) is the radius up to which each image is known, at most box / 2; the image is zero
    beyond it. An image without contrast comes back as zeros.
    """
    x, y, _ = _radius_map(images.shape[-1], images.device)
    soft = soft_disc(images.shape[-1], aperture_px)
    total = soft.sum((1, 2), keepdim=True)
    flat = images - (images * soft).sum((1, 2), keepdim=True) / total
    # 1, x and y are orthogonal over a disc centred on the origin, so each is taken away by itself.
    weighted = flat * soft
    slopes = [
        (weighted * axis).sum((1, 2), keepdim=True) / (soft * axis.square()).sum((1, 2), keepdim=True)
        for axis in (x, y)
    ]
    for axis, slope in zip((x, y), slopes, strict=True):
        flat.addcmul_(slope, axis, value=-1)
    torch.mul(flat, soft, out=weighted)
    spread = ((weighted * flat).sum((1, 2), keepdim=True) / total).sqrt_()
    return weighted / spread.clamp_min_(1e-20)
