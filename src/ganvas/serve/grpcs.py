"""TensorFlow Serving's gRPC services."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc

from . import answers, messages, protos
from .engine import Engine, Watch
from .engines.base import Servable
from .reloading import Reloading
from .scheduler import Steps, as_steps
from .signatures import DEFAULT
from .status import Declined, invalid

MAX_MESSAGE = 1024
"""Characters of an error message, as in TensorFlow Serving: it is sent in a header."""


class Service:
    """Base of the services."""

    protocol = "gRPC"

    def __init__(self, engine: Engine):
        self._engine = engine

    async def _answer(
        self,
        api: str,
        context: Any,
        work: Callable[[Watch], Any],
        run: Callable[[Callable[[], Any]], Awaitable[Any]] | None = None,
    ) -> Any:
        """Run `work` by `run`, or on the engine's threads, and return its response."""
        watch = self._engine.watch(api, "GRPC", self.protocol)
        try:
            if run:
                answer = await run(partial(work, watch))
            else:
                answer = await self._engine.run(as_steps(work, watch), context.time_remaining())
        except Declined as error:
            watch.end(error.code)
            message = error.message
            if len(message) > MAX_MESSAGE:
                message = message[:MAX_MESSAGE] + "...TRUNCATED"
            await context.abort(getattr(grpc.StatusCode, error.code), message)
        except Exception:
            watch.end("INTERNAL")
            raise
        watch.end()
        return answer

    def _find(self, request: Any, watch: Watch) -> Servable:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return watch.found(self._engine.models.find(spec.name, version, spec.version_label))


class Prediction(Service):
    """tensorflow.serving.PredictionService."""

    async def Predict(self, request: Any, context: Any) -> Any:
        return await self._answer("Predict", context, partial(self._predict, request))

    async def GetModelMetadata(self, request: Any, context: Any) -> Any:
        return await self._answer("GetModelMetadata", context, partial(self._metadata, request))

    async def Classify(self, request: Any, context: Any) -> Any:
        work = partial(self._examples, "classify", request)
        return await self._answer("Classify", context, work)

    async def Regress(self, request: Any, context: Any) -> Any:
        work = partial(self._examples, "regress", request)
        return await self._answer("Regress", context, work)

    async def MultiInference(self, request: Any, context: Any) -> Any:
        return await self._answer("MultiInference", context, self._no_inference)

    def _predict(self, request: Any, watch: Watch) -> Steps[Any]:
        servable = self._find(request, watch)
        name = request.model_spec.signature_name or DEFAULT
        signature = servable.find(name)
        if signature is None:
            raise Declined("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        arrays = protos.read_all(request.inputs, signature.inputs)
        chosen = _chosen(list(request.output_filter), list(signature.outputs))
        outputs = yield from self._engine.predict(watch, servable, name, arrays)
        response = messages.PredictResponse()
        spec = response.model_spec
        spec.name, spec.signature_name, spec.version.value = servable.name, name, servable.version
        for alias in chosen:
            response.outputs[alias].CopyFrom(protos.write(outputs[alias]))
        return response

    def _metadata(self, request: Any, watch: Watch) -> Any:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field not in ("signature_def", "names"):
                raise invalid(f"Metadata field {field} is not supported")
        servable = self._find(request, watch)
        response = messages.GetModelMetadataResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
        response.metadata["signature_def"].Pack(answers.metadata(servable))
        if "names" in request.metadata_field:
            response.metadata["names"].Pack(answers.names(servable))
        return response

    def _examples(self, method: str, request: Any, watch: Watch) -> Any:
        name = request.model_spec.signature_name
        raise answers.no_examples(self._find(request, watch).find(name), name, method)

    def _no_inference(self, watch: Watch) -> Any:
        raise Declined("UNIMPLEMENTED", "MultiInference is not served here: use Predict")


def handler(service: str, servicer: Service) -> grpc.GenericRpcHandler:
    """What a gRPC server needs of a service of `definitions.SERVICES`."""
    methods = {
        method: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method), request.FromString, response.SerializeToString
        )
        for method, (request, response) in messages.methods(service).items()
    }
    return grpc.method_handlers_generic_handler(service, methods)


def model_list(engine: Engine) -> grpc.GenericRpcHandler:
    """/ganvas.Models/List: the list of models as JSON. TensorFlow Serving has no such method."""

    async def answer(request: bytes, context: Any) -> bytes:
        return json.dumps(answers.list_models(engine.models)).encode()

    method = grpc.unary_unary_rpc_method_handler(answer)
    return grpc.method_handlers_generic_handler("ganvas.Models", {"List": method})


def _chosen(wanted: list[str], outputs: list[str]) -> list[str]:
    """The requested outputs; without a request, all."""
    for alias in wanted:
        if alias not in outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {{{','.join(outputs)}}}."
            )
        if wanted.count(alias) > 1:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return wanted or outputs


class ModelStatus(Service):
    """tensorflow.serving.ModelService."""

    def __init__(self, engine: Engine, rules: Reloading):
        super().__init__(engine)
        self._rules = rules
        self._reloading = asyncio.Lock()

    async def GetModelStatus(self, request: Any, context: Any) -> Any:
        work = partial(self._status, request)
        return await self._answer("GetModelStatus", context, work, here)

    async def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:
        work = partial(self._reload, request)
        return await self._answer("HandleReloadConfigRequest", context, work, self._elsewhere)

    async def _elsewhere(self, work: Callable[[], Any]) -> Any:
        """Run on another thread, because loading may take minutes. One at a time."""
        if self._reloading.locked():
            raise Declined("UNAVAILABLE", "another request changes the models: try again later")
        async with self._reloading:
            return await asyncio.to_thread(work)

    def _status(self, request: Any, watch: Watch) -> Any:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return answers.status(self._engine.models.status(spec.name, version))

    def _reload(self, request: Any, watch: Watch) -> Any:
        self._rules.check_allowed()
        if request.config.WhichOneof("config") is None:
            raise invalid("the request holds no model_config_list")
        models = self._engine.models
        models.reload(self._rules.entries(request.config, models.entries))
        response = messages.ReloadConfigResponse()
        response.status.error_code = 0
        return response


async def here(work: Callable[[], Any]) -> Any:
    """Run at once, on the event loop: for what takes no time."""
    return work()
