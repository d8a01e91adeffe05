"""What the page computes for its users: one job at a time, so many waiting, so many remembered."""

import asyncio
import math
import secrets
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from emsearch_cli.web.limits import busy
from emsearch_index.errors import EmsearchError

if TYPE_CHECKING:
    from emsearch_cli.web.science import Science
    from emsearch_cli.web.settings import WebSettings

__all__ = ["Job", "JobQueue"]

State = Literal["waiting", "running", "done", "failed"]
_GUESSED_SECONDS = 2.0  # of a job, before there was one


@dataclass(slots=True, eq=False, kw_only=True)
class Job(ABC):
    """Something that is computed once it is its turn.

    ``problem`` says why there is no result, and ``fault`` whether that is a fault of the program; ``seconds`` is how long it
    took; ``removed`` says that nobody wants it any more.
    """

    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    state: State = "waiting"
    problem: str | None = None
    fault: bool = False
    removed: bool = False
    seconds: float = 0.0
    ended: float = math.inf
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    @abstractmethod
    def held_bytes(self) -> int:
        """The memory that it takes when it has ended."""

    @abstractmethod
    async def run(self, science: "Science", settings: "WebSettings") -> None:
        """Compute it."""


class JobQueue:
    """The jobs of a page; everything here but the jobs themselves happens on the event loop."""

    def __init__(self, science: "Science", settings: "WebSettings") -> None:
        self._science = science
        self._settings = settings
        self._kept: OrderedDict[str, Job] = OrderedDict()
        self._waiting: deque[Job] = deque()
        self._arriving = 0
        self._more = asyncio.Event()
        self._usual_seconds = _GUESSED_SECONDS
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to do what comes."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Do no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while what a job needs is received; HTTPException 503 where there is none."""
        waiting = len(self._waiting) + self._arriving
        if waiting >= self._settings.waiting:
            raise busy(f"{waiting} searches are waiting already", math.ceil(self._usual_seconds * waiting))
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def add(self, job: Job) -> None:
        """Put a job at the end of the queue; called in a ``place``."""
        self._kept[job.id] = job
        self._waiting.append(job)
        self._more.set()
        self._forget()

    def get(self, job_id: str) -> Job | None:
        """Return a job, None where it was never there or is no longer kept."""
        self._forget()
        return self._kept.get(job_id)

    def before(self, job: Job) -> int:
        """Return how many wait in front of a job that waits."""
        return self._waiting.index(job) if job in self._waiting else 0

    def remove(self, job: Job) -> None:
        """Forget a job; one that waits is not done, one that runs may stop when it can."""
        self._kept.pop(job.id, None)
        if job in self._waiting:
            self._waiting.remove(job)
        job.removed = True

    @property
    def recent(self) -> list[Job]:
        """The jobs that are kept, the last one first."""
        self._forget()
        return list(reversed(self._kept.values()))

    def _forget(self) -> None:
        over = [job for job in self._kept.values() if job.finished.is_set()]
        size = sum(job.held_bytes for job in over)
        now = time.monotonic()
        for job in over:
            too_old = now - job.ended > self._settings.kept_seconds
            if not too_old and len(self._kept) <= self._settings.kept and size <= self._settings.kept_bytes:
                break
            size -= job.held_bytes
            del self._kept[job.id]

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            job = self._waiting[0]
            await self._science.do(lambda index: None)  # until the index is open, it waits
            if not self._waiting or self._waiting[0] is not job:
                continue  # it was removed meanwhile
            self._waiting.popleft()
            await self._do(job)

    async def _do(self, job: Job) -> None:
        job.state = "running"
        started = time.monotonic()
        try:
            await job.run(self._science, self._settings)
            job.state = "done"
        except EmsearchError as error:
            job.state, job.problem = "failed", str(error)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            job.state, job.fault = "failed", True
            job.problem = (
                f"Internal error ({type(error).__name__}); the terminal of emsearch serve shows more."
            )
        finally:
            job.ended = time.monotonic()
            job.seconds = job.ended - started
            self._usual_seconds += 0.2 * (job.seconds - self._usual_seconds)
            job.finished.set()
