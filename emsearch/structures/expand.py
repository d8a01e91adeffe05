"""Chain copies of an assembly to one centred bead model."""

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.assembly import Assembly
from emsearch.structures.beads import BeadModel
from emsearch.structures.polymer import Polymer
from emsearch.structures.residues import VOLUME_PER_DA_NUCLEIC, VOLUME_PER_DA_PROTEIN

__all__ = ["centred", "expand"]


def centred(beads: BeadModel) -> BeadModel:
    """Return the beads with their centre of mass at the origin."""
    mass = beads.mass_da.astype(np.float64)
    position = beads.centroid_angstrom.astype(np.float64)
    return BeadModel(
        centroid_angstrom=(position - mass @ position / mass.sum()).astype(np.float32),
        mass_da=beads.mass_da,
        volume_angstrom3=beads.volume_angstrom3,
        width_angstrom=beads.width_angstrom,
        scattering_angstrom=beads.scattering_angstrom,
        nucleic=beads.nucleic,
    )


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)


def expand(polymer: Polymer, assembly: Assembly) -> BeadModel:
    """Apply the assembly's operators to the beads of the asymmetric unit; centred, not binned.

    Only beads are copied, never atoms: 5,040 chains of 230 MDa need about 100 MB.
    """
    spans = [(polymer.pieces[piece].start, polymer.pieces[piece].stop) for piece in assembly.piece.tolist()]
    index = np.concatenate([np.arange(start, stop) for start, stop in spans])
    position = np.empty((len(index), 3))
    filled = 0
    for (start, stop), rotation, translation in zip(
        spans, assembly.rotation, assembly.translation, strict=True
    ):
        placed = polymer.centroid_angstrom[start:stop] @ rotation.T + translation
        position[filled : filled + stop - start] = placed
        filled += stop - start
    mass = polymer.mass_da[index]
    position -= mass @ position / mass.sum()
    nucleic = polymer.nucleic[index]
    per_da = np.where(nucleic, VOLUME_PER_DA_NUCLEIC, VOLUME_PER_DA_PROTEIN)
    return BeadModel(
        centroid_angstrom=_single(position),
        mass_da=_single(mass),
        volume_angstrom3=_single(mass * per_da),
        width_angstrom=_single(polymer.width_angstrom[index]),
        scattering_angstrom=_single(polymer.scattering_angstrom[index]),
        nucleic=nucleic,
    )
