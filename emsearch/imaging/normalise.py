"""The one normalisation that simulated and real images share.

Inside a circle, the aperture: the best plane is taken away and the rest scaled to unit variance; outside it a soft edge takes
the image to zero, so that turning the image loses nothing and a picture smaller than the box needs no invented surroundings.
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
    return (distance[None] <= radius_px[:, None, None]).float()


def soft_disc(box_px: int, radius_px: Tensor) -> Tensor:
    """Return masks (n, box, box) that fall from 1 to 0 over the last 2 px within radius_px (n,)."""
    _, _, distance = _radius_map(box_px, radius_px.device)
    return ((radius_px[:, None, None] - distance[None]) / _EDGE_PX).clamp(0, 1)


def normalise(images: Tensor, aperture_px: Tensor) -> Tensor:
    """Return float32 images (n, box, box) without their plane, of unit variance inside the aperture, zero outside.

    ``aperture_px`` (n,) is the radius up to which each image is known. An image without contrast comes back as zeros.
    """
    x, y, _ = _radius_map(images.shape[-1], images.device)
    soft = soft_disc(images.shape[-1], aperture_px)
    total = soft.sum((1, 2), keepdim=True)

    def over_disc(values: Tensor) -> Tensor:
        return (values * soft).sum((1, 2), keepdim=True) / total

    # 1, x and y are orthogonal over a disc centred on the origin, so each is taken away by itself.
    flat = images - over_disc(images)
    for axis in (x, y):
        flat = flat - axis * (over_disc(flat * axis) / over_disc((axis * axis).expand_as(flat)))
    spread = over_disc(flat.square()).sqrt()
    return flat * soft / spread.clamp_min(1e-20)
