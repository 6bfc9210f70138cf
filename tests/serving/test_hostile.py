"""What strangers send: no 500, no crash, no hang, and the next request is answered."""

import contextlib
import gzip
import http.client
import json
import math
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

pytest.importorskip("hypothesis")
pytest.importorskip("tensorflow_serving")

import grpc
import hypothesis
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from refusals import refuses

PREDICT = "/v1/models/types:predict"
GAN = "/v1/models/gan:predict"
FEW, MANY = 150, 100_000
LOOK = hypothesis.settings(
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    derandomize=True,
)

SIGNATURES = (
    "float double int long byte bool string bytes half_in half_out scalar total matrix odd two "
    "uneven pair raises __saved_model_init_op serving_default"
)
signatures = st.sampled_from(SIGNATURES.split(" "))
words = st.sampled_from(["instances", "inputs", "signature_name", "b64", "x", "a", "b", "y"])
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), words,
    st.sampled_from([2**31, 2**63, 2**64, -1, 1e39, math.nan, math.inf, 10**400, "YQ==", 0.2]),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
objects = st.fixed_dictionaries(
    {}, optional={"signature_name": signatures, "instances": values, "inputs": values}
)
bodies = st.one_of(
    objects.map(lambda value: json.dumps(value).encode()),
    values.map(lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")),
    st.binary(max_size=60),
    st.tuples(objects, st.integers(0, 80), st.binary(max_size=3)).map(
        lambda parts: json.dumps(parts[0]).encode()[: parts[1]] + parts[2]
    ),
)
paths = st.one_of(
    st.just(PREDICT),
    st.text(max_size=12).map(lambda text: f"/v1/models/{quote(text, safe='/:.%')}:predict"),
    st.tuples(st.sampled_from(["versions", "labels"]), st.text(max_size=30)).map(
        lambda two: f"/v1/models/types/{two[0]}/{quote(two[1])}:predict"
    ),
)


@pytest.fixture(scope="module")
def connection(places):
    place = urlsplit(places[0])
    with contextlib.closing(
        http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    ) as c:
        yield c


@pytest.fixture(scope="module")
def predict(places):
    with grpc.insecure_channel(places[1].removeprefix("grpc://")) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict


drawing = st.fixed_dictionaries(
    {},
    optional={
        "signature_name": st.sampled_from(["generate", "generate_from", "serving_default", ""]),
        "inputs": st.dictionaries(
            st.sampled_from(["z", "label", "num_images", "seed", "truncation", "first"]),
            leaves | st.lists(leaves, max_size=4) | st.just([[0.1] * 4]) | st.just([1, 2]),
            max_size=4,
        ),
    },
).map(lambda value: json.dumps(value).encode())


def look_at_json(connection, count, paths=paths, bodies=bodies):
    @hypothesis.settings(LOOK, max_examples=count)
    @hypothesis.given(path=paths, body=bodies)
    def one(path, body):
        try:
            connection.request("POST", path, body)
        except (BrokenPipeError, http.client.HTTPException):  # it was closed after an error
            connection.close()
            connection.request("POST", path, body)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 400, 404, 501), (answer.status, content)
        wanted = {"predictions", "outputs"} if answer.status == 200 else {"error"}
        assert set(json.loads(content)) <= wanted

    one()


dims = st.lists(st.sampled_from([0, 1, 2, 3, -1, 2**31, 2**62, 10**6]), max_size=4)
tensors = st.fixed_dictionaries(
    {"dtype": st.integers(0, 30) | st.sampled_from([1, 3, 7]), "dims": dims},
    optional={
        "float_val": st.lists(st.floats(width=32), max_size=4),
        "int_val": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
        "string_val": st.lists(st.binary(max_size=3), max_size=4),
        "half_val": st.lists(st.integers(0, 2**16), max_size=4),
        "tensor_content": st.binary(max_size=16),
        "unknown_rank": st.booleans(),
    },
)


def to_proto(parts):
    proto = tf.make_tensor_proto(0.0)
    proto.Clear()
    proto.dtype = parts["dtype"]
    proto.tensor_shape.unknown_rank = parts.get("unknown_rank", False)
    for dim in parts["dims"]:
        proto.tensor_shape.dim.add(size=dim)
    proto.tensor_content = parts.get("tensor_content", b"")
    for name in ("float_val", "int_val", "string_val", "half_val"):
        getattr(proto, name).extend(parts.get(name, ()))
    return proto


