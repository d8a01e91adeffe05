"""What is known of the microscope for each particle."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

__all__ = ["Optics"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Optics:
    """Optics of n particles, float64 (n,) each, NaN where the file does not say.

    Defocus is positive for underfocus; ``defocus_angle_degrees`` is that of U from +x towards +y.
    """

    voltage_kv: Floats
    cs_mm: Floats
    amplitude_contrast: Floats
    defocus_u_um: Floats
    defocus_v_um: Floats
    defocus_angle_degrees: Floats
    phase_shift_degrees: Floats

    @classmethod
    def unknown(cls, n: int) -> "Optics":
        """Return the optics of n particles of which nothing is known."""
        return cls(*(np.full(n, np.nan) for _ in fields(cls)))

    def __getitem__(self, rows: object) -> "Optics":
        """Return the optics of the particles that a slice, mask or index array selects."""
        return Optics(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the transfer function of each particle is known (n,); a phase shift that is not there is none."""
        needed = (self.voltage_kv, self.cs_mm, self.amplitude_contrast, self.defocus_u_um, self.defocus_v_um)
        return np.asarray(np.isfinite(np.stack(needed)).all(0) & (self.voltage_kv > 0))
