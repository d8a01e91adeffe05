"""Images of any size and sampling to the network's guess of the clean projection, in their own box and sampling."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from emsearch.denoising.weights import Denoiser
from emsearch.imaging.normalise import soft_disc
from emsearch.search.prepare import frame, low_pass

__all__ = ["Guess", "denoise", "guess_framed", "unframe"]

_PICTURE_OVER_BOX = 1.1  # of a picture a tenth may be cut off: particles fill no more of their boxes
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Guess:
    """Guesses (n, h, w), particle bright, and the ``strength`` of each (n,): its standard deviation over that of a truth.

    The network says less the less it knows, so that the strength is about the correlation with the truth that it
    expects: near 0 is nothing seen.
    """

    pictures: Tensor
    strength: Tensor


def denoise(denoiser: Denoiser, images: Tensor, pixel_size_angstrom: float | None) -> Guess:
    """Guess the clean, fully stained projections behind bright-particle images (n, h, w).

    Without a pixel size the picture is taken to fill the box.
    """
    scale = _scale(denoiser, min(images.shape[1:]), pixel_size_angstrom)
    found = [_denoise(denoiser, some, scale) for some in images.split(_AT_ONCE)]
    return Guess(torch.cat([g.pictures for g in found]), torch.cat([g.strength for g in found]))


def _denoise(denoiser: Denoiser, images: Tensor, scale: float) -> Guess:
    framed = frame(images, scale, denoiser.box_px, torch.zeros(len(images), 2))
    guess = guess_framed(denoiser, framed.images, framed.aperture_px)
    return Guess(unframe(guess.pictures, scale, images.shape[1:]), guess.strength)


@torch.inference_mode()
def guess_framed(denoiser: Denoiser, images: Tensor, aperture_px: Tensor) -> Guess:
    """Guess from normalised images (n, box, box) that are known within ``aperture_px`` (n,)."""
    layout = torch.channels_last
    guess = denoiser.network(images[:, None].contiguous(memory_format=layout))[:, 0].clone()
    known = soft_disc(denoiser.box_px, aperture_px)
    area = known.sum((1, 2))
    mean = (guess * known).sum((1, 2)) / area
    guess = (guess - mean[:, None, None]) * known
    return Guess(guess, (guess.square().sum((1, 2)) / area).sqrt())


def _scale(denoiser: Denoiser, side_px: int, pixel_size_angstrom: float | None) -> float:
    """Return image pixel over class pixel: that of the finest class whose box takes the picture in, or the coarsest."""
    if pixel_size_angstrom is None:
        return denoiser.box_px / side_px
    extent = side_px * pixel_size_angstrom
    sizes = sorted(denoiser.pixel_sizes_angstrom)
    fitting = [size for size in sizes if extent <= _PICTURE_OVER_BOX * denoiser.box_px * size]
    return pixel_size_angstrom / (fitting[0] if fitting else sizes[-1])


def unframe(pictures: Tensor, scale: float, shape: Sequence[int]) -> Tensor:
    """Take pictures (n, box, box) back to the box (h, w) and sampling that ``frame`` took them from, about the middle.

    What the box did not hold is zero.
    """
    box = pictures.shape[-1]
    if scale > 1:
        pictures = low_pass(pictures, 1 / scale)
    height, width = shape
    x = (torch.arange(width, dtype=torch.float32) - width // 2)[None, :] * scale + box // 2
    y = (torch.arange(height, dtype=torch.float32) - height // 2)[:, None] * scale + box // 2
    grid = torch.stack(torch.broadcast_tensors((2 * x + 1) / box - 1, (2 * y + 1) / box - 1), dim=-1)
    grid = grid.expand(len(pictures), -1, -1, -1)
    return functional.grid_sample(
        pictures[:, None], grid, mode="bicubic", padding_mode="zeros", align_corners=False
    )[:, 0]
