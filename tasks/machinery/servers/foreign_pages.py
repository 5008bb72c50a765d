"""Refusing what pages of other sites ask of a server that listens on a person's machine.

A browser sends the requests of any page, also to 127.0.0.1. Three things tell a foreign page:

- `Host`: the name in the page's own address. A page whose name was made to point here after it was
  loaded (DNS rebinding) sends its own name.
- `Origin`: sent with all requests that change something, with those that a script may read, and
  with WebSockets. It must be the address that the request goes to.
- `Sec-Fetch-Site`: sent by current browsers with everything, also where `Origin` is left out.

A program that is no browser sends neither of the last two, and is let in. What a page can send to
another site without asking first is a form, so a form's content is refused where it would change
something, whoever sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READING = ("GET", "HEAD", "OPTIONS")
_FORMS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


def guarded(app: ASGIApp, hosts: Sequence[str], origins: Sequence[str] = ()) -> ASGIApp:
    """An application that answers its own pages and programs alone.

    Args:
        app: the application.
        hosts: the names and addresses under which it is reached, without ports; IPv6 in brackets.
        origins: of other pages that may use it, such as `https://board.example`.
    """
    return TrustedHostMiddleware(_OwnPages(app, origins), list(hosts), www_redirect=False)


class _OwnPages:
    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        problem = objection(scope, self.origins)
        if problem:
            await PlainTextResponse(f"{problem}\n", status_code=403)(scope, receive, send)
            return

        async def unframed(message: Message) -> None:
            """No other page may show this one in a frame, and lead a person's clicks there."""
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Frame-Options"] = "SAMEORIGIN"
                headers["Content-Security-Policy"] = "frame-ancestors 'self'"
            await send(message)

        await self.app(scope, receive, unframed)


def objection(scope: Scope, origins: Sequence[str] = ()) -> str:
    """Why a request is refused; empty if it is not. Its host is checked already."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is not None:
        own = urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
        if own or origin in origins:
            return ""
        return (
            f"refused: the page at {origin} is not of this server; to let it in, set "
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS to that address"
        )
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_visit(scope):
        return "refused: the page that asks is not of this server"
    content = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope.get("method", "GET") not in _READING and content in _FORMS:
        return f"refused: the content is {content}; accepted: application/json"
    return ""


def _is_visit(scope: Scope) -> bool:
    """Whether a person follows a link to a page, in a tab and not in a frame."""
    headers = Headers(scope=scope)
    how = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope.get("method") == "GET" and how == ("navigate", "document")
