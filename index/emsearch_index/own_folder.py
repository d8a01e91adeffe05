"""A temporary folder of our own, which is gone at the end; processes that were killed leave theirs to the next start.

Each process holds a lock on its folder. The kernel frees it however the process ends, so a folder without one is nobody's.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["own_folder"]

_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def own_folder(prefix: str) -> Iterator[Path]:
    """Make a folder that only this user may enter, and remove it at the end; first those that were left behind.

    Parameters
    ----------
    prefix
        How the names of all such folders begin, whoever makes them, and of nothing else.
    """
    _remove_left_behind(Path(tempfile.gettempdir()), prefix)
    folder, lock = _locked(prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        with suppress(FileNotFoundError):  # a process that starts now took it for left behind
            lock = os.open(folder, _AS_FOLDER)
            with suppress(
                OSError
            ):  # no locks in this file system: then nobody takes it for left behind either
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_left_behind(within: Path, prefix: str) -> None:
    for folder in within.glob(f"{prefix}*"):
        with suppress(OSError):  # another user's, no folder, or gone meanwhile
            lock = os.open(folder, _AS_FOLDER)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(lock)
