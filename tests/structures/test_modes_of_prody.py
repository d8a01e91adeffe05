"""The modes of the elastic network are those of an independent program."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emsearch.structures import elastic
from emsearch.structures.beads import BeadModel
from emsearch.structures.springs import springs

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "modes" / "ellipsoid.npz"


def test_modes_are_those_of_prody(
    make_beads: Callable[..., BeadModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(GOLDEN, allow_pickle=False) as golden:
        points, eigenvalue, eigenvector = (
            golden[n] for n in ("points_angstrom", "eigenvalue", "eigenvector")
        )
    # ProDy joins what is within the cutoff and nothing else.
    monkeypatch.setattr(elastic, "springs", lambda points, cutoff: springs(points, cutoff, contacts=0))
    modes = elastic.normal_modes(make_beads(points))
    np.testing.assert_allclose(modes.eigenvalue, eigenvalue, rtol=1e-6)
    overlap = np.abs(np.einsum("kni,kni->k", modes.displacement, eigenvector))
    np.testing.assert_allclose(overlap, 1.0, atol=1e-5)
