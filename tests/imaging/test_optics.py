import math

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.optics import contrast_transfer, electron_wavelength_angstrom, frequency_grid


def column(value: float) -> Tensor:
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def transfer(
    k: float, *, defocus_um: float, cs_mm: float = 2.7, amplitude: float = 0.1, b: float = 0
) -> float:
    wavelength = column(electron_wavelength_angstrom(300))
    k2 = torch.full((1, 1, 1), k**2, dtype=torch.float64)
    value = contrast_transfer(k2, column(defocus_um), wavelength, column(cs_mm), column(amplitude), column(b))
    return float(value)


@pytest.mark.parametrize(
    ("voltage_kv", "picometres"), [(100, 3.7014), (120, 3.3492), (200, 2.5079), (300, 1.9687)]
)
def test_wavelengths_are_those_of_the_tables(voltage_kv: float, picometres: float) -> None:
    # Williams and Carter, Transmission Electron Microscopy (2009), table 1.2.
    assert electron_wavelength_angstrom(voltage_kv) * 100 == pytest.approx(picometres, rel=5e-4)


def test_transfer_at_a_point_worked_out_by_hand() -> None:
    # 300 kV, 1 um, 2.7 mm, k = 1/10 A^-1: pi 0.019687 10^4 0.01 = 6.18493;
    # pi/2 2.7e7 0.019687^3 10^-4 = 0.03236; asin 0.1 = 0.10017; sin(6.25274) = -0.03044.
    assert transfer(0.1, defocus_um=1.0) == pytest.approx(-0.03044, abs=2e-4)
    # Half the defocus: 3.09247 - 0.03236 + 0.10017 = 3.16028; its sine is -0.01869.
    assert transfer(0.1, defocus_um=0.5) == pytest.approx(-0.01869, abs=2e-4)


def test_a_particle_is_bright_at_low_frequency_and_underfocus_raises_it() -> None:
    assert transfer(0.0, defocus_um=1.0) == pytest.approx(0.1)
    assert transfer(0.01, defocus_um=1.0) > 0.1 > transfer(0.01, defocus_um=-1.0)


def test_b_factor_falls_as_a_gaussian() -> None:
    whole = transfer(0.05, defocus_um=1.0)
    assert transfer(0.05, defocus_um=1.0, b=200) == pytest.approx(whole * math.exp(-200 / 4 * 0.05**2))


def test_frequencies_are_those_of_the_transform() -> None:
    grid = frequency_grid(8, torch.device("cpu")).numpy()
    expected = np.fft.fftfreq(8)[:, None] ** 2 + np.fft.rfftfreq(8)[None, :] ** 2
    np.testing.assert_allclose(grid, expected, atol=1e-7)
