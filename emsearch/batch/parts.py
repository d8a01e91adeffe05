"""The unfinished answers of a batch: a folder of one file a chunk beside the output, and a record of what it is of.

A file appears whole under its name or not at all, so that a batch that was killed goes on after the last chunk that is
there, and no particle is lost or searched twice.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emsearch_index.errors import UsageError

__all__ = ["Parts", "parts_folder"]


def parts_folder(output: Path) -> Path:
    """Return where the unfinished answers of an output lie.

    >>> parts_folder(Path("hits.parquet")).name
    'hits.parquet.part'
    """
    return output.with_name(f"{output.name}.part")


class Parts:
    """The parts of one output, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    @contextmanager
    def held(cls, output: Path, *, restart: bool = False) -> Iterator["Parts"]:
        """Hold the parts of an output, without those of before where ``restart`` says so.

        Raises
        ------
        UsageError
            Another process holds them.
        """
        folder = parts_folder(output)
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"another emsearch batch is writing {output}; wait for it, or give another --out"
                ) from None
            if restart:
                for path in folder.iterdir():
                    if path.name != "lock":
                        path.unlink()
            yield cls(folder)
        finally:
            os.close(lock)

    @contextmanager
    def written(self, name: str) -> Iterator[Path]:
        """Give a path to write to; the file is flushed to the disk and appears as ``name`` when that went well."""
        unfinished = self.folder / f"{name}.unfinished"
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(self.folder / name)

    def missing(self, chunks: int) -> list[int]:
        """Return the numbers of the chunks that are not there yet, of ``chunks``."""
        return [k for k in range(chunks) if not (self.folder / _table(k)).exists()]

    def note(self, name: str) -> Any | None:
        """Return what was kept under a name, or None where nothing was."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def keep(self, name: str, value: Any) -> None:
        """Keep a value of plain JSON under a name."""
        with self.written(f"{name}.json") as path:
            path.write_text(json.dumps(value, indent=2))

    def add(self, number: int, rows: pa.Table, share: NDArray[np.float32] | None) -> None:
        """Keep the answers of a chunk, and the network's shares (n, groups) where they are needed later."""
        if share is not None:
            with self.written(_shares(number)) as path, path.open("wb") as file:
                np.save(file, share)
        with self.written(_table(number)) as path:
            pq.write_table(rows, path)

    def tables(self, chunks: int) -> Iterator[pa.Table]:
        """Yield the answers of all chunks, one after the other."""
        for number in range(chunks):
            yield pq.read_table(self.folder / _table(number))

    def shares(self, number: int) -> NDArray[np.float32]:
        """Return the network's shares (n, groups) of a chunk."""
        kept: NDArray[np.float32] = np.load(self.folder / _shares(number), mmap_mode="r")
        return kept

    def publish(self, write: Callable[[Path], None], output: Path) -> None:
        """Write a file that is made of the parts, and rename it to where it belongs when it is whole."""
        with self.written("assembled") as path:
            write(path)
        (self.folder / "assembled").replace(output)

    def discard(self) -> None:
        """Remove the parts: the output is there."""
        shutil.rmtree(self.folder)


def _table(number: int) -> str:
    return f"chunk-{number:06d}.parquet"


def _shares(number: int) -> str:
    return f"chunk-{number:06d}.shares.npy"
