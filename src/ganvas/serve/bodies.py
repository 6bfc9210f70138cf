"""Bodies of HTTP requests and of errors."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from .status import Declined, invalid

BODY_SECONDS = 20.0


async def read_body(request: Request, limit: int, take: Callable[[int], None]) -> bytes:
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
    return (
        _unzip(body, limit)
        if request.headers.get("content-encoding", "").lower() == "gzip"
        else body
    )


def _unzip(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise invalid(f"the body is not gzip: {error}") from error
    if len(content) > limit:
        raise _too_large(limit)
    return content


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
