"""Vectors: the embeddings of one size class in a FAISS file, searched by inner product.

This is the only module that imports faiss. A process must not fork once FAISS has run: OpenMP hangs in
the child, so start workers with ``spawn``.
"""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from emsearch_index.errors import IndexCorruptError, IndexMissingError

with warnings.catch_warnings():
    # the module that SWIG generates for FAISS announces types without __module__ under Python 3.12 and later
    warnings.filterwarnings(
        "ignore", r"builtin type [Ss]wig\w+ has no __module__ attribute", DeprecationWarning
    )
    import faiss

__all__ = ["Kind", "VectorStats", "Vectors", "append_vectors", "write_vectors"]

Kind = Literal["flat", "sq8", "sq4", "pq", "ivf_sq8"]

_FLAT_LIMIT = 500_000  # scanning that many 128-byte codes takes about as long as one projection matching step
_PROBED_SHARE = 1 / 16  # of the lists of an inverted file
_RECALL_QUERIES = 200
_RECALL_NEIGHBOURS = 10
_QUERY_NOISE = 0.3  # length of the random vector added to a unit vector, about 17 degrees away
_PQ_SAMPLE = 16_384
_PQ_LEAST = 9984  # 39 training points for each of 256 centroids, below which FAISS warns


@dataclass(frozen=True, slots=True)
class VectorStats:
    """What `write_vectors` wrote.

    ``recall_at_10`` is the share of the ten exact nearest neighbours that the file finds, over 200 (or
    fewer) of its own vectors, each displaced by noise of length 0.3 and scaled back to unit length.
    """

    kind: Kind
    vectors: int
    dimension: int
    bytes: int
    recall_at_10: float


