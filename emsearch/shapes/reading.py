"""Structure files read in worker processes, each with a bound on memory and time.

A file may be from anywhere, and the libraries that read it are large: one that brings its process down is left
out, and the build goes on.
"""

import resource
import sys
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from emsearch.structures.atoms import Atoms
from emsearch.structures.model import Structure
from emsearch.structures.workers import follow_parent

__all__ = ["read_alone", "read_atoms_alone", "read_files"]

_MEMORY_BYTES = 4 << 30
_CPU_SECONDS = 600
_FILES_AHEAD = 2  # per worker; all of them are read again, one by one, where a worker dies

Answer = Structure | str


def read_files(
    paths: Sequence[Path], *, map_level: float | None, workers: int
) -> Iterator[tuple[Path, Answer]]:
    """Yield each path, as it is done, with its structure or with the sentence that says why there is none."""
    waiting = deque(paths)
    while waiting:
        suspects = yield from _read_until_broken(waiting, map_level, workers)
        for path in suspects:
            yield path, read_alone(path, map_level=map_level)


def read_alone(path: Path, *, map_level: float | None) -> Answer:
    """Read one file in a process of its own."""
    with _pool(1) as pool:
        try:
            return pool.submit(_read, path, map_level).result()
        except BrokenProcessPool:
            return (
                f"{path.name}: the process that read it was stopped (more than {_MEMORY_BYTES >> 30} GiB, more "
                f"than {_CPU_SECONDS} s, or damaged data); repair the file or leave it out."
            )


def read_atoms_alone(path: Path) -> Atoms | str:
    """Read the atoms of one file in a process of its own; a sentence says why there are none."""
    with _pool(1) as pool:
        try:
            return pool.submit(_read_atoms, path).result()
        except BrokenProcessPool:
            return f"{path.name}: the process that read its atoms was stopped; give a smaller file."


def _read_until_broken(
    waiting: deque[Path], map_level: float | None, workers: int
) -> Generator[tuple[Path, Answer], None, list[Path]]:
    """Read until all is done or a worker died; return what was in hand then."""
    running: dict[Future[Answer], Path] = {}
    with _pool(workers) as pool:
        try:
            while waiting or running:
                broken = not _fill(pool, waiting, running, map_level, workers * _FILES_AHEAD)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    if isinstance(future.exception(), BrokenProcessPool):
                        broken = True
                    else:
                        yield running.pop(future), future.result()
                if broken:
                    break
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return list(running.values())


def _fill(
    pool: ProcessPoolExecutor,
    waiting: deque[Path],
    running: dict[Future[Answer], Path],
    map_level: float | None,
    most: int,
) -> bool:
    """Hand out files up to a number; return False where the pool takes no more because a worker died."""
    while waiting and len(running) < most:
        try:
            future = pool.submit(_read, waiting[0], map_level)
        except BrokenProcessPool:
            return False
        running[future] = waiting.popleft()
    return True


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Set up a worker: it ends with its parent and has bounded memory."""
    follow_parent()
    _lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, _MEMORY_BYTES)


def _lower(kind: int, value: int) -> None:
    """Set the soft limit; the hard one may already be lower, and cannot be raised."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, hard))


def _read(path: Path, map_level: float | None) -> Answer:
    """Read a file and make sure that it has a shape; any failure is one sentence."""
    from emsearch.shapes.errors import ShapeError
    from emsearch.shapes.prepared import prepare_shape
    from emsearch.structures.errors import StructureError
    from emsearch.structures.read import read_structure

    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + _CPU_SECONDS)
    try:
        structure = read_structure(path, map_level=map_level)
        prepare_shape(structure.beads)
        return structure
    except StructureError as error:
        return _one_line(str(error))
    except ShapeError as error:
        return _one_line(f"{path.name}: {error}")
    except MemoryError:
        return f"{path.name}: needs more than {_MEMORY_BYTES >> 30} GiB to read; give a smaller file."
    except Exception as error:  # one file that meets a mistake of ours must not end a build of many hours
        return _one_line(
            f"{path.name}: could not be read ({type(error).__name__}: {error}); report this file."
        )


def _read_atoms(path: Path) -> Atoms | str:
    from emsearch.structures.errors import StructureError
    from emsearch.structures.read import read_atoms

    try:
        return read_atoms(path)
    except (StructureError, MemoryError) as error:
        return _one_line(f"{error}" or f"{path.name}: needs too much memory")


def _one_line(text: str) -> str:
    return " ".join(text.split())
