"""Bead models of several archives in one, as they are packed: nothing is rounded a second time."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.beads import BeadArchive

__all__ = ["join_bead_archives"]


def join_bead_archives(path: Path, parts: Iterable[tuple[BeadArchive, Sequence[str]]]) -> None:
    """Write the bead models of these names, archive by archive, into one .npz; KeyError where one is not there."""
    arrays: dict[str, NDArray[Any]] = {}
    names: list[str] = []
    steps: list[float] = []
    for archive, wanted in parts:
        step_of = dict(zip(archive.array("names").tolist(), archive.array("steps").tolist(), strict=True))
        for name in wanted:
            arrays[f"beads/{name}"] = archive.array(f"beads/{name}")
            names.append(name)
            steps.append(step_of[name])
    order = {"names": np.array(names, np.str_), "steps": np.array(steps, np.float64)}
    np.savez_compressed(path, **order, **arrays)  # type: ignore[arg-type]  # none is allow_pickle