class Vectors:
    """An open file of vectors; ``vector_id`` is a vector's position in the array that was written."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def open(cls, path: Path) -> "Vectors":
        """Read a file that `write_vectors` wrote.

        FAISS notices only about half of all damage, so open what `Generation.file` has checked.

        Raises
        ------
        IndexMissingError
            There is no such file.
        IndexCorruptError
            FAISS cannot read it, or it does not compare by inner product.
        """
        if not path.is_file():
            raise IndexMissingError(f"no vectors at {path}: build an index or name another folder")
        try:
            index = faiss.read_index(str(path))
        except (RuntimeError, MemoryError) as error:
            raise IndexCorruptError(
                f"{path} is not a readable FAISS file: restore or rebuild the index"
            ) from error
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise IndexCorruptError(f"{path} does not compare by inner product: rebuild the index")
        return cls(index)

    def __len__(self) -> int:
        """Return the number of vectors."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the k vectors most similar to each query, the most similar first.

        Parameters
        ----------
        queries : float32 (q, dimension)
            L2-normalised.
        k
            Neighbours to return; no more than there are vectors come back.

        Returns
        -------
        similarity : float32 (q, min(k, n))
            Inner products, that is cosines.
        vector_id : int64 (q, min(k, n))
            An inverted file pads with -1 where the lists it probed hold fewer.
        """
        _check_matrix(queries, self.dimension)
        if k < 1:
            raise ValueError(f"k is {k}: ask for at least one neighbour")
        similarity, vector_id = self._index.search(np.ascontiguousarray(queries), min(k, len(self)))
        return similarity, vector_id

    def reconstruct(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored vectors of these ids, (m, dimension), as exact as the file's kind stores them."""
        wanted = np.ascontiguousarray(ids, np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise ValueError(
                f"vector ids run from 0 to {len(self) - 1}, found {wanted.min()} to {wanted.max()}"
            )
        if isinstance(self._index, faiss.IndexIVF):
            self._index.make_direct_map()  # a list position for every id: made on first use only
        found: NDArray[np.float32] = self._index.reconstruct_batch(wanted)
        return found


def write_vectors(
    vectors: NDArray[np.float32], path: Path, *, kind: Kind | Literal["auto"] = "auto", seed: int = 0
) -> VectorStats:
    """Write vectors to a FAISS file, read it back, and measure what the file finds.

    The file appears under its name only when it is whole: FAISS reports success on a full disk, so what
    was written is flushed, read again and searched before it is renamed.

    Parameters
    ----------
    vectors : float32 (n, dimension)
        L2-normalised.
    kind
        ``flat`` exact; ``sq8``, ``sq4`` 8 or 4 bits a number, every vector compared; ``pq`` product
        quantisation to one byte for four numbers; ``ivf_sq8`` an inverted file of ``sq8`` codes; ``auto``
        ``sq8`` up to half a million vectors, ``ivf_sq8`` beyond.
    seed
        Of the clustering and of the queries for the recall.

    Raises
    ------
    ValueError
        No vectors, vectors not of unit length, or too few for the kind.
    OSError
        The file could not be written whole.
    """
    _check_unit(vectors)
    chosen: Kind = _choose(len(vectors)) if kind == "auto" else kind
    index = _build(np.ascontiguousarray(vectors), chosen, seed)
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        written = _write(index, temporary)
        recall = _recall(vectors, written, seed)
        size = temporary.stat().st_size
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return VectorStats(chosen, len(vectors), vectors.shape[1], size, recall)


def append_vectors(source: Path, vectors: NDArray[np.float32], path: Path) -> int:
    """Write the vectors of a file and further ones after them to another file, and return how many these are.

    The quantiser stays as it was trained, so that the codes of the old vectors, their order and their ids stay too.
    What of a new vector lies beyond the range that the quantiser was trained on is cut to that range.

    Parameters
    ----------
    source
        A file that `write_vectors` or this function wrote.
    vectors : float32 (n, dimension)
        L2-normalised.
    path
        As in `write_vectors`, the file appears under this name only when it is whole.

    Raises
    ------
    ValueError
        No vectors, or vectors not of unit length or of another dimension.
    IndexMissingError, IndexCorruptError
        As `Vectors.open`.
    OSError
        The file could not be written whole.
    """
    _check_unit(vectors)
    opened = Vectors.open(source)
    _check_matrix(vectors, opened.dimension)
    opened._index.add(np.ascontiguousarray(vectors))
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        written = _write(opened._index, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return len(written)


def _choose(count: int) -> Kind:
    return "sq8" if count <= _FLAT_LIMIT else "ivf_sq8"


def _build(vectors: NDArray[np.float32], kind: Kind, seed: int) -> Any:
    count, dimension = vectors.shape
    lists = max(1, round(4 * count**0.5))
    codes = max(m for m in range(1, max(1, dimension // 4) + 1) if dimension % m == 0)
    recipes: dict[Kind, str] = {
        "flat": "Flat",
        "sq8": "SQ8",
        "sq4": "SQ4",
        "pq": f"PQ{codes}",
        "ivf_sq8": f"IVF{lists},SQ8",
    }
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}: use auto, {', '.join(get_args(Kind))}")
    least = {"pq": _PQ_LEAST, "ivf_sq8": 39 * lists}.get(kind, 1)
    if count < least:
        raise ValueError(f"{count} vectors are too few for kind {kind!r}, which takes {least}: use auto")
    index: Any = faiss.index_factory(dimension, recipes[kind], faiss.METRIC_INNER_PRODUCT)
    if kind == "ivf_sq8":
        index.cp.seed = seed
        index.nprobe = max(1, round(lists * _PROBED_SHARE))
    sample = vectors
    if kind == "pq":
        index.do_polysemous_training = False  # orders the codes for a search by Hamming distance, unused here
        index.pq.cp.seed = seed
        if count > _PQ_SAMPLE:  # FAISS would take 65,536, four times as long for the same recall
            sample = vectors[np.random.default_rng(seed).choice(count, _PQ_SAMPLE, replace=False)]
    index.train(sample)
    index.add(vectors)
    return index


def _write(index: Any, path: Path) -> Vectors:
    try:
        faiss.write_index(index, str(path))
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        written = Vectors.open(path)
    except (RuntimeError, IndexCorruptError) as error:
        raise OSError(f"the vectors could not be written to {path}: check the space on that disk") from error
    if len(written) != index.ntotal:
        raise OSError(f"{path} holds {len(written)} of {index.ntotal} vectors: check the space on that disk")
    return written


def _recall(vectors: NDArray[np.float32], written: Vectors, seed: int) -> float:
    random = np.random.default_rng(seed)
    count, dimension = vectors.shape
    chosen = vectors[random.choice(count, min(count, _RECALL_QUERIES), replace=False)]
    noise = random.standard_normal(chosen.shape).astype(np.float32) / np.float32(dimension**0.5)
    queries = chosen + np.float32(_QUERY_NOISE) * noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    neighbours = min(_RECALL_NEIGHBOURS, count)
    _, exact = faiss.knn(
        queries, np.ascontiguousarray(vectors), neighbours, metric=faiss.METRIC_INNER_PRODUCT
    )
    _, found = written.search(queries, neighbours)
    shared = [len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True)]
    return float(np.mean(shared) / neighbours)


def _check_matrix(vectors: NDArray[np.float32], dimension: int | None = None) -> None:
    fits = vectors.ndim == 2 and (dimension is None or vectors.shape[1] == dimension)
    if not fits or vectors.dtype != np.float32:
        wanted = "any" if dimension is None else dimension
        raise ValueError(
            f"expected float32 vectors of shape (n, {wanted}), found {vectors.dtype} {vectors.shape}"
        )


def _check_unit(vectors: NDArray[np.float32]) -> None:
    _check_matrix(vectors)
    if not len(vectors):
        raise ValueError("there are no vectors to write")
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    if not np.allclose(lengths, 1.0, atol=1e-3):
        raise ValueError(f"vectors must have unit length, found {lengths.min():.4g} to {lengths.max():.4g}")
