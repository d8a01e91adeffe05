"""Who may talk to the page: a browser or program that knows the token, under a name that is ours, from our own pages.

Any web page that the user has open may send requests to 127.0.0.1, and a name that its owner points there makes such a page
read the answers too (DNS rebinding). So the name in ``Host`` must be ours, ``Origin`` must be the page itself, and every
request but those for the style and scripts carries the token: first in the address that the program prints, then as a cookie
that no script can read and no other site can send, or as ``Authorization: Bearer``.
"""

import hmac
import ipaddress
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_SECURITY_POLICY", "HEADERS", "Gate"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # not "no-referrer": under it a browser sends "Origin: null" with the page's own forms
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Sent with every response."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_TO_ALL = "/static/"  # the style, so that a refusal can be read; nothing of the user's


class Gate:
    """The first application that a request meets; it lets through what may come, and answers the rest itself.

    Parameters
    ----------
    app
        What is behind the gate.
    token
        The secret.
    cookie
        Name of the cookie that carries it: cookies do not tell ports apart, so the name does.
    names
        Host names that are ours besides localhost and addresses in figures, which nobody can point elsewhere.
    refuse
        Makes the response to a request that is refused: scope, status, sentence.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        cookie: str,
        names: Iterable[str] = (),
        refuse: Callable[[Scope, int, str], Response],
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._cookie = cookie
        self._names = frozenset({"localhost", *(name.lower() for name in names)})
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            send = _with_headers(send, "no-cache" if scope["path"].startswith(_OPEN_TO_ALL) else "no-store")
            response = self._answer(scope)
            await (response or self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        """Return the response of the gate itself; None where the request may pass."""
        headers = Headers(scope=scope)
        host = headers.getlist("host")
        if len(host) != 1 or not self._ours(host[0]):
            return self._refuse(
                scope, 403, "This address is not the page's own; open the one that it printed."
            )
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope['scheme']}://{host[0]}":
            return self._refuse(scope, 403, "A request from another site was refused.")
        if scope["path"].startswith(_OPEN_TO_ALL):
            return None
        if self._is_token(_bearer(headers)):
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["method"] == "GET" and self._is_token(query.pop("token", None)):
            return self._remembered(scope["path"], query)
        if not self._is_token(self._in_cookie(headers)):
            return self._refuse(
                scope, 401, "Open the address with the token that `emsearch serve` printed when it started."
            )
        if scope["method"] not in _SAFE and origin is None:
            return self._refuse(scope, 403, "A request that does not say which page it is from was refused.")
        return None

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or _is_address(name)

    def _is_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self._token)

    def _in_cookie(self, headers: Headers) -> str | None:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return None
        return found.value if found else None

    def _remembered(self, path: str, query: dict[str, str]) -> Response:
        """Send the browser to the same page without the token, which then is in a cookie and not in its history."""
        path = "/" + path.lstrip("/")  # "//name" would be another site
        response = RedirectResponse(f"{path}?{urlencode(query)}" if query else path, status_code=303)
        response.set_cookie(self._cookie, self._token.decode(), httponly=True, samesite="strict", path="/")
        return response


def _bearer(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send, cache_control: str) -> Send:
    """Return a ``send`` that adds our headers, and how long to keep the response where it does not say."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("cache-control", cache_control)
        await send(message)

    return sending
