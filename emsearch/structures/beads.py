"""Bead models: one bead a residue, with mass, excluded volume, width and electron scattering.

This module needs numpy only, so that simulation and training run where gemmi is not installed.
"""

import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BeadArchive", "BeadModel", "write_bead_archive"]


@dataclass(frozen=True, slots=True)
class BeadModel:
    """The beads of one structure, centred on its centre of mass.

    Attributes
    ----------
    centroid_angstrom : float32 (n, 3)
        Mass-weighted residue centroids.
    mass_da : float32 (n,)
        Mass with hydrogens.
    volume_angstrom3 : float32 (n,)
        Excluded volume: 1.21 A^3/Da for protein, 0.9 for nucleic acid.
    width_angstrom : float32 (n,)
        Standard deviation per axis of the mass within the bead, sqrt(Rg_i^2 / 3).
    scattering_angstrom : float32 (n,)
        Electron scattering at zero angle, the sum of f_e(0) over the atoms, hydrogens included.
    nucleic : bool (n,)
        True where the residue is a nucleotide.
    """

    centroid_angstrom: NDArray[np.float32]
    mass_da: NDArray[np.float32]
    volume_angstrom3: NDArray[np.float32]
    width_angstrom: NDArray[np.float32]
    scattering_angstrom: NDArray[np.float32]
    nucleic: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of beads."""
        return len(self.centroid_angstrom)


_RECORD = np.dtype(
    [
        ("centroid", "<i2", (3,)),
        ("mass", "<f2"),
        ("volume", "<f2"),
        ("width", "<f2"),
        ("scattering", "<f2"),
        ("nucleic", "?"),
    ]
)
_STEP_ANGSTROM = 0.02  # finest coordinate step; coarser for a structure that int16 could not span
_SCALAR_UNIT = np.float32(16.0)  # masses and volumes of binned beads stay below the float16 maximum


def _pack(beads: BeadModel) -> tuple[NDArray[np.void], float]:
    extent = float(np.abs(beads.centroid_angstrom).max(initial=0.0))
    step = max(_STEP_ANGSTROM, extent / 32000.0)
    packed = np.zeros(len(beads), _RECORD)
    packed["centroid"] = np.rint(beads.centroid_angstrom / step).astype(np.int16)
    packed["mass"] = beads.mass_da / _SCALAR_UNIT
    packed["volume"] = beads.volume_angstrom3 / _SCALAR_UNIT
    packed["width"] = beads.width_angstrom
    packed["scattering"] = beads.scattering_angstrom / _SCALAR_UNIT
    packed["nucleic"] = beads.nucleic
    return packed, step


def _unpack(packed: NDArray[np.void], step: float) -> BeadModel:
    def scalar(name: str, unit: np.float32) -> NDArray[np.float32]:
        return packed[name].astype(np.float32) * unit

    return BeadModel(
        centroid_angstrom=packed["centroid"].astype(np.float32) * np.float32(step),
        mass_da=scalar("mass", _SCALAR_UNIT),
        volume_angstrom3=scalar("volume", _SCALAR_UNIT),
        width_angstrom=packed["width"].astype(np.float32),
        scattering_angstrom=scalar("scattering", _SCALAR_UNIT),
        nucleic=packed["nucleic"].astype(np.bool_),
    )


def write_bead_archive(path: Path, models: Iterable[tuple[str, BeadModel]], **beside: NDArray[Any]) -> None:
    """Write bead models into one .npz: coordinates to 0.02 A, all else to 1 part in 1,000.

    Each model stands under its own key, so that one can be read without the rest; ``beside`` are arrays kept
    with them.
    """
    arrays: dict[str, NDArray[np.void]] = {}
    names: list[str] = []
    steps: list[float] = []
    for name, beads in models:
        arrays[f"beads/{name}"], step = _pack(beads)
        names.append(name)
        steps.append(step)
    order = {"names": np.array(names, dtype=np.str_), "steps": np.array(steps, np.float64)}
    np.savez_compressed(path, **order, **arrays, **beside)  # type: ignore[arg-type]  # none is allow_pickle


class BeadArchive(Mapping[str, BeadModel]):
    """The bead models of an .npz, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._file = np.load(path, allow_pickle=False)
        # Also where an error's traceback keeps the archive in a cycle.
        weakref.finalize(self, self._file.close)
        self._steps = dict(zip(self._file["names"].tolist(), self._file["steps"].tolist(), strict=True))

    def __getitem__(self, name: str) -> BeadModel:
        """Return one bead model; KeyError where the archive holds none of that name."""
        return _unpack(self._file[f"beads/{name}"], self._steps[name])

    def array(self, name: str) -> NDArray[Any]:
        """Return an array that was written beside the models."""
        return np.asarray(self._file[name])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the structure ids in the order written."""
        return iter(self._steps)

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self._steps)
