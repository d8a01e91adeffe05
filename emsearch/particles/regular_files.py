"""Opening files from outside: regular ones alone, of a bearable size, and both files of a pair."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from emsearch.particles.decoder import Job
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import Request, UnusableFileError

__all__ = ["open_regular", "opened_job"]

_HEADERS, _PIXELS = ".hed", ".img"  # of an IMAGIC stack


@contextmanager
def opened_job(
    path: str,
    limits: ReadingLimits,
    *,
    numbers: tuple[int, ...] | None = None,
    max_images: int | None = None,
) -> Iterator[Job]:
    """Open a file, and its mate where it is half of an IMAGIC pair, for the decoding of some of its images.

    Raises
    ------
    UnusableFileError
        A path that is no regular file, or lacks its mate.
    """
    with ExitStack() as opened:
        name = Path(path)
        pair = name.suffix.lower() in (_HEADERS, _PIXELS)
        file = opened.enter_context(
            open_regular(str(_of_pair(name, _HEADERS)) if pair else path, limits.file_bytes)
        )
        mate = None
        if pair:
            try:
                mate = opened.enter_context(open_regular(str(_of_pair(name, _PIXELS)), limits.file_bytes))
            except UnusableFileError as problem:
                raise UnusableFileError(f"is half of an IMAGIC stack whose .img file {problem}") from None
        size = os.fstat(file.fileno()).st_size
        mate_size = None if mate is None else os.fstat(mate.fileno()).st_size
        yield Job(file, Request(numbers, max_images, size, limits, mate_size), mate)


def _of_pair(path: Path, suffix: str) -> Path:
    """Return the file of that kind beside ``path``, its suffix in the case that ``path`` has."""
    return path.with_suffix(suffix.upper() if path.suffix.isupper() else suffix)


def open_regular(path: str, most_bytes: int) -> BinaryIO:
    """Open a regular file; checked before, for devices, and after, for a file swapped meanwhile."""
    try:
        _check_regular(Path(path).stat(), most_bytes)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        hint = " (image N of a stack is N@FILE, with N from 1)" if "@" in path else ""
        raise UnusableFileError(f"does not exist; give the path of an image{hint}") from None
    except OSError as error:
        raise UnusableFileError(
            f"cannot be opened ({error.strerror}); give a file that you may read"
        ) from None
    except ValueError:
        raise UnusableFileError("cannot be the name of a file; give the path of an image") from None
    file = os.fdopen(descriptor, "rb")
    try:
        _check_regular(os.fstat(descriptor), most_bytes)
    except UnusableFileError:
        file.close()
        raise
    return file


def _check_regular(status: os.stat_result, most_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise UnusableFileError("is a folder; give an image or stack in it")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFileError("is a pipe or device; only regular files are read, so save the image first")
    if status.st_size == 0:
        raise UnusableFileError("is empty; copy it again")
    if status.st_size > most_bytes:
        raise UnusableFileError(f"has {status.st_size} bytes, more than {most_bytes}; split the stack")
