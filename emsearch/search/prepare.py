"""Images of any size and sampling to what the network and the matching see: class pixel size, class box, normalised."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from emsearch.imaging.normalise import normalise
from emsearch.imaging.optics import frequency_grid

__all__ = ["Framed", "centre_of_particle_px", "frame", "low_pass"]

_LARGEST_SHIFT_BOX = 0.15  # a centre further off than this is not believed


@dataclass(frozen=True, slots=True)
class Framed:
    """Images (m, box, box) at a class's pixel size, the aperture (m,) in px, and the centre (m, 2) that was used.

    ``centre_px`` is (x, y) from the middle of the image as given, in its own pixels.
    """

    images: Tensor
    aperture_px: Tensor
    centre_px: Tensor


def centre_of_particle_px(images: Tensor) -> Tensor:
    """Estimate where the bright particle stands, (n, 2) as (x, y) from pixel size // 2.

    The centre of mass of what rises above the mean by one standard deviation after smoothing to a sixteenth of the image;
    (0, 0) where that lies further off than 15 % of the image.
    """
    height, width = images.shape[1:]
    side = min(height, width)
    sigma = side / 16
    device = images.device
    k_y, k_x = torch.fft.fftfreq(height, device=device), torch.fft.rfftfreq(width, device=device)
    k2 = k_y[:, None] ** 2 + k_x[None, :] ** 2
    spectrum = torch.fft.rfft2(images - images.mean((1, 2), keepdim=True))
    smooth = torch.fft.irfft2(spectrum * torch.exp(-2 * math.pi**2 * sigma**2 * k2), s=(height, width))
    excess = (smooth - smooth.mean((1, 2), keepdim=True) - smooth.std((1, 2), keepdim=True)).clamp_min(0)
    total = excess.sum((1, 2)).clamp_min(1e-20)
    x = (excess.sum(1) * (torch.arange(width, device=device) - width // 2)).sum(1) / total
    y = (excess.sum(2) * (torch.arange(height, device=device) - height // 2)).sum(1) / total
    centre = torch.stack([x, y], 1)
    near = torch.linalg.vector_norm(centre, dim=1) <= _LARGEST_SHIFT_BOX * side
    believed: Tensor = centre * near[:, None]
    return believed


def low_pass(images: Tensor, keep: float) -> Tensor:
    """Take away what the new sampling could not carry: a cosine edge up to ``keep`` of the Nyquist frequency."""
    side = images.shape[-1]
    k = frequency_grid(side, images.device).sqrt() / (0.5 * keep)
    edge = torch.cos(((k - 0.85) / 0.15).clamp(0, 1) * (math.pi / 2)) ** 2
    kept: Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * edge, s=images.shape[-2:])
    return kept


def _squared(images: Tensor) -> Tensor:
    """Pad to an even square about the middle pixel with each image's mean border value."""
    n, height, width = images.shape
    side = max(height, width) + max(height, width) % 2
    border = torch.cat([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], dim=1).mean(1)
    square = border[:, None, None].expand(n, side, side).clone()
    top, left = side // 2 - height // 2, side // 2 - width // 2
    square[:, top : top + height, left : left + width] = images
    return square


def frame(images: Tensor, scale: float, box_px: int, centre_px: Tensor) -> Framed:
    """Resample images (n, h, w) about ``centre_px`` (m, 2) and normalise them.

    ``m`` is n, or a multiple of it: then so many copies of each image come out, one after the other. ``scale`` is the
    pixel size of the image over that of the class; above 1 the picture is enlarged.
    """
    smaller_side = min(images.shape[-2:])
    square = _squared(images)
    if scale < 1:
        square = low_pass(square, scale)
    side = square.shape[-1]
    square = square.repeat_interleave(len(centre_px) // len(square), dim=0)
    axis = (torch.arange(box_px, dtype=torch.float32, device=images.device) - box_px // 2) / scale
    x = axis[None, None, :] + centre_px[:, 0, None, None] + side // 2
    y = axis[None, :, None] + centre_px[:, 1, None, None] + side // 2
    grid = torch.stack(torch.broadcast_tensors((2 * x + 1) / side - 1, (2 * y + 1) / side - 1), dim=-1)
    sampled = functional.grid_sample(
        square[:, None], grid, mode="bicubic", padding_mode="border", align_corners=False
    )[:, 0]
    offset = torch.linalg.vector_norm(centre_px, dim=1)
    aperture = ((smaller_side / 2 - offset) * scale).clamp(max=box_px / 2)
    return Framed(normalise(sampled, aperture), aperture, centre_px)
