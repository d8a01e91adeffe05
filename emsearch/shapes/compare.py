"""Superposition of many pairs in worker processes that each read bead models from one archive."""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from emsearch.shapes.prepared import PreparedShape, prepare_shape
from emsearch.shapes.superposition import Superposition, superpose_shapes
from emsearch.structures.beads import BeadArchive
from emsearch.structures.workers import follow_parent

__all__ = ["PairComparison", "compare_pairs"]

_PAIRS_PER_TASK = 32
_TASKS_AHEAD = 16  # per worker, so that one slow task keeps none waiting
_SHAPES_HELD = 512  # per worker, at most 0.5 GB were all of 20,000 beads


@dataclass(frozen=True, slots=True)
class PairComparison:
    """Structure b superposed on structure a."""

    structure_a: str
    structure_b: str
    superposition: Superposition


def compare_pairs(
    archive: Path, pairs: Sequence[tuple[str, str]], workers: int = 2
) -> Generator[PairComparison]:
    """Superpose pairs of an archive, yielding each result as its turn comes, in the order of ``pairs``.

    Closing the generator stops the work: what was not begun is dropped. To resume, pass the missing pairs
    only. Pairs in sorted order are quickest, since each worker keeps the shapes it met last.

    Parameters
    ----------
    archive : Path
        Bead models written by `write_bead_archive`.
    pairs : sequence of (id, id)
    workers : int
        Processes, one core each; they are spawned, not forked.

    Raises
    ------
    KeyError
        Where the archive lacks a structure.
    ShapeError
        Where a bead model has no shape.
    """
    tasks = (pairs[k : k + _PAIRS_PER_TASK] for k in range(0, len(pairs), _PAIRS_PER_TASK))
    with ProcessPoolExecutor(workers, get_context("spawn"), follow_parent) as pool:
        running: deque[Future[list[PairComparison]]] = deque()
        try:
            for task in islice(tasks, workers * _TASKS_AHEAD):
                running.append(pool.submit(_compare, archive, task))
            while running:
                yield from running.popleft().result()
                for task in islice(tasks, 1):
                    running.append(pool.submit(_compare, archive, task))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _compare(archive: Path, pairs: Sequence[tuple[str, str]]) -> list[PairComparison]:
    return [PairComparison(a, b, superpose_shapes(_shape(archive, a), _shape(archive, b))) for a, b in pairs]


@lru_cache(maxsize=1)
def _opened(archive: Path) -> BeadArchive:
    return BeadArchive(archive)


@lru_cache(maxsize=_SHAPES_HELD)
def _shape(archive: Path, structure: str) -> PreparedShape:
    return prepare_shape(_opened(archive)[structure])
