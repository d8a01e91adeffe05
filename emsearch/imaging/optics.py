"""The contrast transfer function.

For a bright particle: sin(chi + asin A) exp(-B k^2 / 4), chi = pi lambda dz k^2 - pi/2 Cs lambda^3 k^4
(underfocus dz positive). Electron wavelength: relativistic de Broglie, 0.0335 A at 120 kV.
"""

import math

import torch
from torch import Tensor

__all__ = ["contrast_transfer", "electron_wavelength_angstrom", "frequency_grid"]


def electron_wavelength_angstrom(voltage_kv: float) -> float:
    """Return the relativistic wavelength in A.

    >>> [round(electron_wavelength_angstrom(v), 4) for v in (120, 200, 300)]
    [0.0335, 0.0251, 0.0197]
    """
    volts = voltage_kv * 1e3
    return 12.2643 / math.sqrt(volts * (1 + 0.978466e-6 * volts))


def frequency_grid(box_px: int, device: torch.device) -> Tensor:
    """Return squared spatial frequencies of rfft2, (box, box // 2 + 1), in cycles^2 / pixel^2."""
    y = torch.fft.fftfreq(box_px, device=device)
    x = torch.fft.rfftfreq(box_px, device=device)
    grid: Tensor = y[:, None].square() + x[None, :].square()
    return grid


def contrast_transfer(
    k2: Tensor,
    defocus_um: Tensor,
    wavelength_angstrom: Tensor,
    cs_mm: Tensor,
    amplitude_contrast: Tensor,
    b_factor_angstrom2: Tensor,
) -> Tensor:
    """Return the CTF at squared frequencies k2 (n, h, w) in A^-2; the other arguments are (n, 1, 1).

    The sign is that of a bright particle: positive at zero frequency.
    """
    linear = math.pi * wavelength_angstrom * defocus_um * 1e4 * k2
    cubic = math.pi / 2 * cs_mm * 1e7 * wavelength_angstrom**3 * k2**2
    phase = linear - cubic + torch.asin(amplitude_contrast)
    return torch.sin(phase) * torch.exp(-b_factor_angstrom2 / 4 * k2)
