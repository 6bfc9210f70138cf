"""Who may use the studio: who has the token, from the studio's own page."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..serve.bodies import error_response
from ..serve.status import Declined

HEADERS = {
    # Nothing is loaded from elsewhere, and no text of a file can become a script.
    "content-security-policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
# The cookie counts from the next page on: a browser does not send a strict one after a redirect
# that another page began.
ENTERED = (
    "<!doctype html><title>ganvas studio</title><link rel=icon href=/page/icon.svg>"
    "<meta http-equiv=refresh content='0;url=./'>"
)
REFUSED = "a token is required: open the address that `ganvas studio` has printed"


class Guard:
    """Lets in who sends the token: once in the address of the page, then in a cookie.

    A request that changes something must come from the studio's own page: cookies do not regard
    ports, so the page of another server on this machine could send it, too.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await self._answer(scope)(scope, receive, _with_headers(send))

    def _answer(self, scope: Scope) -> ASGIApp:
        request = Request(scope)
        cookie = cookie_name(request)
        if scope["path"] == "/" and self._is(request.query_params.get("token", "")):
            response = HTMLResponse(ENTERED)
            response.set_cookie(cookie, self._token, httponly=True, samesite="strict")
            return response
        if not self._is(request.cookies.get(cookie, "")):
            return refusal(request, Declined("UNAUTHENTICATED", REFUSED))
        if request.method not in ("GET", "HEAD") and not _from_own_page(request):
            message = "only the studio's own page may send this request: reload the page"
            return refusal(request, Declined("PERMISSION_DENIED", message))
        return self._app

    def _is(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())


def cookie_name(request: Request) -> str:
    """Two studios on one machine have two cookies."""
    return f"ganvas-studio-{request.url.port or 80}"


def refusal(request: Request, error: Declined) -> Response:
    """JSON for the page's requests, a sentence for a person."""
    if request.url.path.startswith("/api/"):
        return error_response(error)
    return Response(f"{error.message}\n", error.http, media_type="text/plain")


def _from_own_page(request: Request) -> bool:
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    own = origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    return own and site == "same-origin"


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message.get("headers", ())}
            more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in given]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sent
