"""Not to be a burden: who asks, how often, and how long to wait after a refusal."""

import random
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

__all__ = ["USER_AGENT", "Pace", "pause_seconds"]

USER_AGENT = f"emsearch/{version('emsearch')} (negative-stain and cryo-EM image search; python-httpx)"

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0


class Pace:
    """Lets callers of all threads through at most so often a second."""

    def __init__(self, requests_per_second: float) -> None:
        self._interval = 1 / requests_per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        time.sleep(max(0.0, turn - time.monotonic()))


def pause_seconds(attempt: int, retry_after: str | None) -> float:
    """Return how long to wait after the failed attempt of that number, counted from 1.

    What the server asks for in ``Retry-After`` (seconds or a date), else twice as long each time, less a random part
    so that many clients do not come back at once ("full jitter" keeps a half here).
    """
    asked = _asked_seconds(retry_after)
    if asked is not None:
        return min(max(asked, 0.0), _LONGEST_PAUSE_SECONDS)
    longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)


def _asked_seconds(retry_after: str | None) -> float | None:
    if retry_after is None:
        return None
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
