"""The noise around a particle: its spectrum, from the ring between the particle and the edge of what is known."""

import math

import torch
from torch import Tensor

__all__ = ["noise_weight"]

_LAGS_PX = 8
_LEAST, _MOST = 0.15, 5.0  # of the mean: no frequency is taken for freer of noise, or noisier, than this


def noise_weight(image: Tensor, inner_px: float, outer_px: float) -> Tensor:
    """Return the inverse of the noise's power spectrum, (box, box // 2 + 1), of mean 1.

    ``image`` (box, box), mean and plane taken away; the noise is read between the radii. The spectrum is the transform of
    the autocovariance at short lags, which the ring's shape does not bias, averaged over angles.
    """
    box = image.shape[-1]
    axis = torch.arange(box, dtype=torch.float32) - box // 2
    distance = torch.hypot(axis[:, None], axis[None, :])
    ring = ((distance >= inner_px) & (distance <= outer_px)).float()
    flat = (image - (image * ring).sum() / ring.sum().clamp_min(1)) * ring
    size = (2 * box, 2 * box)
    sums = torch.fft.irfft2(torch.fft.rfft2(flat, s=size).abs().square(), s=size)
    pairs = torch.fft.irfft2(torch.fft.rfft2(ring, s=size).abs().square(), s=size)
    lag = torch.fft.fftfreq(2 * box, 1 / (2 * box))
    length = torch.hypot(lag[:, None], lag[None, :])
    # Average over directions at each whole lag, then a taper to nothing at the longest.
    bins = length.round().long().clamp_max(_LAGS_PX + 1).flatten()
    total = torch.zeros(_LAGS_PX + 2).index_add_(0, bins, sums.flatten())
    count = torch.zeros(_LAGS_PX + 2).index_add_(0, bins, pairs.flatten())
    covariance = (total / count.clamp_min(1))[: _LAGS_PX + 1]
    covariance = covariance * (0.5 + 0.5 * torch.cos(math.pi * torch.arange(_LAGS_PX + 1) / (_LAGS_PX + 1)))
    lower = length.floor().long().clamp_max(_LAGS_PX)
    upper = (lower + 1).clamp_max(_LAGS_PX)
    part = (length - lower).clamp(0, 1)
    field = covariance[lower] * (1 - part) + covariance[upper] * part
    field[length > _LAGS_PX] = 0
    middle = torch.fft.fftfreq(box, 1 / box).long() % (2 * box)
    power = torch.fft.rfft2(field[middle][:, middle]).real
    mean = power.mean().clamp_min(1e-20)
    weight = 1 / (power / mean).clamp(_LEAST, _MOST)
    return torch.as_tensor(weight / weight.mean())
