"""Undoing a known contrast transfer function before an image is searched.

With defocus dz positive for underfocus, chi = pi lambda dz k^2 - pi/2 Cs lambda^3 k^4 and the amplitude contrast A, a bright
particle shows as sin(chi + asin A + phase shift), as in docs/explanation/image-model.md. A micrograph of dark particles is
the negative of that; the correction leaves the sign of its contrast alone, and the search decides it afterwards.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.optics import electron_wavelength_angstrom
from emsearch.particles.optics import Optics

__all__ = ["CORRECTIONS", "Correction", "correct_ctf", "remaining_transfer"]

Correction = Literal["phase-flip", "wiener", "none"]
CORRECTIONS: tuple[Correction, ...] = ("phase-flip", "wiener", "none")

Floats = NDArray[np.float64]

_WIENER = 0.1  # of the transfer function's square: the inverse of the signal-to-noise ratio that is assumed


def correct_ctf(
    images: Tensor, pixel_size_angstrom: float, optics: Optics, method: Correction = "phase-flip"
) -> Tensor:
    """Return images (n, h, w) with their transfer functions undone where they are known.

    Parameters
    ----------
    images : float32 (n, h, w)
    pixel_size_angstrom : float
    optics : Optics
        Of the n images; those of which something is unknown are left as they are.
    method : {"phase-flip", "wiener", "none"}
        Multiply by the sign of the transfer function, or by T / (T^2 + 0.1).
    """
    known = torch.from_numpy(optics.known)
    if method == "none" or not known.any():
        return images
    height, width = images.shape[1:]
    transfer = _transfer(optics[optics.known], pixel_size_angstrom, height, width)
    factor = _factor(transfer, method)
    factor[:, 0, 0] = 1.0  # the mean is no contrast
    corrected = torch.fft.irfft2(torch.fft.rfft2(images[known]) * factor, s=(height, width))
    result = images.clone()
    result[known] = corrected
    return result


def remaining_transfer(
    optics: Optics,
    method: Correction,
    box_px: int,
    pixel_size_angstrom: float,
    *,
    defocus_change_um: float = 0.0,
) -> Tensor:
    """Return how much of a projection is left in corrected images, (n, box, box // 2 + 1): one where nothing is known.

    Phases are right after a correction, amplitudes are not: a flipped image still shows |T| of its projection. With a
    ``defocus_change_um`` the images were taken at so much more defocus than they were corrected for.
    """
    left = torch.ones(len(optics.known), box_px, box_px // 2 + 1)
    known = torch.from_numpy(optics.known)
    if method != "none" and known.any():
        told = optics[optics.known]
        taken = replace(
            told,
            defocus_u_um=told.defocus_u_um + defocus_change_um,
            defocus_v_um=told.defocus_v_um + defocus_change_um,
        )
        corrected, shown = (_transfer(o, pixel_size_angstrom, box_px, box_px) for o in (told, taken))
        left[known] = shown * _factor(corrected, method)
    return left


def _factor(transfer: Tensor, method: Correction) -> Tensor:
    """Return what spectra are multiplied with to undo a transfer function."""
    return torch.sign(transfer) if method == "phase-flip" else transfer / (transfer.square() + _WIENER)


def _transfer(optics: Optics, pixel_size_angstrom: float, height: int, width: int) -> Tensor:
    """Return the transfer functions (n, height, width // 2 + 1), astigmatism included, no envelope."""
    y = np.fft.fftfreq(height, pixel_size_angstrom)[:, None]
    x = np.fft.rfftfreq(width, pixel_size_angstrom)[None, :]
    k2, angle = x**2 + y**2, np.arctan2(y, x)

    def column(values: Floats) -> Floats:
        return np.asarray(np.nan_to_num(values)[:, None, None])

    u, v = column(optics.defocus_u_um) * 1e4, column(optics.defocus_v_um) * 1e4
    away = 2 * (angle - np.radians(column(optics.defocus_angle_degrees)))
    defocus = 0.5 * (u + v + (u - v) * np.cos(away))
    wavelength = column(np.array([electron_wavelength_angstrom(kv) for kv in optics.voltage_kv.tolist()]))
    chi = np.pi * wavelength * defocus * k2 - 0.5 * np.pi * column(optics.cs_mm) * 1e7 * wavelength**3 * k2**2
    shift = np.arcsin(column(optics.amplitude_contrast)) + np.radians(column(optics.phase_shift_degrees))
    return torch.from_numpy(np.sin(chi + shift)).float()
