"""HTTP requests of all protocols: bodies, errors, clients that leave."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .status import Declined, invalid

T = TypeVar("T")
BODY_SECONDS = 20.0
LARGE_BODY = 2**18
"""Bytes from which a request counts as large while it is parsed."""
PART = 2**20
"""Bytes that are unpacked at a time."""


Take = Callable[[int], None]
"""Counts bytes before they are stored; raises Declined if there are too many."""


class Drained(Response):
    """A response that ends when the client has read nearly all of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await send({"type": "http.response.body"})  # which waits for the part before


async def read_body(request: Request, limit: int, take: Take) -> bytes:
    """The body, decompressed if it is gzip.

    Args:
        take: called with the number of bytes before they are stored.

    Raises: Declined: 413: larger than `limit` bytes; 408: it does not arrive.
    """
    size = request.headers.get("content-length", "0")
    if not size.isdecimal() or int(size) > limit:
        raise _too_large(limit)
    parts, length = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                length += len(part)
                if length > limit:
                    raise _too_large(limit)
                take(len(part))
                parts.append(part)
    except TimeoutError as error:
        message = f"the body did not arrive within {BODY_SECONDS} seconds"
        raise Declined("DEADLINE_EXCEEDED", message, http=408) from error
    except ClientDisconnect as error:
        raise Declined("CANCELLED", "the client disconnected") from error
    body = b"".join(parts)
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return body
    return await asyncio.to_thread(_unzip, body, limit, take)


def _unzip(body: bytes, limit: int, take: Take) -> bytes:
    unpacker, parts, length = zlib.decompressobj(wbits=31), [], 0
    while body and not unpacker.eof:
        take(min(PART, limit))
        try:
            parts.append(unpacker.decompress(body, PART))
        except zlib.error as error:
            raise invalid(f"the body is not gzip: {error}") from error
        body, length = unpacker.unconsumed_tail, length + len(parts[-1])
        if length > limit:
            raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> Declined:
    message = f"the body is larger than {limit / 2**20:g} MB: send less, or increase --max-body-mb"
    return Declined("RESOURCE_EXHAUSTED", message, http=413)


def error_response(error: Declined) -> Response:
    headers = {}
    if error.http == 503:
        headers["retry-after"] = "1"
    if error.http in (408, 413):
        headers["connection"] = "close"  # the rest of the body is not read
    # ASCII, because the message may hold half a surrogate pair, which has no UTF-8.
    content = json.dumps({"error": error.message})
    return Response(content, error.http, headers, media_type="application/json")


def version_number(version: str | None) -> int | None:
    """The number in a path. Raises: Declined: INVALID_ARGUMENT: too large."""
    if version is None:
        return None
    digits = version.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) >= 2**63:
        raise invalid(f"Failed to convert version: {version[:40]} to numeric.")
    return int(digits)


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled if the client disconnects."""
    working = asyncio.ensure_future(work)
    # Its result is looked at, or asyncio would log it when the client has left.
    working.add_done_callback(lambda done: done.cancelled() or done.exception())
    leaving = asyncio.ensure_future(request.receive())  # after the body, only this can come
    leaving.add_done_callback(lambda done: done.cancelled() or working.cancel())
    try:
        return await working
    except asyncio.CancelledError as error:
        if leaving.done() and not leaving.cancelled():
            raise Declined("CANCELLED", "the client disconnected") from error
        raise
    finally:
        leaving.cancel()
        working.cancel()
