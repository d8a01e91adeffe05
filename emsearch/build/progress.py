"""How far a stage is, said every few seconds."""

import time
from collections.abc import Callable

__all__ = ["Ticker", "duration"]

_EVERY_SECONDS = 5.0


def duration(seconds: float) -> str:
    """Return a time span for a reader.

    >>> [duration(s) for s in (0.4, 95.0, 700.0, 9000.0)]
    ['0 s', '95 s', '12 min', '2.5 h']
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class Ticker:
    """Counts what is done of a known number and reports count, rate and time left."""

    def __init__(self, report: Callable[[str], None], label: str, total: int) -> None:
        self._report = report
        self._label = label
        self._total = total
        self._done = 0
        self._started = self._said = time.monotonic()

    def step(self, count: int = 1) -> None:
        """Count some more; a line goes out every five seconds and at the end."""
        self._done += count
        now = time.monotonic()
        if now - self._said < _EVERY_SECONDS and self._done < self._total:
            return
        self._said = now
        rate = self._done / max(now - self._started, 1e-9)
        left = duration((self._total - self._done) / rate)
        self._report(f"{self._label}: {self._done:,} of {self._total:,}, {rate:.3g}/s, {left} left")
