"""Vectors: round trips, recall, and files that FAISS must not be trusted with."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch_index.errors import IndexCorruptError, IndexMissingError
from emsearch_index.vectors import Kind, Vectors, write_vectors


def unit_vectors(count: int, dimension: int = 32, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((50, dimension))
    vectors = centres[random.integers(0, 50, count)] + 0.5 * random.standard_normal((count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize(
    ("kind", "least_recall", "tolerance"),
    [("flat", 1.0, 1e-6), ("sq8", 0.9, 0.01), ("sq4", 0.5, 0.1), ("ivf_sq8", 0.85, 0.01)],
)
def test_what_is_written_is_found(tmp_path: Path, kind: Kind, least_recall: float, tolerance: float) -> None:
    vectors = unit_vectors(30_000)
    stats = write_vectors(vectors, tmp_path / "views.faiss", kind=kind)
    assert (stats.kind, stats.vectors, stats.dimension) == (kind, 30_000, 32)
    assert stats.bytes == (tmp_path / "views.faiss").stat().st_size
    assert stats.recall_at_10 >= least_recall
    opened = Vectors.open(tmp_path / "views.faiss")
    ids = np.array([29_999, 0, 17], np.int64)
    np.testing.assert_allclose(opened.reconstruct(ids), vectors[ids], atol=tolerance)
    similarity, found = opened.search(vectors[ids], 5)
    assert similarity.dtype == np.float32 and found.dtype == np.int64 and found.shape == (3, 5)
    assert (np.diff(similarity, axis=1) <= 0).all()
    if kind != "sq4":
        np.testing.assert_array_equal(found[:, 0], ids)
        np.testing.assert_allclose(similarity[:, 0], 1.0, atol=5 * tolerance)


def test_product_quantisation_is_smallest(tmp_path: Path) -> None:
    vectors = unit_vectors(10_000, 8)
    stats = write_vectors(vectors, tmp_path / "views.faiss", kind="pq")
    assert stats.bytes < vectors.nbytes / 8
    assert len(Vectors.open(tmp_path / "views.faiss")) == 10_000


def test_equal_seeds_write_equal_files(tmp_path: Path) -> None:
    vectors = unit_vectors(12_000, 8)
    for name in ("a", "b"):
        write_vectors(vectors, tmp_path / name, kind="pq", seed=7)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_auto_compares_every_vector_of_a_small_index(tmp_path: Path) -> None:
    assert write_vectors(unit_vectors(3), tmp_path / "views.faiss").kind == "sq8"
    similarity, found = Vectors.open(tmp_path / "views.faiss").search(unit_vectors(2, seed=1), 10)
    assert similarity.shape == found.shape == (2, 3)


@pytest.mark.parametrize(
    ("vectors", "kind", "message"),
    [
        (np.zeros((0, 8), np.float32), "auto", "no vectors"),
        (np.ones((4, 8), np.float32), "auto", "unit length"),
        (np.full((4, 8), np.nan, np.float32), "auto", "unit length"),
        (np.eye(4), "auto", "expected float32"),
        (np.eye(4, dtype=np.float32)[0], "auto", "expected float32"),
        (np.eye(4, dtype=np.float32), "pq", "too few for kind 'pq'"),
        (np.eye(4, dtype=np.float32), "ivf_sq8", "too few for kind 'ivf_sq8'"),
        (np.eye(4, dtype=np.float32), "hnsw", "kind is 'hnsw'"),
    ],
)
def test_unusable_vectors_are_refused(
    tmp_path: Path, vectors: NDArray[np.float32], kind: Kind, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_vectors(vectors, tmp_path / "views.faiss", kind=kind)
    assert list(tmp_path.iterdir()) == []


def test_unusable_queries_are_refused(tmp_path: Path) -> None:
    write_vectors(unit_vectors(5, 8), tmp_path / "views.faiss")
    opened = Vectors.open(tmp_path / "views.faiss")
    assert opened.dimension == 8
    with pytest.raises(ValueError, match=r"shape \(n, 8\)"):
        opened.search(unit_vectors(1, 9), 1)
    with pytest.raises(ValueError, match="at least one"):
        opened.search(unit_vectors(1, 8), 0)
    with pytest.raises(ValueError, match="run from 0 to 4"):
        opened.reconstruct(np.array([5], np.int64))


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="no vectors at"):
        Vectors.open(tmp_path / "views.faiss")
    (tmp_path / "views.faiss").write_bytes(b"not vectors" * 100)
    with pytest.raises(IndexCorruptError, match="not a readable FAISS file"):
        Vectors.open(tmp_path / "views.faiss")


def test_a_full_disk_is_an_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "views.faiss"
    write_vectors(unit_vectors(5, 8), path)
    before = path.read_bytes()
    script = f"""if True:
        import resource, signal, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        import numpy as np
        from emsearch_index.vectors import write_vectors
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, {resource.RLIM_INFINITY}))
        vectors = np.tile(np.eye(8, dtype=np.float32), (1000, 1))
        try:
            write_vectors(vectors, Path(sys.argv[1]), kind="flat")
        except OSError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert "check the space on that disk" in done.stdout
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
