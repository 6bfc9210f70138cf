"""`ganvas serve --engine litert` in a process in which TensorFlow and Keras cannot be imported."""

import base64
import re
import subprocess
import sys

import numpy as np
import pytest

import ganvas

SCRIPT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tensorflow_serving"):
            raise ModuleNotFoundError(f"{name} was imported", name=name)

sys.meta_path.insert(0, Absent())
from ganvas.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def command(*words):
    return [sys.executable, "-c", SCRIPT, "serve", *map(str, words), "--rest-port", "0",
            "--grpc-port", "0"]  # fmt: skip


@pytest.fixture(scope="module")
def urls(bars):
    """REST and gRPC of the server."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command(bars, "--engine", "litert"), **options) as process:
        line = process.stdout.readline()
        found = re.search(r"(http://\S+) and (grpc://\S+)", line)
        try:
            assert found, process.stderr.read()
            yield found[1], found[2]
        finally:
            process.terminate()
            assert process.wait(60) == 0


@pytest.mark.parametrize("wire", [0, 1])
def test_images_without_tensorflow(urls, wire):
    with ganvas.Client(urls[wire], "bars") as client:
        images = client.generate(9, seed=1)
        floats = client.predict(np.zeros((1, 10), np.float32), "b")
    assert images.shape == (9, 16, 16, 3) and np.ptp(images) > 1
    assert floats.shape == (1, 16, 16, 3) and np.isfinite(floats).all()


def test_rest_without_tensorflow(urls, http_ask):
    inputs = {"num_images": 1, "seed": [0, 0], "truncation": 1, "label": 0}
    body = {"signature_name": "generate", "inputs": inputs}
    answer = http_ask(urls[0], "POST", "/v1/models/bars:predict", body)
    (image,) = answer.json["outputs"]
    assert ganvas.images.read(base64.b64decode(image["b64"])).shape == (16, 16, 3)
    state = http_ask(urls[0], "GET", "/v1/models/bars").json["model_version_status"]
    assert [one["state"] for one in state] == ["AVAILABLE"]
    for path in ("/v1/models/bars/metadata", "/v2/models/bars", "/docs", "/readyz",
                 "/monitoring/prometheus/metrics"):  # fmt: skip
        assert http_ask(urls[0], "GET", path).status == 200


def test_reflection_without_tensorflow(urls):
    import grpc
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    name = "tensorflow.serving.PredictionService"
    with grpc.insecure_channel(urls[1].removeprefix("grpc://")) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)
        (answer,) = stub.ServerReflectionInfo(iter([asked]), timeout=20)
    assert len(answer.file_descriptor_response.file_descriptor_proto) >= 1


@pytest.mark.parametrize("engine, words", [
    ("litert", "has no verified LiteRT file in float32: export it with --formats litert"),
    ("auto", "is computed by TensorFlow, which is not installed"),
])  # fmt: skip
def test_a_saved_model_needs_tensorflow(gan, engine, words):
    done = subprocess.run(command(gan, "--engine", engine), capture_output=True, text=True)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1], done.stderr
