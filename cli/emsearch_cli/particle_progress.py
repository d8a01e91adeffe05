"""How far a stack is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emsearch_cli.messages import Messages

__all__ = ["particle_progress"]

_EVERY_SECONDS = 30.0


@contextmanager
def particle_progress(messages: Messages) -> Iterator[Callable[[int, int], None]]:
    """Give a function that is told how many particles are done, and of how many."""
    if messages.quiet:
        yield lambda done, particles: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines(messages)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("particles"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("particles", total=None, rate="")
        rate = _Rate()

        def show(done: int, particles: int) -> None:
            a_second = rate.of(done)
            progress.update(
                task, completed=done, total=particles, rate=f"{a_second:.3g}/s" if a_second else ""
            )

        yield show


class _Lines:
    """Lines with count, rate and time left."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._rate = _Rate()
        self._said = time.monotonic()

    def __call__(self, done: int, particles: int) -> None:
        a_second, now = self._rate.of(done), time.monotonic()
        if not a_second or (done < particles and now - self._said < _EVERY_SECONDS):
            return
        self._said = now
        left = (particles - done) / a_second
        self._messages.say(f"{done:,} of {particles:,} particles, {a_second:.3g}/s, {left / 60:.1f} min left")


class _Rate:
    """Particles a second, those that were done before not counted."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def of(self, done: int) -> float:
        """Return the rate so far, 0 at the start."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, done
        start, before = self._first
        return (done - before) / max(now - start, 1e-9) if done > before else 0.0
