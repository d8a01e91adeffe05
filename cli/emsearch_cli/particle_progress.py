"""How far a stack is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emsearch_cli.messages import Messages

__all__ = ["particle_progress"]

_EVERY_SECONDS = 30.0

Show = Callable[[str, int, int], None]


@contextmanager
def particle_progress(messages: Messages) -> Iterator[Show]:
    """Give a function that is told how many of what are done, and of how many."""
    if messages.quiet:
        yield lambda what, done, of: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines(messages)


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, tuple[TaskID, _Rate]] = {}
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of, completed=done, rate=""), _Rate()
            task, rate = tasks[what]
            a_second = rate.of(done)
            progress.update(task, completed=done, rate=f"{a_second:.3g}/s" if a_second else "")

        yield show


class _Lines:
    """Lines with count, rate and time left."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._rates: dict[str, _Rate] = {}
        self._said = time.monotonic()

    def __call__(self, what: str, done: int, of: int) -> None:
        a_second, now = self._rates.setdefault(what, _Rate()).of(done), time.monotonic()
        if not a_second or (done < of and now - self._said < _EVERY_SECONDS):
            return
        self._said = now
        left = (of - done) / a_second / 60
        self._messages.say(f"{done:,} of {of:,} {what}, {a_second:.3g}/s, {left:.1f} min left")


class _Rate:
    """How many a second, those that were done before not counted."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def of(self, done: int) -> float:
        """Return the rate so far, 0 at the start."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, done
        start, before = self._first
        return (done - before) / max(now - start, 1e-9) if done > before else 0.0
