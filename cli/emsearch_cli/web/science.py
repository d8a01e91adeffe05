"""The open index, and the one thread that computes with it.

Network, simulator and matching use all cores by themselves, and numba's threads bear no second caller; so whatever
needs them runs here, one after another, while the event loop answers the other requests.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

__all__ = ["Science"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Science:
    """An index that is opened in the background when the page starts.

    Parameters
    ----------
    open_index
        Opens the index; runs in the thread that will use it.
    prepare
        Done with it before it is used; not begun where the page ends before.
    failed
        Called with the exception where it cannot be opened.
    """

    def __init__(
        self,
        open_index: "Callable[[], SearchIndex]",
        prepare: "Callable[[SearchIndex], None]",
        failed: Callable[[BaseException], None],
    ) -> None:
        self._open_index = open_index
        self._prepare = prepare
        self._failed = failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="science")
        self._opening: asyncio.Task[SearchIndex] | None = None

    def start(self) -> None:
        """Begin to open the index."""
        self._opening = asyncio.create_task(self._open())

    async def _open(self) -> "SearchIndex":
        loop = asyncio.get_running_loop()
        try:
            index = await loop.run_in_executor(self._thread, self._open_index)
            await loop.run_in_executor(self._thread, self._prepare, index)
            return index
        except Exception as error:
            self._failed(error)
            raise

    @property
    def ready(self) -> bool:
        """Whether the index is open."""
        opening = self._opening
        return opening is not None and opening.done() and not opening.cancelled() and not opening.exception()

    async def do(
        self,
        function: "Callable[Concatenate[SearchIndex, _P], _T]",
        /,
        *arguments: _P.args,
        **options: _P.kwargs,
    ) -> _T:
        """Return what a function makes of the index, once it is open and the thread is free."""
        assert self._opening is not None, "the page was not started"
        index = await asyncio.shield(self._opening)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: function(index, *arguments, **options))

    def stop(self) -> None:
        """Drop what waits for the thread; what runs in it ends by itself."""
        if self._opening is not None:
            self._opening.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)