def look_at_protos(predict, count):
    @hypothesis.settings(LOOK, max_examples=count)
    @hypothesis.given(
        signature=signatures,
        inputs=st.dictionaries(words | st.just("z"), tensors, max_size=2),
        outputs=st.lists(words, max_size=2),
    )
    def one(signature, inputs, outputs):
        request = predict_pb2.PredictRequest(output_filter=outputs)
        request.model_spec.name = "gan" if "z" in inputs else "types"
        request.model_spec.signature_name = signature
        for alias, parts in inputs.items():
            request.inputs[alias].CopyFrom(to_proto(parts))
        try:
            predict(request, timeout=20)
        except grpc.RpcError as error:
            code = error.code().name
            assert code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"), (code, error.details())

    one()


def test_json(connection):
    look_at_json(connection, FEW)


def test_json_of_generators(connection):
    """With the engine auto, LiteRT computes them."""
    look_at_json(connection, FEW, st.sampled_from([GAN, "/v1/models/cond:predict"]), drawing)


def test_protos(predict):
    look_at_protos(predict, FEW)


@pytest.mark.proof
def test_json_a_hundred_thousand_times(connection):
    look_at_json(connection, MANY)


@pytest.mark.proof
def test_json_of_generators_a_hundred_thousand_times(connection):
    look_at_json(connection, MANY, st.sampled_from([GAN, "/v1/models/cond:predict"]), drawing)


@pytest.mark.proof
def test_protos_a_hundred_thousand_times(predict):
    look_at_protos(predict, MANY)


GOOD_BODIES = [
    b'{"instances": [1, 2.5, NaN]}',
    b'{"instances": [{"x": [1], "x1": [true]}, {"x": [-3], "x1": [false]}]}',
    b'{"signature_name": "s", "inputs": {"x": [["a", {"b64": "YQ=="}]]}}',
    b'{"inputs": [[[1e39, -Infinity]], [[2, "\\ud800"]]]}',
]


@pytest.mark.proof
@pytest.mark.parametrize("wire", ["json", "proto"])
def test_a_hundred_thousand_cases_led_by_coverage(wire, tmp_path):
    """Starting from requests that are right; ten seconds for one case are a hang, 2 GB too much."""
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    arrays = [np.ones(2, np.float32), np.array([[b"a"]], object), np.zeros((1, 2), np.int64)]
    requests = [predict_pb2.PredictRequest() for _ in arrays]
    for request, array in zip(requests, arrays, strict=True):
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(array))
    good = GOOD_BODIES if wire == "json" else [request.SerializeToString() for request in requests]
    for number, content in enumerate(good):
        (corpus / str(number)).write_bytes(content)
    options = [f"-runs={MANY}", "-seed=1", "-timeout=10", "-rss_limit_mb=2048", "-max_len=4096"]
    fuzz = [sys.executable, Path(__file__).with_name("fuzz.py").resolve(), wire, *options, corpus]
    done = subprocess.run(fuzz, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and f"Done {MANY} runs" in done.stderr, done.stderr[-3000:]


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"signature_name": "float", "instances": ' + b"[" * 40 + b"1" + b"]" * 40 + b"}",
        b'{"signature_name": "float", "instances": [' + b"9" * 5000 + b"]}",
        b'{"signature_name": "\\ud800", "instances": [1]}',
        b'{"signature_name": "string", "instances": ["\\ud800"]}',
        b"\x00" * 1000,
    ],
    ids=["lists", "objects", "rank", "digits", "name", "surrogate", "zeros"],
)
def test_strange_json(places, http_ask, body):
    began = time.process_time()  # the server is a part of this process
    answer = http_ask(places[0], "POST", PREDICT, body)
    assert answer.status == 400 and answer.json["error"]
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/models/../../etc/passwd",
        "/v1/models/%00",
        "/v1/models/" + "a" * 5000,
        "/v1/models/gan/versions/" + "9" * 5000,
        "//v1/models/gan",
        "/v1/models/%0a",
        "/v1/models/%ff%fe/metadata",
        "/v1/models/gan/labels/%2e%2e/metadata",
    ],
)
def test_strange_paths(places, http_ask, path):
    answer = http_ask(places[0], "GET", path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body


def generate(**changes):
    inputs = {"num_images": 1, "seed": [1, 2], "truncation": 1.0, **changes}
    return {"signature_name": "generate", "inputs": inputs}


@pytest.mark.parametrize(
    "body",
    [
        generate(num_images=2_000_000_000),
        generate(num_images=-5),
        generate(num_images=[1]),
        generate(seed=[1, 2, 3]),
        generate(truncation="1"),
        {"instances": [[0.0] * 4] * 5000},
    ],
    ids=["many", "negative", "list", "seed", "text", "rows"],
)
def test_asking_for_too_much(places, http_ask, body):
    assert http_ask(places[0], "POST", GAN, body).status == 400


def test_non_finite_noise(places, http_ask):
    answer = http_ask(places[0], "POST", GAN, b'{"instances": [[NaN, 1, 1, 1]]}')
    assert answer.status == 200
    assert math.isnan(answer.json["predictions"][0][0][0][0])


def test_large_bodies(serve, models):
    with serve(models, max_body_mb=0.01) as running:
        large = b" " * 20_000
        assert running.ask("POST", PREDICT, large).status == 413
        assert running.ask("POST", PREDICT, b"", **{"content-length": "9" * 30}).status in (
            400,
            413,
        )
        bomb = gzip.compress(b" " * 1_000_000)
        answer = running.ask("POST", PREDICT, bomb, **{"content-encoding": "gzip"})
        assert answer.status == 413 and "--max-body-mb" in answer.json["error"]
        place = urlsplit(running.rest)
        with contextlib.closing(http.client.HTTPConnection(place.hostname, place.port)) as chunked:
            chunked.request("POST", PREDICT, iter([b" " * 4000] * 3), encode_chunked=True)
            assert chunked.getresponse().status == 413
        with grpc.insecure_channel(running.grpc.removeprefix("grpc://")) as channel:
            request = predict_pb2.PredictRequest()
            request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.zeros(10_000, np.float32)))
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            with pytest.raises(grpc.RpcError) as error:
                stub.Predict(request, timeout=10)
            assert error.value.code().name == "RESOURCE_EXHAUSTED"


