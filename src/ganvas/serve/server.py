"""The server process: both protocols on one event loop, polling of folders, shutdown.

After SIGTERM the server is not ready, accepts no new requests, finishes the running ones, and exits
with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from ..base.signals import SIGNALS
from ..errors import UsageError
from . import messages
from .access import Bearer
from .background import in_background, unless
from .config import Entry, read_batching, read_models
from .connections import IDLE_SECONDS, Protocol, Uvicorn, loop_factory
from .engine import MOST_BYTES, Engine
from .folders import changed_at
from .grpcs import ModelStatus, Prediction, handler, model_list
from .inference_grpc import Inference
from .metrics import Metrics
from .models import Models
from .observing import ObservedGRPC, tracer
from .options import ANY, ServeOptions
from .reloading import Reloading
from .repeats import Repeats
from .rest import application
from .status import Declined

GRACE_SECONDS = 25
"""Maximum duration of the shutdown: Kubernetes waits for 30."""
IDLE_MINUTES, AGE_MINUTES = 2, 10
"""Of a gRPC connection; clients connect again by themselves."""
HEALTH_NAMES = ("", "PredictionService", "ModelService")
_log = logging.getLogger("ganvas.serve")


class Server:
    """Serves models until it is stopped.

    Args:
        models: entries, or the path of a models.config, which is read again when it changes.

    Raises: UsageError: a file cannot be read or is wrong.
    """

    def __init__(self, models: Sequence[Entry] | Path, options: ServeOptions):
        self._config = models if isinstance(models, Path) else None
        self.options = options
        options.check()
        self._entries = self._read(models) if isinstance(models, Path) else list(models)
        if not self._entries:
            raise UsageError(f"{models} lists no model: add one")
        self._token = options.token()
        self._guards = [Bearer(self._token)] if self._token else []
        self._spans = tracer()
        cores = os.cpu_count() or 1
        file = options.batching_config
        batching = read_batching(file, cores) if file else None
        self.models = Models(
            self._entries, batching, options.max_images, options.trust_models, options.engine
        )
        # With a batcher, a thread waits for each request of a batch.
        threads = options.max_queue if batching else 2 * cores
        self.engine = Engine(self.models, Metrics(), options, threads, large=cores)
        self.rest_port = options.rest_port
        self.grpc_port = options.grpc_port
        self.clean = True
        """After the end: whether all threads have finished."""
        self._busy = False

    async def run(self, stop: asyncio.Event, started: asyncio.Event) -> None:
        """Serve until `stop` is set; `started` is set when all models are available.

        Raises: UsageError: a port is in use, or a model cannot be served.
        """
        rest, listener = self._rest()
        server, self._health = self._grpc(listener)
        await self._set_health(False)
        await server.start()
        serving = asyncio.create_task(rest.serve(sockets=[listener]))
        try:
            if await unless(stop, in_background(self._load)):
                self.engine.starting = False
                await self._set_health(self.models.ready())
                started.set()
                await self._poll(stop)
        finally:
            self.engine.draining = True
            await self._health.enter_graceful_shutdown()
            if started.is_set():
                await asyncio.sleep(self.options.drain_seconds)
            rest.should_exit = True
            end = time.monotonic() + GRACE_SECONDS
            await asyncio.gather(server.stop(GRACE_SECONDS), serving)
            self.engine.drift.close()
            finished = self.engine.scheduler.close(end - time.monotonic())
            self.clean = finished and not self._busy

    async def _set_health(self, ready: bool) -> None:
        states = health_pb2.HealthCheckResponse
        for name in HEALTH_NAMES:
            await self._health.set(name, states.SERVING if ready else states.NOT_SERVING)

    @property
    def urls(self) -> tuple[str, str]:
        """Addresses of REST and gRPC."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        secure = "s" if self.options.tls_cert else ""
        return f"http{secure}://{host}:{self.rest_port}", f"grpc{secure}://{host}:{self.grpc_port}"

    # --- models -----------------------------------------------------------------------------

    def _load(self) -> None:
        self._busy = True
        try:
            self.models.reconfigure(self._entries)
        except Declined as error:
            raise UsageError(error.message) from error
        finally:
            self._busy = False

    async def _poll(self, stop: asyncio.Event) -> None:
        """Read the folders and models.config at each interval."""
        seen, repeats = changed_at(self._config), Repeats(_log)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.options.poll_seconds)
                return
            now = changed_at(self._config)
            work = in_background(functools.partial(self._refresh, now != seen))
            if not await unless(stop, work):
                return
            faults = work.result()
            seen = seen if faults else now  # a refused file is tried again
            for about, fault in faults.items():
                repeats.say(logging.ERROR, about, fault)
            await self._set_health(self.models.ready())

    def _read(self, models: Path) -> list[Entry]:
        return read_models(models, self.options.allow_schemes)

    def _refresh(self, changed: bool) -> dict[str, str]:
        """Update the models. Returns: faults; with a fault, the served models do not change."""
        self._busy = True
        try:
            if changed and self._config:
                self.models.reconfigure(self._read(self._config))
            return self.models.refresh()
        except (OSError, UsageError, Declined) as error:
            return {"": f"the served models did not change: {error}"}
        finally:
            self._busy = False

    def _roots(self) -> tuple[Path, ...]:
        """Folders in which a client may have models served."""
        named = [entry.folder for entry in self._entries if not entry.address]
        return tuple(self.options.model_roots or named)

    # --- protocols --------------------------------------------------------------------------

    def _rest(self) -> tuple[Uvicorn, socket.socket]:
        family = socket.AF_INET6 if ":" in self.options.host else socket.AF_INET
        # asyncio sets TCP_NODELAY only if the protocol is given; otherwise 40 ms are lost.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.options.host, self.options.rest_port))
        except OSError as error:
            listener.close()
            raise _port_error("--rest-port", self.options.rest_port, error) from error
        self.rest_port = listener.getsockname()[1]
        config = uvicorn.Config(
            application(self.engine, self._token, self.options.hosts(), self._spans),
            http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, timeout_keep_alive=int(IDLE_SECONDS),
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=self.options.tls_cert, ssl_keyfile=self.options.tls_key,
        )  # fmt: skip
        return Uvicorn(config), listener

    def _grpc(self, listener: socket.socket) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
        server = grpc.aio.server(
            interceptors=[ObservedGRPC(self._spans), *self._guards],
            options=[
                ("grpc.so_reuseport", 0),  # otherwise two servers could share the port
                ("grpc.max_receive_message_length", self.options.max_body),
                ("grpc.max_send_message_length", -1),
                # Bodies of a connection that are being received, and connections that do nothing:
                # gRPC shows unfinished requests to nobody.
                ("grpc.max_concurrent_streams", max(1, MOST_BYTES // self.options.max_body)),
                ("grpc.max_connection_idle_ms", IDLE_MINUTES * 60_000),
                ("grpc.max_connection_age_ms", AGE_MINUTES * 60_000),
                ("grpc.max_connection_age_grace_ms", int(1000 * self.options.timeout_seconds)),
            ],
        )
        rules = Reloading(self.options.allow_reload, self._roots())
        services = {
            "tensorflow.serving.PredictionService": Prediction(self.engine),
            "tensorflow.serving.ModelService": ModelStatus(self.engine, rules),
            "inference.GRPCInferenceService": Inference(self.engine),
        }
        handlers = [handler(name, servicer) for name, servicer in services.items()]
        server.add_generic_rpc_handlers((*handlers, model_list(self.engine)))
        for file in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
            messages.POOL.AddSerializedFile(file.serialized_pb)
        names = (*services, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server, messages.POOL)
        state = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(state, server)
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        address = f"{host}:{self.options.grpc_port}"
        try:
            if self.options.tls_cert and self.options.tls_key:
                pair = self.options.tls_key.read_bytes(), self.options.tls_cert.read_bytes()
                credentials = grpc.ssl_server_credentials([pair])
                self.grpc_port = server.add_secure_port(address, credentials)
            else:
                self.grpc_port = server.add_insecure_port(address)
        except RuntimeError as error:
            listener.close()
            raise _port_error("--grpc-port", self.options.grpc_port, error) from error
        return server, state


def _port_error(option: str, port: int, error: Exception) -> UsageError:
    why = getattr(error, "strerror", None) or "it may be in use"
    return UsageError(f"cannot listen on port {port} ({why}): choose another {option}")


def serve(
    models: Sequence[Entry] | Path,
    options: ServeOptions,
    started: Callable[[str], None] = lambda message: None,
) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        started: called with one line when all models are available.

    Returns: 0 after SIGTERM, 130 after Ctrl-C.
    Raises: UsageError: no model, a port in use, or a model that cannot be served.
    """
    server = Server(models, options)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))  # a connection is one
    if options.host in ANY and not options.allowed_hosts:
        _log.warning(
            "REST requests must be addressed to localhost: give --allowed-host for each other name"
        )
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            code = runner.run(_until_signal(server, started))
    finally:  # asyncio leaves Python's own handlers behind
        for number, handler in before.items():
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_NOFILE, files)
    if not server.clean:  # Python would wait for its threads
        logging.shutdown()
        os._exit(code)
    return code


async def _until_signal(server: Server, report: Callable[[str], None]) -> int:
    stop, started = asyncio.Event(), asyncio.Event()
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        stop.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, leave, 0)
    loop.add_signal_handler(signal.SIGINT, leave, 130)
    running = asyncio.create_task(server.run(stop, started))
    beginning = asyncio.create_task(started.wait())
    await asyncio.wait([running, beginning], return_when=asyncio.FIRST_COMPLETED)
    beginning.cancel()
    if started.is_set():
        report(f"serving {', '.join(server.models.names())} at {' and '.join(server.urls)}")
    await running
    return codes[0] if codes else 0
