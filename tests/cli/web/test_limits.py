"""Bodies that are too long, and requests that take too long."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from emsearch_cli.web.limits import Places, RequestLimits
from emsearch_cli.web.settings import WebSettings


@pytest.mark.parametrize("path", ["/searches", "/api/searches"])
def test_a_length_that_is_announced_is_refused_unread(
    serve_page: Callable[..., TestClient], path: str
) -> None:
    page = serve_page(upload_bytes=1 << 20)

    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    response = page.post(path, content=never(), headers={"content-length": str((1 << 20) + 1)})
    assert response.status_code == 413 and "1 MiB" in response.text
    assert response.headers["connection"] == "close"


def test_a_body_is_refused_when_it_passes_the_limit(serve_page: Callable[..., TestClient]) -> None:
    limit = 1 << 20
    read = 0

    async def endless() -> Message:
        nonlocal read
        read += 1 << 16
        return {"type": "http.request", "body": b"x" * (1 << 16), "more_body": True}

    async def upload(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(HTTPException, match="413"):
            while True:
                await receive()
        await PlainTextResponse("refused")(scope, receive, send)

    async def ignore(message: Message) -> None:
        pass

    guarded = RequestLimits(upload, settings=WebSettings(upload_bytes=limit), refuse=refuse)
    asyncio.run(
        guarded({"type": "http", "method": "POST", "path": "/searches", "headers": []}, endless, ignore)
    )
    assert limit < read <= limit + (1 << 16)


def refuse(scope: Scope, status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status)


def test_a_chunked_upload_is_refused_too(serve_page: Callable[..., TestClient]) -> None:
    page = serve_page(upload_bytes=1 << 16)
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(20):
            yield b"x" * (1 << 14)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert page.post("/api/searches", content=body(), headers=headers).status_code == 413


def test_another_request_may_not_be_long(serve_page: Callable[..., TestClient]) -> None:
    page = serve_page(form_bytes=1000)
    assert page.post("/api/sql", json={"statement": "SELECT 1 -- " + "x" * 2000}).status_code == 413


def test_a_request_that_takes_too_long_is_given_up(
    serve_page: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = serve_page(request_seconds=0.2)
    ended = asyncio.Event()
    monkeypatch.setattr("emsearch_cli.web.api.finished", lambda search, wait: ended.wait())
    monkeypatch.setattr("emsearch_cli.web.api.search_of", lambda request, name: None)
    started = time.monotonic()
    response = page.get("/api/searches/x")
    assert response.status_code == 408 and "too long" in response.json()["detail"]
    assert time.monotonic() - started < 20


def test_places_are_few() -> None:
    async def crowd() -> list[str]:
        places, most, running = Places(2, 1), 0, 0

        async def one() -> str:
            nonlocal most, running
            try:
                async with places.one("Too many"):
                    running += 1
                    most = max(most, running)
                    await asyncio.sleep(0)
                    running -= 1
            except HTTPException as error:
                return str(error.status_code)
            return "ran"

        outcomes = await asyncio.gather(*(one() for _ in range(6)))
        assert most == 2
        async with places.one("Too many"):
            return list(outcomes)

    assert sorted(asyncio.run(crowd())) == ["503"] * 3 + ["ran"] * 3
