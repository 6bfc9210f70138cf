"""Servers on free ports, in a thread, that stop with the test; requests without a library."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import os
import runpy
import shutil
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

EXTRA = (
    "grpc", "grpc_health", "grpc_reflection", "orjson", "prometheus_client", "starlette", "uvicorn",
)  # fmt: skip
MISSING = [word for word in EXTRA if not importlib.util.find_spec(word)]


def pytest_collection_modifyitems(items):
    if MISSING:
        mark = pytest.mark.skip(reason=f"the extra `serve` is absent: {', '.join(MISSING)}")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(mark)


class Answer:
    """Status, headers and body of an HTTP answer."""

    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """A server that runs in a thread of the test's own process."""

    def __init__(self, models, **options):
        from ganvas.serve.options import ServeOptions
        from ganvas.serve.server import Server

        values = {"rest_port": 0, "grpc_port": 0, "poll_seconds": 0.1, **options}
        self.server = Server(models, ServeOptions(**values))
        self.error: BaseException | None = None
        self.looks = 0
        """How often the folders and the models.config were looked at, to the end."""
        self._look, self.server._refresh = self.server._refresh, self._counted
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def _counted(self, changed: bool) -> list[str]:
        try:
            return self._look(changed)
        finally:
            self.looks += 1

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, started = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(self.server.run(self._stop, started))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        self._started.set()
        try:
            await running
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._started.wait(60)
        if self.error:
            self._thread.join()
            raise self.error
        self.rest, self.grpc = self.server.urls
        return self

    def look_again(self) -> None:
        """Return when a look that began after this call has ended."""
        wanted = self.looks + 2  # the first of them may have begun before
        end = time.monotonic() + 60
        while self.looks < wanted:
            assert time.monotonic() < end, "the server looks no more"
            time.sleep(0.02)

    def stop(self) -> None:
        """Begin to drain."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def __exit__(self, *error) -> None:
        if self._thread.is_alive():
            self.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return ask(self.rest, method, path, body, **headers)


def ask(url: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """One request on a connection of its own; a body that is not bytes goes as JSON."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, content, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def serve():
    """Starts a server: `with serve(entries or models.config, **options) as running`."""
    return Running


@pytest.fixture(scope="session")
def make_models():
    """The names of make_models.py."""
    return runpy.run_path(str(Path(__file__).parent / "make_models.py"))


@pytest.fixture(scope="session")
def models(make_models, tmp_path_factory) -> Path:
    """The models.config of gan, cond and types."""
    return make_models["make"](tmp_path_factory.mktemp("models"))


class Token(NamedTuple):
    """A token: options of a server, headers of REST and metadata of gRPC."""

    options: dict[str, Path]
    headers: dict[str, str]
    metadata: list[tuple[str, str]]


@pytest.fixture
def token(tmp_path) -> Token:
    file = tmp_path / "token"
    file.write_text("a-secret-word\n")
    bearer = "Bearer a-secret-word"
    return Token({"token_file": file}, {"authorization": bearer}, [("authorization", bearer)])


@pytest.fixture
def gan(models, tmp_path) -> Path:
    """A folder of its own that holds version 1 of the generator."""
    shutil.copytree(models.parent / "gan" / "1", tmp_path / "gan" / "1")
    return tmp_path / "gan"


def with_files(make_models, config: Path, folder: Path, engine: str) -> Path:
    """A models.config over copies of the models, of which gan and cond have what LiteRT or ONNX
    Runtime serves."""
    import tensorflow as tf

    from ganvas.exporting import litert, onnx
    from ganvas.serve.engines.loading import BY_FILE
    from ganvas.storage import manifest

    shutil.copytree(config.parent, folder, dirs_exist_ok=True)
    (folder / config.name).write_text(make_models["CONFIG"].format(folder=folder))
    for name, version, scale, classes in (
        ("gan", 1, 1.0, 0),
        ("gan", 2, 2.0, 0),
        ("cond", 1, 1.0, 3),
    ):
        generator = make_models["Generator"](scale, classes)
        n = 1 if engine == "litert" else None
        specs = [
            tf.TensorSpec([n, 4], tf.float32, "z"),
            tf.TensorSpec([n], tf.int32, "label"),
        ]
        function = tf.function(generator.images, input_signature=specs[: 2 if classes else 1])
        place, file = folder / name / str(version), BY_FILE[engine].file
        if engine == "litert":
            (place / file).write_bytes(litert.convert_function(generator, function))
        else:
            onnx.convert_function(function, place / file)
        manifest.write(place, {
            "noise_size": 4, "shape": [4, 4, 1], "conditional": bool(classes), "names": [],
            "class_shares": [1 / 3] * classes, "artefacts": {"saved_model": {}, file: {}},
        })  # fmt: skip
    return folder / config.name


