"""Requests and answers: JSON in and out, errors as one sentence, answers that have not changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ..base.files import parse_object
from ..errors import GanvasError
from ..serve.bodies import error_response
from ..serve.status import Declined, invalid

MOST_BODY = 2**16
"""Bytes of a request with JSON."""
_log = logging.getLogger("ganvas.studio")

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Asked:
    """A request: names in its path, its query, and its JSON."""

    path: Mapping[str, Any]
    query: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)


def route(path: str, function: Callable[[Asked], Any], method: str = "GET") -> Route:
    """A route whose function runs in a thread; it returns a Response, a file, or what becomes
    JSON."""

    async def answer(request: Request) -> Response:
        body = await _json(request) if method == "POST" else {}
        asked = Asked(request.path_params, request.query_params, body)
        found = await run_in_threadpool(function, asked)
        if isinstance(found, Response):
            return found
        if isinstance(found, Path):
            return unchanged(request, FileResponse(found), _mark(found))
        content = json.dumps(found, allow_nan=False).encode()
        mark = hashlib.sha256(content).hexdigest()[:24]
        return unchanged(request, Response(content, media_type="application/json"), mark)

    return Route(path, guarded(answer), methods=[method])


def guarded(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with errors as JSON: {"error": a sentence}."""

    async def safe(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Declined as error:
            return error_response(error)
        except GanvasError as error:
            return error_response(invalid(str(error)))
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            return error_response(invalid(f"{error.strerror or error}{where}: fix that, try again"))
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            _log.exception("internal error of the studio")
            what = f"{type(error).__name__}: {error or 'no message'}"
            return error_response(Declined("INTERNAL", f"internal error (bug): {what}"))

    return safe


def unchanged(request: Request, response: Response, mark: str) -> Response:
    """The response, or 304 if the browser has it already."""
    mark = f'"{mark}"'
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers={"etag": mark})
    response.headers["etag"] = mark
    return response


def _mark(file: Path) -> str:
    about = file.stat()
    return f"{about.st_mtime_ns:x}-{about.st_size:x}"


async def _json(request: Request) -> dict[str, Any]:
    """The object in the body. Raises: Declined: another body, or a large one."""
    size = request.headers.get("content-length", "0")
    if not size.isdecimal() or int(size) > MOST_BODY:
        raise Declined("INVALID_ARGUMENT", f"a request may have {MOST_BODY} bytes", 413)
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BODY:
            raise Declined("INVALID_ARGUMENT", f"a request may have {MOST_BODY} bytes", 413)
    try:
        return parse_object(content or b"{}")
    except ValueError as error:
        raise invalid(f"the body must be a JSON object ({error})") from error
