"""Version 2 of the Open Inference Protocol over REST, which KServe and Triton's clients speak.

Source: kserve/open-inference-protocol. A model's signature is `parameters.signature_name` of a
request, by default that of TensorFlow Serving.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import __version__
from . import tensors
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
from .engines.base import Servable
from .models import AVAILABLE, Models
from .raw_tensors import describe
from .scheduler import Remaining, Steps, as_steps
from .signatures import DEFAULT
from .status import Declined, invalid

PATH = re.compile(r"/v2/models/([^/:]+)(?:/versions/(\d+))?(/ready|/infer)?")


SERVER = {"name": "ganvas", "version": __version__, "extensions": ["binary_tensor_data"]}


async def live(request: Request) -> Response:
    return JSONResponse({"live": True})


async def server(request: Request) -> Response:
    return JSONResponse(SERVER)


def facts(models: Models, servable: Servable) -> dict[str, Any]:
    """The metadata of a model: its versions, inputs and outputs."""
    signature = servable.find("")
    states = models.status(servable.name)
    return {
        "name": servable.name,
        "versions": [str(one.number) for one in states if one.state == AVAILABLE],
        "platform": servable.platform,
        "inputs": describe(signature.inputs) if signature else [],
        "outputs": describe(signature.outputs) if signature else [],
    }


def inputs(
    asked: tensors.Asked, servable: Servable
) -> tuple[dict[str, np.ndarray], dict[str, bool]]:
    """The inputs of a request by name, and the wanted outputs.

    Raises: Declined: INVALID_ARGUMENT.
    """
    signature = servable.find(asked.signature)
    if signature is None:
        raise invalid(f"there is no signature {asked.signature or DEFAULT!r}: see the metadata")
    arrays = tensors.arrays(asked, signature.inputs)
    return arrays, tensors.chosen(asked, list(signature.outputs))


class InferenceProtocol:
    """Answers requests about a model."""

    def __init__(self, engine: Engine):
        self._engine = engine

    async def answer(
        self, request: Request, take: Take, name: str, version: str | None, what: str | None
    ) -> Response:
        """Metadata, readiness or inference of a model."""
        api = {"/infer": "infer", "/ready": "status"}.get(what or "", "metadata")
        watch = self._engine.watch(api, "REST", "REST v2")
        try:
            if request.method != ("POST" if what == "/infer" else "GET"):
                raise invalid(f"Malformed request: {request.method} {request.url.path[:200]}")
            find = partial(self._engine.models.find, unquote(name), version_number(version), "")
            if what != "/infer":
                servable = watch.found(find())
                ready = {"name": servable.name, "ready": True}
                found = ready if what else facts(self._engine.models, servable)
                watch.end()
                return JSONResponse(found)
            body = await read_body(request, self._engine.options.max_body, take)
            header = request.headers.get(tensors.HEADER)
            steps = as_steps(self._infer, body, header, watch, find)
            content, length = await unless_gone(request, self._engine.run(steps))
            take(len(content))
        except Declined as error:
            watch.end(error.code)
            return error_response(error)
        except Exception:
            watch.end("INTERNAL")
            raise
        watch.end()
        if length is None:
            return Drained(content, media_type="application/json")
        headers = {tensors.HEADER: str(length)}
        return Drained(content, headers=headers, media_type="application/octet-stream")

    def _infer(
        self, body: bytes, header: str | None, watch: Watch, find: Callable[[], Servable]
    ) -> Steps[tuple[bytes, int | None]]:
        yield Remaining(len(body), len(body) > LARGE_BODY)
        asked = tensors.parse(body, header)
        servable = watch.found(find())
        arrays, wanted = inputs(asked, servable)
        outputs = yield from self._engine.predict(watch, servable, asked.signature, arrays)
        about = {"model_name": servable.name, "model_version": str(servable.version)}
        about |= {"id": asked.id} if asked.id else {}
        return tensors.response(about, outputs, wanted)
