"""One record for each request, over both protocols: an id, the trace that it belongs to, its end.

The id is the client's `x-request-id`, or a new one; it is in the answer. A trace is that of the
client's `traceparent`. With the extra `otel` and an address in OTEL_EXPORTER_OTLP_ENDPOINT, each
request is a span as well.

Sources: W3C Trace Context, version 00; OpenTelemetry's semantic conventions for HTTP and RPC.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import random
import re
import time
from collections.abc import Mapping
from typing import Any

import grpc
from starlette.types import Message, Receive, Scope, Send

from ..errors import UsageError

log = logging.getLogger("ganvas.serve.access")
OTEL = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LONGEST = 200
"""Characters of a path in a record."""
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_random = random.Random()
"""For ids, which are no secret: without a call of the system for each."""
_PROBES = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
_CALLED_PROBES = ("/grpc.health.v1.Health/", "/inference.GRPCInferenceService/Server")


def tracer() -> Any:
    """OpenTelemetry's tracer; None: no address is given to which spans are sent.

    Raises: UsageError: an address is given, and the extra is not installed.
    """
    if not any(os.environ.get(name) for name in OTEL):
        return None
    if importlib.util.find_spec("opentelemetry") is None:
        raise UsageError(
            f"{OTEL[0]} is set, and OpenTelemetry is not installed: pip install 'ganvas[otel]', or "
            "unset it"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have priority.
    provider = TracerProvider(resource=Resource.create({"service.name": "ganvas"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("ganvas.serve")


class Observed:
    """A request from its beginning to its end.

    Args:
        headers: by name in lower case.
        name: of the span: method and kind of path, without what clients choose.
    """

    def __init__(
        self, name: str, headers: Mapping[str, str], facts: dict[str, Any], quiet: bool, spans: Any
    ):
        given = headers.get("x-request-id", "")
        self.id = given if _ID.fullmatch(given) else f"{_random.getrandbits(128):032x}"
        parent = _PARENT.fullmatch(headers.get("traceparent", ""))
        self._facts = {**facts, "request_id": self.id}
        if parent:
            self._facts["trace_id"] = parent[1]
        self._quiet, self._began = quiet, time.perf_counter()
        self._span = None if spans is None or quiet else _span(spans, name, headers, parent)

    def end(self, status: int | str, size: int | None = None) -> None:
        """Write the record, and end the span."""
        seconds = round(time.perf_counter() - self._began, 6)
        facts = self._facts | {"status": status, "seconds": seconds}
        facts |= {} if size is None else {"bytes": size}
        if self._span is not None:
            self._span.set_attributes({f"ganvas.{name}": value for name, value in facts.items()})
            self._span.end()
        if not self._quiet and log.isEnabledFor(logging.INFO):
            log.info(" ".join(f"{name}={value}" for name, value in facts.items()),
                     extra={"facts": facts})  # fmt: skip


def _span(spans: Any, name: str, headers: Mapping[str, str], parent: Any) -> Any:
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    context = extract(dict(headers)) if parent else None
    return spans.start_span(name, context=context, kind=SpanKind.SERVER)


class ObservedREST:
    """ASGI middleware: an `Observed` for each request."""

    def __init__(self, app: Any, spans: Any = None):
        self._app, self._spans = app, spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        path, method = scope["raw_path"].decode("latin-1"), scope["method"]
        client = (scope.get("client") or ("",))[0]
        facts = {"protocol": "REST", "method": method, "path": path[:LONGEST], "client": client}
        verb = path.rpartition(":")[2][:20] if method == "POST" and ":" in path else ""
        name = " ".join(filter(None, (method, verb if verb.isalpha() else "")))
        request = Observed(name, headers, facts, path in _PROBES, self._spans)
        status, size = 499, 0  # the client has left

        async def answer(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (b"x-request-id", request.id.encode())
                message = {**message, "headers": [*message.get("headers", ()), own]}
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            status = 500
            raise
        finally:
            request.end(status, size)


class ObservedGRPC(grpc.aio.ServerInterceptor):
    """An `Observed` for each call of one message."""

    def __init__(self, spans: Any = None):
        self._spans = spans

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler  # no such method, or the stream of reflection or of a health watch
        called, path = handler.unary_unary, details.method
        headers = {k: v for k, v in details.invocation_metadata if isinstance(v, str)}

        async def observed(message: Any, context: Any) -> Any:
            facts = {"protocol": "gRPC", "method": path[:LONGEST], "client": context.peer()}
            request = Observed(path, headers, facts, path.startswith(_CALLED_PROBES), self._spans)
            await context.send_initial_metadata((("x-request-id", request.id),))
            try:
                answer = await called(message, context)
            except asyncio.CancelledError:
                request.end("CANCELLED")
                raise
            except BaseException:  # `abort` raises, too
                request.end(_code(context) or "UNKNOWN")
                raise
            request.end(_code(context) or "OK")
            return answer

        return grpc.unary_unary_rpc_method_handler(
            observed, handler.request_deserializer, handler.response_serializer
        )


def _code(context: Any) -> str:
    """The status that the handler has set; "" if it set none."""
    code = context.code()  # a number, or the status as it was given
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code
    return next((one.name for one in grpc.StatusCode if number and one.value[0] == number), "")
