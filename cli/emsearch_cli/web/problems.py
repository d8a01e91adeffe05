"""What goes wrong, as one sentence with its status: JSON for programs, a page for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from emsearch_index.errors import EmsearchError, IndexCorruptError, IndexMissingError, InputError, UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from jinja2 import Environment

__all__ = ["Problems", "is_api", "sentence_of"]

_HEADINGS = {
    401: "A token is needed",
    403: "Refused",
    404: "Not here",
    405: "Not possible",
    408: "Too slow",
    413: "Too large",
    422: "That cannot be used",
    503: "Busy",
}


def is_api(scope: Scope) -> bool:
    """Return whether a request is a program's."""
    return str(scope["path"]).startswith("/api/")


def sentence_of(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return the first of pydantic's complaints as one sentence.

    >>> sentence_of([{"loc": ("query", "top"), "msg": "Input should be less than 26", "input": "99"}])
    "top: found '99'; input should be less than 26."
    """
    first = errors[0]
    name = str(first["loc"][-1]) if first["loc"] else "request"
    found = first.get("input")
    message = str(first["msg"])
    shown = f"found {str(found)[:80]!r}; " if isinstance(found, str | int | float) else ""
    return f"{name}: {shown}{message[:1].lower()}{message[1:]}."


class Problems:
    """Makes the responses to what went wrong."""

    def __init__(self, templates: "Environment") -> None:
        self._templates = templates

    def response(
        self, scope: Scope, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the response to a request: status, sentence, further headers."""
        headers = {**(headers or {}), "cache-control": "no-store"}
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        if is_api(scope):
            return JSONResponse({"detail": sentence}, status, headers)
        heading = _HEADINGS.get(status, "Something went wrong")
        page = self._templates.get_template("problem.html.j2").render(heading=heading, sentence=sentence)
        return Response(page, status, headers, "text/html; charset=utf-8")

    def handle(self, app: "FastAPI") -> None:
        """Answer the exceptions of an application's routes."""
        from fastapi.exceptions import RequestValidationError

        app.add_exception_handler(HTTPException, self._http)
        app.add_exception_handler(RequestValidationError, self._invalid)
        app.add_exception_handler(EmsearchError, self._ours)
        app.add_exception_handler(Exception, self._unforeseen)

    async def _http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        sentence = error.detail
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if sentence == "Not Found":
            sentence = "There is nothing at this address."
        if error.status_code == 405:
            sentence = f"{request.method} is not possible at this address."
            headers["allow"] = ", ".join(_methods(request))  # the router names those of one route alone
        return self.response(request.scope, error.status_code, sentence, headers)

    async def _invalid(self, request: Request, error: Exception) -> Response:
        return self.response(request.scope, 422, sentence_of(error.errors()))  # type: ignore[attr-defined]

    async def _ours(self, request: Request, error: Exception) -> Response:
        if isinstance(error, IndexMissingError | IndexCorruptError):
            status = 503
        else:
            status = 422 if isinstance(error, InputError | UsageError) else 500
        return self.response(request.scope, status, str(error))

    async def _unforeseen(self, request: Request, error: Exception) -> Response:
        # the server logs its traceback
        sentence = f"Internal error ({type(error).__name__}); the terminal of emsearch serve shows more."
        return self.response(request.scope, 500, sentence)


def _methods(request: Request) -> list[str]:
    """Return what the routes of an address answer to."""
    return sorted(
        {
            method
            for route in request.app.state.routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
    )
