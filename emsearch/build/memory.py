"""The peak of memory over a stage: this process and its workers together."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PeakMemory", "resident_bytes", "watched"]

_EVERY_SECONDS = 0.5
_PROC = Path("/proc")


def resident_bytes() -> int | None:
    """Return the resident memory of this process and its children, or None where there is no /proc.

    Pages that several processes share are counted in each.
    """
    if not (_PROC / "self" / "statm").exists():
        return None
    family = [os.getpid(), *_children(os.getpid())]
    return sum(map(_resident_pages, family)) * os.sysconf("SC_PAGE_SIZE")


def _children(parent: int) -> list[int]:
    found = []
    for folder in _PROC.glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2]
        except OSError:  # it ended in between
            continue
        if int(after_name.split()[1]) == parent:
            found.append(int(folder.name))
    return found


def _resident_pages(process: int) -> int:
    try:
        return int((_PROC / str(process) / "statm").read_text().split()[1])
    except OSError:  # it ended in between
        return 0


class PeakMemory:
    """The largest of the samples taken so far."""

    def __init__(self) -> None:
        self.megabytes: float | None = None

    def sample(self) -> None:
        """Look once."""
        now = resident_bytes()
        if now is not None:
            self.megabytes = max(self.megabytes or 0.0, now / 1e6)


@contextmanager
def watched() -> Iterator[PeakMemory]:
    """Sample the memory twice a second while the block runs."""
    peak = PeakMemory()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY_SECONDS):
            peak.sample()

    peak.sample()
    thread = threading.Thread(target=watch, name="memory", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
        peak.sample()
