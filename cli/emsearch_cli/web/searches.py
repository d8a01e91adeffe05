"""Searches that wait, run and are kept: one at a time, so many waiting, so many remembered."""

import asyncio
import math
import secrets
import sys
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from emsearch.search.searching import search_stack
from emsearch_cli.web.images import FoundImage, keep_image
from emsearch_cli.web.limits import busy
from emsearch_index.errors import EmsearchError

if TYPE_CHECKING:
    from emsearch.particles.reading import ImageStack
    from emsearch.search.engine import SearchIndex
    from emsearch.search.hits import Answer
    from emsearch_cli.web.science import Science
    from emsearch_cli.web.settings import WebSettings
    from emsearch_cli.web.uploads import SearchForm

__all__ = ["Search", "SearchQueue"]

State = Literal["waiting", "searching", "done", "failed"]
_GUESSED_SECONDS = 2.0  # of a search, before there was one


@dataclass(slots=True, eq=False)
class Search:
    """One upload and what was found; ``stack`` is there until it was searched, ``problem`` says why there is no answer.

    ``images`` is how many are searched, ``seconds`` how long that took; ``fault`` is a fault of the program.
    """

    id: str
    name: str
    form: "SearchForm"
    stack: "ImageStack | None"
    images: int
    state: State = "waiting"
    found: list[FoundImage] = field(default_factory=list)
    problem: str | None = None
    fault: bool = False
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    ended: float = math.inf
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bytes(self) -> int:
        """The memory that its pictures take."""
        return sum(found.image.nbytes for found in self.found)


class SearchQueue:
    """The searches of a page; everything here but the search itself happens on the event loop."""

    def __init__(self, science: "Science", settings: "WebSettings") -> None:
        self._science = science
        self._settings = settings
        self._kept: OrderedDict[str, Search] = OrderedDict()
        self._waiting: deque[Search] = deque()
        self._arriving = 0
        self._more = asyncio.Event()
        self._usual_seconds = _GUESSED_SECONDS
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to search what comes."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Search no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while an image is received and read; HTTPException 503 where there is none."""
        waiting = len(self._waiting) + self._arriving
        if waiting >= self._settings.waiting:
            raise busy(f"{waiting} searches are waiting already", math.ceil(self._usual_seconds * waiting))
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def add(self, name: str, form: "SearchForm", stack: "ImageStack") -> Search:
        """Put a search at the end of the queue; called in a ``place``."""
        search = Search(secrets.token_urlsafe(9), name, form, stack, len(stack.images))
        self._kept[search.id] = search
        self._waiting.append(search)
        self._more.set()
        self._forget()
        return search

    def get(self, search_id: str) -> Search | None:
        """Return a search, None where it was never there or is no longer kept."""
        self._forget()
        return self._kept.get(search_id)

    def before(self, search: Search) -> int:
        """Return how many wait in front of a search that waits."""
        return self._waiting.index(search) if search in self._waiting else 0

    def remove(self, search: Search) -> None:
        """Forget a search; one that waits is not searched, of one that runs the images left are not."""
        self._kept.pop(search.id, None)
        if search in self._waiting:
            self._waiting.remove(search)
        search.stack = None

    @property
    def recent(self) -> list[Search]:
        """The searches that are kept, the last one first."""
        self._forget()
        return list(reversed(self._kept.values()))

    def _forget(self) -> None:
        over = [search for search in self._kept.values() if search.finished.is_set()]
        size = sum(search.bytes for search in over)
        now = time.monotonic()
        for search in over:
            too_old = now - search.ended > self._settings.kept_seconds
            if not too_old and len(self._kept) <= self._settings.kept and size <= self._settings.kept_bytes:
                break
            size -= search.bytes
            del self._kept[search.id]

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            search = self._waiting[0]
            await self._science.do(lambda index: None)  # until the index is open, it waits
            if not self._waiting or self._waiting[0] is not search:
                continue  # it was removed meanwhile
            self._waiting.popleft()
            await self._search(search)

    async def _search(self, search: Search) -> None:
        search.state = "searching"
        started = time.monotonic()
        try:
            await self._images(search, started)
            search.state = "done"
        except EmsearchError as error:
            search.state, search.problem = "failed", str(error)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            search.state, search.fault = "failed", True
            search.problem = (
                f"Internal error ({type(error).__name__}); the terminal of emsearch serve shows more."
            )
        finally:
            search.stack = None
            search.ended = time.monotonic()
            search.seconds = search.ended - started
            self._usual_seconds += 0.2 * (search.seconds - self._usual_seconds)
            search.finished.set()

    async def _images(self, search: Search, started: float) -> None:
        stack = search.stack
        assert stack is not None
        answers: Iterator[Answer] | None = None

        def one(index: "SearchIndex") -> FoundImage | None:
            nonlocal answers
            if answers is None:
                answers = search_stack(index, stack, **search.form.model_dump())
            answer = next(answers, None)
            return None if answer is None else keep_image(answer, stack.images[len(search.found)])

        while (found := await self._science.do(one)) is not None:
            search.found.append(found)
            late = time.monotonic() - started > self._settings.search_seconds
            if (late or search.stack is None) and len(search.found) < search.images:
                search.notes.append(
                    f"stopped after {len(search.found)} of {search.images} images; emsearch batch searches stacks"
                )
                return
