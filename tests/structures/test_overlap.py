from collections.abc import Callable

import gemmi
import numpy as np
import pytest

from emsearch.structures.overlap import overlapping_copies
from emsearch.structures.polymer import polymer_beads


@pytest.mark.parametrize(("shift", "expected"), [(0.0, True), (0.8, True), (4.0, False), (40.0, False)])
def test_only_copies_in_one_place_are_marked(
    compose_mmcif: Callable[..., str],
    make_helix: Callable[..., list[object]],
    shift: float,
    expected: bool,
) -> None:
    text = compose_mmcif(make_helix("A", "1", ["ALA"] * 20, (0, 0, 0)))
    polymer = polymer_beads(gemmi.make_structure_from_block(gemmi.cif.read_string(text).sole_block()))
    assert polymer is not None
    translation = np.array([[0.0, 0.0, 0.0], [shift, 0.0, 0.0]])
    drop = overlapping_copies(polymer, np.array([0, 0]), np.tile(np.eye(3), (2, 1, 1)), translation)
    assert drop.tolist() == [False, expected]
