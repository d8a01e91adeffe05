"""From projections to micrographs: rim, CTF, noise and gradient (torch, any device)."""

import math

import torch
from torch import Tensor

from emsearch.imaging.normalise import disc
from emsearch.imaging.optics import contrast_transfer, electron_wavelength_angstrom, frequency_grid
from emsearch.imaging.parameters import ImageParameters

__all__ = ["finish"]

_FWHM_OVER_SIGMA = 2 * math.sqrt(2 * math.log(2))


def _gaussian_transfer(k2_px: Tensor, sigma_px: Tensor) -> Tensor:
    return torch.exp(-2 * math.pi**2 * sigma_px[:, None, None] ** 2 * k2_px)


def _rim(images: Tensor, k2_px: Tensor, p: dict[str, Tensor], pixel: Tensor) -> Tensor:
    """Darken the surroundings: stain gathers at the particle's foot and thins out with distance."""
    halo = torch.fft.irfft2(
        torch.fft.rfft2(images) * _gaussian_transfer(k2_px, p["rim_width_angstrom"] / 2 / pixel),
        s=images.shape[-2:],
    )
    peak = images.amax((1, 2), keepdim=True).clamp_min(1e-20)
    spread = halo / halo.amax((1, 2), keepdim=True).clamp_min(1e-20)
    outside = (spread - images / peak).clamp_min(0)
    axis = torch.arange(images.shape[-1], device=images.device, dtype=torch.float32) - images.shape[-1] // 2
    angle = torch.atan2(axis[:, None], axis[None, :])[None]
    side = 1 + p["rim_side"][:, None, None] * torch.cos(
        angle - torch.deg2rad(p["rim_angle_degrees"])[:, None, None]
    )
    return images - p["rim"][:, None, None] * peak * outside * side


def _transfer(k2: Tensor, p: dict[str, Tensor]) -> Tensor:
    wavelength = torch.tensor(
        [electron_wavelength_angstrom(v) if v > 0 else 0.0 for v in p["voltage_kv"].tolist()],
        device=k2.device,
    )
    column = {name: value[:, None, None] for name, value in p.items() if value.ndim == 1}
    transfer = contrast_transfer(
        k2,
        column["defocus_um"],
        wavelength[:, None, None],
        column["cs_mm"],
        column["amplitude_contrast"],
        column["b_factor_angstrom2"],
    )
    transfer = torch.where(column["phase_flipped"] > 0, transfer.abs(), transfer)
    return torch.where(column["voltage_kv"] > 0, transfer, 1.0)


def _noise(
    shape: torch.Size, k2_px: Tensor, transfer: Tensor, p: dict[str, Tensor], pixel: Tensor, white: Tensor
) -> Tensor:
    """Shape white noise to the sum of grain, carbon (both before the CTF) and shot noise, of unit variance.

    The sum of independent Gaussian fields is one Gaussian field with the sum of their power spectra.
    """
    grain = _gaussian_transfer(k2_px, p["grain_angstrom"] / _FWHM_OVER_SIGMA / pixel).square()
    grain = grain / grain.mean((1, 2), keepdim=True)
    before = p["grain"][:, None, None] * grain + p["carbon"][:, None, None]
    shot = (1 - p["grain"] - p["carbon"]).clamp_min(0)[:, None, None]
    power = transfer.square() * before + shot
    power = power / _rfft_mean(power, shape[-1])
    return torch.fft.irfft2(torch.fft.rfft2(white) * power.sqrt(), s=shape[-2:])


def _rfft_mean(power: Tensor, box_px: int) -> Tensor:
    """Return the mean over the full spectrum of what is given for half of it."""
    twice = torch.full((power.shape[-1],), 2.0, device=power.device)
    twice[0] = 1
    if box_px % 2 == 0:
        twice[-1] = 1
    return (power * twice).mean(1, keepdim=True).sum(2, keepdim=True) / box_px


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
    device, box = projections.device, projections.shape[-1]
    p = {
        name: torch.from_numpy(getattr(parameters, name).astype("float32")).to(device)
        for name in ImageParameters.__slots__
    }
    k2_px = frequency_grid(box, device)[None]
    pixel = pixel_size_angstrom.to(device=device, dtype=torch.float32)
    signal = projections
    if bool((p["rim"] > 0).any()):
        signal = _rim(signal, k2_px, p, pixel)
    transfer = _transfer(k2_px / pixel[:, None, None] ** 2, p)
    signal = torch.fft.irfft2(torch.fft.rfft2(signal) * transfer, s=signal.shape[-2:])
    inside = disc(box, (radius_angstrom.to(device) / pixel).clamp(3, box / 2))
    weight = inside / inside.sum((1, 2), keepdim=True)
    mean = (signal * weight).sum((1, 2), keepdim=True)
    spread = ((signal - mean).square() * weight).sum((1, 2), keepdim=True).sqrt().clamp_min(1e-20)
    noise_sd = p["snr"].rsqrt()[:, None, None]
    micrograph = signal / spread + noise_sd * _noise(signal.shape, k2_px, transfer, p, pixel, white)
    axis = (torch.arange(box, device=device, dtype=torch.float32) - box // 2) / box
    slope = p["gradient"]
    plane = slope[:, 0, None, None] * axis[None, None, :] + slope[:, 1, None, None] * axis[None, :, None]
    return micrograph + noise_sd * plane
