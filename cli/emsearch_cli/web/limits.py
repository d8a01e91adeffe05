"""How much one request may bring, how long it may take, and how many of a kind may wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emsearch_cli.web.settings import WebSettings

__all__ = ["Places", "RequestLimits", "busy"]

_UPLOADS = ("/searches", "/api/searches")


class RequestLimits:
    """Refuses a body as soon as it is known to be too long, and ends a request that takes too long.

    A length that is announced is judged before a byte is read; a body that is longer than it said, or does not say, when it
    passes the limit.
    """

    def __init__(
        self, app: ASGIApp, *, settings: WebSettings, refuse: Callable[[Scope, int, str], Response]
    ) -> None:
        self._app = app
        self._settings = settings
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = scope["method"] == "POST" and scope["path"].rstrip("/") in _UPLOADS
        most = self._settings.upload_bytes if upload else self._settings.form_bytes
        too_long = f"The request is longer than the {_in_words(most)} that are accepted; send less."
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await self._close(self._refuse(scope, 413, too_long), scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self._settings.request_seconds):
                await self._app(scope, _counted(receive, most, too_long), sending)
        except TimeoutError:
            if not started:
                refusal = self._refuse(scope, 408, "The request took too long and was given up; try again.")
                await self._close(refusal, scope, receive, send)

    async def _close(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        response.headers["connection"] = "close"  # the rest of the body is not read
        await response(scope, receive, send)


def _counted(receive: Receive, most: int, too_long: str) -> Receive:
    received = 0

    async def receiving() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise HTTPException(413, too_long, {"connection": "close"})
        return message

    return receiving


def _in_words(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def busy(what: str, seconds: int) -> HTTPException:
    """Return the refusal of a request for which there is no place now."""
    return HTTPException(503, f"{what}; try again in {seconds} s.", {"retry-after": str(seconds)})


class Places:
    """So many may run together, so many more may wait, and the others are refused."""

    def __init__(self, together: int, waiting: int) -> None:
        self._running = asyncio.Semaphore(together)
        self._most = together + waiting
        self._here = 0

    @asynccontextmanager
    async def one(self, what: str) -> AsyncIterator[None]:
        """Wait for a place and hold it; HTTPException 503 where too many wait."""
        if self._here >= self._most:
            raise busy(what, 2)
        self._here += 1
        try:
            async with self._running:
                yield
        finally:
            self._here -= 1
