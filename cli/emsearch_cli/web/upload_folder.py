"""The folder of images that arrive, which is gone when the page ends; those that were killed leave theirs to the next start.

Each page holds a lock on its folder. The kernel frees it however the page ends, so a folder without one is nobody's.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["upload_folder"]

_PREFIX = "emsearch-serve-"
_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def upload_folder() -> Iterator[Path]:
    """Make a folder that only this user may enter, and remove it at the end; first those that were left behind."""
    _remove_left_behind(Path(tempfile.gettempdir()))
    folder, lock = _locked()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # a page that starts now took it for left behind
            lock = os.open(folder, _AS_FOLDER)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_left_behind(within: Path) -> None:
    for folder in within.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, no folder, or gone meanwhile
            lock = os.open(folder, _AS_FOLDER)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(lock)
