"""From projections to micrographs: rim, CTF, noise and gradient (torch, any device).

Each step touches only the images that have it. A step that an image has not leaves it as it is.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.normalise import disc
from emsearch.imaging.optics import contrast_transfer, electron_wavelength_angstrom, frequency_grid
from emsearch.imaging.parameters import ImageParameters

__all__ = ["finish", "meniscus"]

_FWHM_OVER_SIGMA = 2 * math.sqrt(2 * math.log(2))


def finish(
    projections: Tensor,
    parameters: ImageParameters,
    pixel_size_angstrom: Tensor,
    radius_angstrom: Tensor,
    white: Tensor,
) -> Tensor:
    """Return micrographs (n, box, box) in units of the signal's standard deviation.

    ``white`` (n, box, box) is unit white noise; ``radius_angstrom`` (n,) the particle's disc, inside which
    parameters.snr holds: variance of the signal (CTF applied) over that of the noise.
    """
    p, device, box = parameters, projections.device, projections.shape[-1]
    pixel = pixel_size_angstrom.to(device=device, dtype=torch.float32)
    signal = projections
    rimmed = _where(p.rim > 0, device)
    if len(rimmed):
        signal = signal.index_copy(0, rimmed, _rim(signal[rimmed], p[p.rim > 0], pixel[rimmed]))
    seen = _where(p.voltage_kv > 0, device)
    transfer = _transfer(p[p.voltage_kv > 0], pixel[seen], box)
    if len(seen):
        signal = signal.index_copy(0, seen, _filtered(signal[seen], transfer))
    micrograph = _standardised(signal, radius_angstrom.to(device) / pixel)
    noise_sd = _column(p.snr, device).rsqrt()
    micrograph.addcmul_(_noise(white, p, pixel, transfer), noise_sd)
    axis = (torch.arange(box, device=device, dtype=torch.float32) - box // 2) / box
    for slope, along in ((p.gradient[:, 0], axis[None, :]), (p.gradient[:, 1], axis[:, None])):
        if slope.any():
            micrograph.addcmul_(_column(slope, device) * noise_sd, along)
    return micrograph


def _column(values: NDArray[np.generic], device: torch.device) -> Tensor:
    """Return one parameter (n,) as (n, 1, 1), float32."""
    return torch.from_numpy(values.astype(np.float32)).to(device)[:, None, None]


def _where(chosen: NDArray[np.bool_], device: torch.device) -> Tensor:
    return torch.from_numpy(np.flatnonzero(chosen)).to(device)


def _filtered(images: Tensor, transfer: Tensor) -> Tensor:
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(images).mul_(transfer), s=images.shape[-2:])
    return filtered


def _gaussian_transfer(sigma_px: Tensor, box_px: int) -> Tensor:
    """Return exp(-2 pi^2 sigma^2 k^2) on the grid of rfft2, (n, box, box // 2 + 1), for sigma (n, 1, 1)."""
    steepness = -2 * math.pi**2 * sigma_px.square()
    y = torch.fft.fftfreq(box_px, device=sigma_px.device)[None, :, None]
    x = torch.fft.rfftfreq(box_px, device=sigma_px.device)[None, None, :]
    return torch.exp(steepness * y.square()) * torch.exp(steepness * x.square())


def meniscus(images: Tensor, width_px: Tensor) -> Tensor:
    """Return the stain that gathers at the particle's foot and thins out with distance, (n, box, box), at most 1.

    ``images`` (n, box, box) are clean projections, ``width_px`` (n, 1, 1) the distance over which it decays. A projection
    may be dark throughout, where the unstained top outweighs what little is stained.
    """
    peak = images.abs().amax((1, 2), keepdim=True).clamp_min(1e-20)
    halo = _filtered(images, _gaussian_transfer(width_px / 2, images.shape[-1]))
    outside = (halo / halo.amax((1, 2), keepdim=True).clamp_min(1e-20)).addcdiv_(images, peak, value=-1)
    return outside.clamp_min_(0)


def _rim(images: Tensor, p: ImageParameters, pixel: Tensor) -> Tensor:
    """Darken the surroundings of each particle, on one side more than on the other."""
    device, box = images.device, images.shape[-1]
    outside = meniscus(images, _column(p.rim_width_angstrom, device) / pixel[:, None, None])
    peak = images.amax((1, 2), keepdim=True).clamp_min(1e-20)
    axis = torch.arange(box, device=device, dtype=torch.float32) - box // 2
    bearing = torch.atan2(axis[:, None], axis[None, :])
    angle = torch.deg2rad(_column(p.rim_angle_degrees, device))
    towards = torch.cos(angle) * torch.cos(bearing) + torch.sin(angle) * torch.sin(bearing)
    side = towards.mul_(_column(p.rim_side, device)).add_(1)
    return torch.addcmul(images, outside.mul_(side), _column(p.rim, device) * peak, value=-1)


def _transfer(p: ImageParameters, pixel: Tensor, box_px: int) -> Tensor:
    """Return the CTF of images that have one, (n, box, box // 2 + 1); its modulus where phases were flipped."""
    device = pixel.device
    wavelength = np.array([electron_wavelength_angstrom(v) for v in p.voltage_kv.tolist()])
    transfer = contrast_transfer(
        frequency_grid(box_px, device)[None] / pixel[:, None, None].square(),
        _column(p.defocus_um, device),
        _column(wavelength, device),
        _column(p.cs_mm, device),
        _column(p.amplitude_contrast, device),
        _column(p.b_factor_angstrom2, device),
    )
    return torch.where(_column(p.phase_flipped, device) > 0, transfer.abs(), transfer)


def _standardised(signal: Tensor, radius_px: Tensor) -> Tensor:
    """Scale images (n, box, box) to unit variance inside their discs; the mean stays."""
    box = signal.shape[-1]
    inside = disc(box, radius_px.clamp(3, box / 2))
    count = inside.sum((1, 2), keepdim=True)
    flat = signal - (signal * inside).sum((1, 2), keepdim=True) / count
    variance = flat.square_().mul_(inside).sum((1, 2), keepdim=True) / count
    return signal / variance.sqrt_().clamp_min_(1e-20)


def _noise(white: Tensor, parameters: ImageParameters, pixel: Tensor, transfer: Tensor) -> Tensor:
    """Shape white noise to the sum of grain, carbon (both before the CTF) and shot noise, of unit variance.

    The sum of independent Gaussian fields is one Gaussian field with the sum of their power spectra.
    ``transfer`` is the CTF of the images that have one, in their order.
    """
    device, box = white.device, white.shape[-1]
    seen = parameters.voltage_kv > 0
    shaped = (parameters.grain > 0) | (seen & (parameters.carbon > 0))
    chosen = _where(shaped, device)
    if not len(chosen):
        return white
    p = parameters[shaped]
    grain_px = _column(p.grain_angstrom, device) / _FWHM_OVER_SIGMA / pixel[chosen][:, None, None]
    grain = _gaussian_transfer(grain_px, box).square_()
    grain /= grain.mean((1, 2), keepdim=True)
    power = grain.mul_(_column(p.grain, device)).add_(_column(p.carbon, device))
    if seen[shaped].any():
        power[_where(seen[shaped], device)] *= transfer[_where(shaped[seen], device)].square()
    power += _column((1 - p.grain - p.carbon).clip(min=0), device)
    power /= _rfft_mean(power, box)
    return white.index_copy(0, chosen, _filtered(white[chosen], power.sqrt_()))


def _rfft_mean(power: Tensor, box_px: int) -> Tensor:
    """Return the mean over the full spectrum of what is given for half of it."""
    twice = torch.full((power.shape[-1],), 2.0, device=power.device)
    twice[0] = 1
    if box_px % 2 == 0:
        twice[-1] = 1
    return (power * twice).mean(1, keepdim=True).sum(2, keepdim=True) / box_px
