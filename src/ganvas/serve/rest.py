"""TensorFlow Serving's REST protocol, and version 2 of the Open Inference Protocol (`/v2`); also
health, a list of models, a page.

Source: `model_servers/http_rest_api_util.cc` for the paths.
Differs: `GET /v1/models` lists the models; TensorFlow Serving answers 400. The metadata of a model
with classes hold their names.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from . import answers, inference, json_outputs, jsons, page
from .access import Addressed, Token
from .bodies import (
    LARGE_BODY,
    Drained,
    Take,
    error_response,
    read_body,
    unless_gone,
    version_number,
)
from .engine import Engine, Watch
from .inference import InferenceProtocol
from .observing import ObservedREST
from .scheduler import Remaining, Steps, as_steps
from .status import Declined, invalid

_WHERE = r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
_CALL = re.compile(f"{_WHERE}:(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(f"{_WHERE}(/metadata)?", re.IGNORECASE)


def application(
    engine: Engine, token: str | None, hosts: Sequence[str], spans: Any = None
) -> Starlette:
    """The ASGI application.

    Args:
        hosts: patterns of the names by which clients may address the server.
        spans: see `observing.tracer`.
    """
    app = Starlette(exception_handlers={Exception: _internal_error})
    # Without routes: they would be compared with the path of each request twice, and match no path
    # with a line break in it.
    app.router.default = _Rest(engine)
    if token:
        app.add_middleware(Token, token=token)
    app.add_middleware(Addressed, hosts=hosts)
    app.add_middleware(ObservedREST, spans=spans)
    return app


class _Rest:
    def __init__(self, engine: Engine):
        self._engine = engine
        self._inference = InferenceProtocol(engine)
        self._pages: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/healthz": self.health,
            "/readyz": self.ready,
            "/v2": inference.server,
            "/v2/health/live": inference.live,
            "/v2/health/ready": self.ready,
            "/monitoring/prometheus/metrics": self.metrics,
            "/openapi.json": self.openapi,
            "/docs": self.page,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if page := self._pages.get(scope["path"]):
            response = Response("Method Not Allowed", 405, {"allow": "GET, HEAD"})
            if scope["method"] in ("GET", "HEAD"):
                response = await page(Request(scope, receive))
            await response(scope, receive, send)
            return
        with self._engine.holding() as take:
            response = await self._protocol(Request(scope, receive), take)
            await response(scope, receive, send)

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """200 if every model has an available version and the server is not stopping."""
        ready = self._engine.models.ready() and not self._engine.draining
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        kind = "text/plain; version=0.0.4; charset=utf-8"
        text = await asyncio.to_thread(self._engine.metrics.text)
        return Response(text, headers={"content-type": kind})

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(page.openapi(self._engine.models))

    async def page(self, request: Request) -> Response:
        return HTMLResponse(page.html(self._engine.models))

    async def _protocol(self, request: Request, take: Take) -> Response:
        path = request.scope["raw_path"].decode("latin-1")
        method = request.method
        if found := inference.PATH.fullmatch(path):
            return await self._inference.answer(request, take, *found.groups())
        if not re.match("/v1/", path, re.IGNORECASE):
            return error_response(Declined("NOT_FOUND", f"{path[:200]} does not exist: see /docs"))
        if method == "POST" and (found := _CALL.fullmatch(path)):
            return await self._call(request, take, *found.groups())
        api = "metadata" if path.lower().endswith("/metadata") else "status"
        watch = self._engine.watch(api, "REST", "REST")
        try:
            if method == "GET" and path.lower() == "/v1/models":
                return JSONResponse(answers.list_models(self._engine.models))
            if method == "GET" and (found := _STATUS.fullmatch(path)):
                return self._status(watch, *found.groups())
            raise invalid(f"Malformed request: {method} {path[:200]}")
        except Declined as error:
            watch.end(error.code)
            return error_response(error)

    def _status(
        self, watch: Watch, name: str, version: str | None, label: str | None, what: str | None
    ) -> Response:
        """Status or metadata of a model."""
        number = version_number(version)
        models = self._engine.models
        if what:
            servable = models.find(unquote(name), number, unquote(label or ""))
            facts = {"signature_def": json.loads(_json(answers.metadata(watch.found(servable))))}
            if servable.names:
                facts["names"] = list(servable.names)
            body = {
                "model_spec": {
                    "name": servable.name, "signature_name": "", "version": str(servable.version),
                },
                "metadata": facts,
            }  # fmt: skip
            content = json.dumps(body).encode()
        else:  # a label is ignored here, as in TensorFlow Serving
            content = _json(answers.status(models.status(unquote(name), number))).encode()
        watch.end()
        return Response(content, media_type="application/json")

    async def _call(
        self,
        request: Request,
        take: Take,
        name: str,
        version: str | None,
        label: str | None,
        method: str,
    ) -> Response:
        """Predict, classify or regress."""
        method = method.lower()
        watch = self._engine.watch(method, "REST", "REST")
        try:
            number = version_number(version)
            find = partial(self._engine.models.find, unquote(name), number, unquote(label or ""))
            work = self._predict if method == "predict" else partial(self._examples, method)
            body = await read_body(request, self._engine.options.max_body, take)
            steps = as_steps(work, body, watch, find)
            content = await unless_gone(request, self._engine.run(steps))
            take(len(content))
        except Declined as error:
            watch.end(error.code)
            return error_response(error)
        except Exception:
            watch.end("INTERNAL")
            raise
        watch.end()
        return Drained(content, media_type="application/json")

    def _predict(self, body: bytes, watch: Watch, find: Callable[[], Any]) -> Steps[bytes]:
        yield Remaining(len(body), len(body) > LARGE_BODY)  # to parse it takes time, too
        request = jsons.parse(body)
        servable = watch.found(find())
        name = request.get("signature_name", "")
        signature = servable.find(name)
        if signature is None:
            name = name or "serving_default"
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        in_rows, arrays = jsons.read_inputs(request, signature.inputs)
        values = signature.values * signature.images(arrays)
        if values > json_outputs.MAX_VALUES:
            raise invalid(
                f"a JSON response may have {json_outputs.MAX_VALUES} values, got {values}: use "
                "gRPC, or send several requests"
            )
        outputs = yield from self._engine.predict(watch, servable, name, arrays)
        return json_outputs.write_outputs(outputs, in_rows)

    def _examples(self, method: str, body: bytes, watch: Watch, find: Callable[[], Any]) -> bytes:
        request = jsons.parse(body)
        examples = request.get("examples")
        if not isinstance(examples, list) or not examples:
            raise invalid("key 'examples' is expected, a list of objects with at least one")
        for example in examples:
            if not isinstance(example, dict):
                raise invalid("Example must be JSON object")
        name = request.get("signature_name", "")
        raise answers.no_examples(watch.found(find()).find(name), name, method)


def _json(message: Any) -> str:
    return json_format.MessageToJson(
        message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
    )


async def _internal_error(request: Request, error: Exception) -> Response:
    message = f"internal error (bug): {type(error).__name__}; see the log of the server"
    return JSONResponse({"error": message}, 500)
