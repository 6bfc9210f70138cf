"""Who may send requests: a token, the name of the host, and one length of a body."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from typing import Any

import grpc
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from .bodies import error_response
from .status import Declined, invalid

OPEN = ("/healthz", "/readyz")
"""Paths that need no token, for probes."""


class Addressed:
    """Refuses a request for another host, and one whose length is given twice.

    A web page can have its own name resolve to this machine (DNS rebinding), and its browser then
    sends that name. Two lengths may be read differently by a proxy in front (RFC 9112, 6.1): it
    would take a part of one client's body for the request of another.
    """

    def __init__(self, app: Any, hosts: Sequence[str]):
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        hosts = sum(name == b"host" for name, _ in scope["headers"])
        host = host_of(headers.get(b"host", b"").decode("latin-1"))
        chunked, response = b"transfer-encoding" in headers, None
        if chunked and (b"content-length" in headers or scope["http_version"] == "1.0"):
            message = (
                "Transfer-Encoding is not allowed beside Content-Length, nor in HTTP/1.0: send "
                "Content-Length alone"
            )
            response = error_response(invalid(message))
            response.headers["connection"] = "close"
        elif hosts > 1:
            response = error_response(invalid("Host is sent twice: send it once"))
            response.headers["connection"] = "close"
        elif scope["path"] in OPEN:
            pass
        elif not self._answers(host):
            message = (
                f"this server is not addressed as {host[:200]!r}: use its own name, or start it "
                "with --allowed-host"
            )
            response = error_response(Declined("PERMISSION_DENIED", message))
        elif headers.get(b"sec-fetch-site", b"") == b"cross-site":
            message = "a page of another site may not send requests to this server"
            response = error_response(Declined("PERMISSION_DENIED", message))
        await (response or self._app)(scope, receive, send)

    def _answers(self, host: str) -> bool:
        return any(
            pattern in ("*", host) or (pattern[:2] == "*." and host.endswith(pattern[1:]))
            for pattern in self._hosts
        )


def host_of(header: str) -> str:
    """The name in a Host header: without port, brackets of IPv6 and final dot, in lower case.

    Returns: the name; "" for another text.
    """
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.*-]+))(?::\d{0,5})?", header.strip())
    return (found[1] or found[2]).lower().removesuffix(".") if found else ""


class Token:
    """Requires a token."""

    def __init__(self, app: Any, token: str):
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            sent = dict(scope["headers"]).get(b"authorization", b"")
            if not bears(sent, self._token):
                body = {"error": "a token is required: send 'Authorization: Bearer TOKEN'"}
                response = JSONResponse(body, 401, {"www-authenticate": "Bearer"})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def bears(header: bytes, token: str) -> bool:
    """Whether an Authorization header has the token; its scheme may be in any case (RFC 9110)."""
    scheme, _, sent = header.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(sent.strip(), token.encode())


class Bearer(grpc.aio.ServerInterceptor):
    """Requires a token, except for the health service."""

    def __init__(self, token: str):
        self._token = token

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        sent = dict(details.invocation_metadata).get("authorization", "")
        sent = sent if isinstance(sent, bytes) else sent.encode()
        if bears(sent, self._token) or details.method.startswith("/grpc.health.v1.Health/"):
            return await continuation(details)
        return grpc.unary_unary_rpc_method_handler(_no_token)


async def _no_token(request: Any, context: Any) -> None:
    message = "a token is required: send the metadata 'authorization: Bearer TOKEN'"
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, message)
