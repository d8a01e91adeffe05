"""The beads of many structures laid end to end, as both projectors read them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel

__all__ = ["ICE_POTENTIAL_PER_ANGSTROM2", "BeadCloud"]

ICE_POTENTIAL_PER_ANGSTROM2 = 0.0935
"""Mean electron scattering of vitreous ice, A of f_e(0) per A^3 (electron factors of ITC C 4.3.2.2)."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BeadCloud:
    """Beads of S structures, one after the other.

    Attributes
    ----------
    centroid_angstrom : (3, total)
        Rows x, y and z, so that the projector reads each in one stretch.
    stain_weight : (total,)
        Excluded volume in A^3.
    ice_weight : (total,)
        Scattering above that of the displaced ice, A.
    nucleic : (total,)
        1 where the bead is a nucleotide, else 0.
    start : int64 (S + 1,)
        Structure s owns beads ``start[s]:start[s + 1]``.
    width_angstrom : (S,)
        Mass-weighted root mean square bead width.
    radius_angstrom : (S,)
        Half of the longest extent: the largest distance of a bead from the centre of mass, widths included.
    """

    centroid_angstrom: Array
    stain_weight: Array
    ice_weight: Array
    nucleic: Array
    start: NDArray[np.int64]
    width_angstrom: Array
    radius_angstrom: Array

    @classmethod
    def from_models(cls, models: Sequence[BeadModel]) -> "BeadCloud":
        """Lay bead models end to end."""
        width = [np.sqrt(np.average(m.width_angstrom**2, weights=m.mass_da)) for m in models]
        reach = [
            np.linalg.norm(m.centroid_angstrom, axis=1).max() + 2 * w
            for m, w in zip(models, width, strict=True)
        ]
        volume = np.concatenate([m.volume_angstrom3 for m in models])
        scattering = np.concatenate([m.scattering_angstrom for m in models])
        return cls(
            centroid_angstrom=np.ascontiguousarray(np.concatenate([m.centroid_angstrom for m in models]).T),
            stain_weight=volume,
            ice_weight=(scattering - np.float32(ICE_POTENTIAL_PER_ANGSTROM2) * volume).astype(np.float32),
            nucleic=np.concatenate([m.nucleic for m in models]).astype(np.float32),
            start=np.cumsum([0] + [len(m) for m in models], dtype=np.int64),
            width_angstrom=np.array(width, np.float32),
            radius_angstrom=np.array(reach, np.float32),
        )

    def __len__(self) -> int:
        """Return the number of structures."""
        return len(self.start) - 1
