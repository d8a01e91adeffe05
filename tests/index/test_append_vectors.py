from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch_index.errors import IndexMissingError
from emsearch_index.vectors import Kind, Vectors, append_vectors, write_vectors


def unit_vectors(count: int, seed: int, dimension: int = 16) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("kind", ["flat", "sq8", "sq4", "pq", "ivf_sq8"])
def test_old_vectors_stay_as_they_were_and_new_ones_follow(tmp_path: Path, kind: Kind) -> None:
    old, new = unit_vectors(25_000, 0), unit_vectors(30, 1)
    before, after = tmp_path / "before", tmp_path / "after"
    write_vectors(old, before, kind=kind)
    content = before.read_bytes()
    assert append_vectors(before, new, after) == 25_030
    assert before.read_bytes() == content
    first, both = Vectors.open(before), Vectors.open(after)
    ids = np.arange(25_000)
    np.testing.assert_array_equal(both.reconstruct(ids), first.reconstruct(ids))
    stored = both.reconstruct(np.arange(25_000, 25_030))
    least = {"pq": 0.7, "sq4": 0.97}.get(kind, 0.999)
    assert (np.sum(stored * new, axis=1) / np.linalg.norm(stored, axis=1)).min() > least
    if kind in ("flat", "sq8"):
        np.testing.assert_array_equal(both.search(new, 1)[1][:, 0], np.arange(25_000, 25_030))
    assert {path.name for path in tmp_path.iterdir()} == {"before", "after"}


def test_a_file_can_grow_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "views.faiss"
    write_vectors(unit_vectors(5, 0), path)
    assert [append_vectors(path, unit_vectors(2, seed), path) for seed in (1, 2)] == [7, 9]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (unit_vectors(3, 0, 8), r"shape \(n, 16\)"),
        (2 * unit_vectors(3, 0), "unit length"),
        (np.zeros((0, 16), np.float32), "no vectors"),
    ],
)
def test_unusable_vectors_are_refused(tmp_path: Path, vectors: NDArray[np.float32], message: str) -> None:
    path = tmp_path / "views.faiss"
    write_vectors(unit_vectors(5, 0), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        append_vectors(path, vectors, path)
    assert path.read_bytes() == before
    with pytest.raises(IndexMissingError):
        append_vectors(tmp_path / "nowhere", unit_vectors(3, 0), path)
