"""Pairs in worker processes give what one process gives, in order, and can be broken off."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emsearch.shapes.compare import compare_pairs
from emsearch.shapes.superposition import superpose
from emsearch.structures.beads import BeadArchive, BeadModel, write_bead_archive

Make = Callable[..., BeadModel]


@pytest.fixture
def archive(tmp_path: Path, blob: Make) -> Path:
    path = tmp_path / "beads.npz"
    write_bead_archive(path, ((f"s{k}", blob(k, (70, 45, 30), 400)) for k in range(4)))
    return path


def test_workers_agree_with_this_process(archive: Path) -> None:
    """To rounding: the refinement's last steps end within about 1e-8, the score's optimum being flat."""
    pairs = [("s0", "s1"), ("s2", "s0"), ("s3", "s3")]
    models = BeadArchive(archive)
    for found, (a, b) in zip(compare_pairs(archive, pairs, workers=2), pairs, strict=True):
        expected = superpose(models[a], models[b])
        assert (found.structure_a, found.structure_b) == (a, b)
        assert found.superposition.score == pytest.approx(expected.score, abs=1e-7)
        np.testing.assert_allclose(found.superposition.rotation, expected.rotation, atol=1e-5)


def test_a_closed_comparison_stops(archive: Path) -> None:
    results = compare_pairs(archive, [("s0", "s1")] * 2000, workers=1)
    assert next(results).structure_b == "s1"
    results.close()
    with pytest.raises(StopIteration):
        next(results)


def test_a_missing_structure_is_named(archive: Path) -> None:
    with pytest.raises(KeyError, match="absent"):
        list(compare_pairs(archive, [("s0", "absent")], workers=1))


def test_no_pairs_start_no_work(archive: Path) -> None:
    assert list(compare_pairs(archive, [])) == []