@pytest.fixture(scope="session")
def litert_models(make_models, models, tmp_path_factory) -> Path:
    """The models.config of copies, of which gan and cond have what LiteRT serves."""
    return with_files(make_models, models, tmp_path_factory.mktemp("litert"), "litert")


@pytest.fixture(params=["tensorflow", "litert"])
def engine(request) -> str:
    """What computes, where a test holds for both."""
    return request.param


@pytest.fixture
def versions(request, engine) -> Path:
    """A folder with versions 1 and 2 of the generator, which the engine can serve."""
    config = request.getfixturevalue("litert_models" if engine == "litert" else "models")
    return config.parent / "gan"


@pytest.fixture
def first(versions, tmp_path) -> Path:
    """A folder of its own that holds version 1 of them."""
    shutil.copytree(versions / "1", tmp_path / "gan" / "1")
    return tmp_path / "gan"


@pytest.fixture
def held(engine, monkeypatch):
    """`held()`: from now on, requests to the generator wait for the event that it returns."""
    waiting = threading.Event()

    def hold() -> threading.Event:
        if engine == "litert":
            from ganvas.serve.engines.litert import LiteRTServable as place

            name = "_run"
        else:
            from ganvas.serve.engines.tensorflow import Function as place

            name = "__call__"
        call = getattr(place, name)

        def later(*arguments):
            assert waiting.wait(60)
            return call(*arguments)

        monkeypatch.setattr(place, name, later)
        return waiting

    yield hold
    waiting.set()


@pytest.fixture(scope="session", params=["tensorflow", "litert", "onnx"])
def places(request, make_models, models, tmp_path_factory):
    """URLs (REST, gRPC) of a server over models.config: ours, or the one that was named. With the
    engine auto, LiteRT or ONNX Runtime serves gan and cond, and TensorFlow serves types.

    GANVAS_SERVING_REST=http://HOST:8501 GANVAS_SERVING_GRPC=HOST:8500 run the same cases against
    a TensorFlow Serving that serves what make_models.py makes.
    """
    rest, grpc = os.environ.get("GANVAS_SERVING_REST"), os.environ.get("GANVAS_SERVING_GRPC")
    if rest and grpc:
        if request.param != "tensorflow":
            pytest.skip("another server has no engines")
        yield rest, f"grpc://{grpc.removeprefix('grpc://')}"
        return
    engine = request.param
    if engine != "tensorflow":
        if engine == "onnx":
            pytest.importorskip("tf2onnx", reason="the extra: 'ganvas[onnx]'")
        models = with_files(make_models, models, tmp_path_factory.mktemp(engine), engine)
        engine = "auto"
    with Running(models, engine=engine) as running:
        yield running.rest, running.grpc


@pytest.fixture(scope="session")
def http_ask():
    return ask


@pytest.fixture(scope="session")
def bars(tmp_path_factory):
    """Versions of an untrained generator of three classes with unequal shares, as exported; with an
    ONNX file where the extra is installed."""
    import keras
    import numpy as np

    from ganvas.base.extras import installed
    from ganvas.exporting import litert, onnx, saved_model
    from ganvas.gan.networks import DCGAN
    from ganvas.serve.signatures import FLOAT32
    from ganvas.storage import manifest

    folder = tmp_path_factory.mktemp("engines") / "bars" / "1"
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    generator = DCGAN(noise=10, width=4, max_width=8, embedding=4).generator((16, 16, 3), 3)
    shares = [0.7, 0.1, 0.2]
    saved_model.save(generator, shares, folder)
    content = litert.convert(generator, "float32", np.zeros((1, 10)), np.zeros(1))
    (folder / FLOAT32).write_bytes(content)
    artefacts = {"saved_model": {}, FLOAT32: {}}
    if installed("tf2onnx"):
        onnx.convert(generator, folder / manifest.ONNX)
        artefacts[manifest.ONNX] = {}
    manifest.write(folder, {
        "noise_size": 10, "shape": [16, 16, 3], "conditional": True, "names": ["a", "b", "c"],
        "class_shares": shares, "artefacts": artefacts,
    })  # fmt: skip
    return folder.parent