def test_slow_clients(serve, models, monkeypatch):
    """A head or a body that does not come: the connection is closed, others are served."""
    from ganvas.serve import bodies, connections

    monkeypatch.setattr(connections, "IDLE_SECONDS", 1.0)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.5)
    head = b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{" % PREDICT.encode()
    with serve(models) as running, contextlib.ExitStack() as stack:
        place = urlsplit(running.rest)

        def connect(content):
            client = stack.enter_context(socket.create_connection((place.hostname, place.port)))
            client.sendall(content)
            client.settimeout(10)
            return client

        slow = [connect(b""), connect(b"GET / HT"), connect(b"GET /healthz HTTP/1.1\r\nx: y\r\n")]
        late = connect(head)
        assert running.ask("GET", "/healthz").status == 200
        assert b" 408 " in late.recv(1000)
        for client in slow:
            while client.recv(1000):
                pass


def test_bytes_that_are_no_http(serve, models):
    with serve(models) as running:
        place = urlsplit(running.rest)
        for content in (b"\x16\x03\x01\x02\x00", b"\x00" * 100, b"GET\r\n\r\n", b"A" * 200_000):
            with socket.create_connection((place.hostname, place.port)) as client:
                client.settimeout(20)
                client.sendall(content)
                with contextlib.suppress(OSError):  # it may have been closed before
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(1000):
                        pass
        assert running.ask("GET", "/healthz").status == 200


def test_a_head_without_an_end(serve, models):
    """It is refused before it fills the memory; so is a request with two hosts."""
    with serve(models) as running:
        place = urlsplit(running.rest)
        with socket.create_connection((place.hostname, place.port)) as client:
            client.settimeout(20)
            client.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n")
            sent = 0
            with contextlib.suppress(OSError):
                while sent < 4_000_000:
                    client.sendall(b"x: %s\r\n" % (b"y" * 4000))
                    sent += 4000
                client.sendall(b"\r\n")
            with contextlib.suppress(OSError):
                assert b" 200 " not in client.recv(1000)
        with socket.create_connection((place.hostname, place.port)) as client:
            client.sendall(b"GET /docs HTTP/1.1\r\nhost: localhost\r\nhost: other\r\n\r\n")
            assert b" 400 " in client.recv(1000)
        assert running.ask("GET", "/healthz").status == 200


def test_damaged_models_are_refused(gan):
    """Without a manifest: whatever TensorFlow's loader makes of it, it is refused or served."""
    from ganvas.errors import GanvasError
    from ganvas.serve.config import Entry
    from ganvas.serve.models import Models

    path = gan / "1" / "saved_model.pb"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(12):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        models = Models([])
        with contextlib.suppress(GanvasError):
            models.reconfigure([Entry("gan", gan)])
            models.find("gan")


def test_a_name_is_no_path(tmp_path):
    from ganvas.errors import UsageError
    from ganvas.serve.config import read_models

    file = tmp_path / "models.config"
    entry = 'config { name: "%s" base_path: "%s" model_platform: "tensorflow" }'
    for name, folder in (("../x", "/m"), ("a:b", "/m"), ("", "/m"), ("a", "m/../.."), ("a", "")):
        file.write_text(f"model_config_list {{ {entry % (name, folder)} }}")
        with refuses(UsageError):
            read_models(file)


def test_no_pickle(models):
    from pathlib import Path

    import ganvas.serve

    folder = Path(ganvas.serve.__file__).parent
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    assert "pickle" not in text
