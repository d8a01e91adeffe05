"""What the microscope leaves of a projection when its defocus is not quite the one that is told."""

from collections.abc import Callable

from torch import Tensor

from emsearch.particles.ctf_correction import remaining_transfer
from emsearch.particles.optics import Optics

__all__ = ["DefocusChange", "defocus_change"]

DefocusChange = Callable[[float, int, float], Tensor]
"""The transfer function (box, box // 2 + 1) given a change of defocus in um, the box in px and the pixel size in A."""


def defocus_change(optics: Optics) -> DefocusChange:
    """Return the transfer functions of one particle whose phases were flipped by the optics that are told."""

    def transfer(change_um: float, box_px: int, pixel_size_angstrom: float) -> Tensor:
        return remaining_transfer(
            optics, "phase-flip", box_px, pixel_size_angstrom, defocus_change_um=change_um
        )[0]

    return transfer
