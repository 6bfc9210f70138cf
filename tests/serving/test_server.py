"""What a server does over time: versions come and go, queues fill, clients misbehave."""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import ganvas
from refusals import refuses

Z = {"instances": [[0.1] * 4]}
PREDICT = "/v1/models/gan:predict"


def entry(folder, **options):
    from ganvas.serve.config import Entry

    return Entry(options.pop("name", "gan"), folder, **options)


def publish(source, to):
    """Appear at once, as `ganvas export` publishes."""
    shutil.copytree(source, to.parent / f"tmp-{to.name}")
    (to.parent / f"tmp-{to.name}").rename(to)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def states(running):
    listed = running.ask("GET", "/v1/models/gan").json["model_version_status"]
    return {int(one["version"]): one["state"] for one in listed}


class Traffic:
    """Requests from three threads, over REST and gRPC, until the end of the block."""

    def __init__(self, running):
        self.urls = [running.rest, running.grpc, running.rest]
        self.failures: list[Exception] = []
        self.done = 0

    def _ask(self, url):
        with ganvas.Client(url, "gan") as client:
            while not self._stop.is_set():
                try:
                    client.predict(np.zeros((1, 4)))
                    self.done += 1
                except Exception as error:
                    self.failures.append(error)

    def __enter__(self):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for url in self.urls]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def swap(serve, versions, folder, engine, times, requests):
    """Versions 2, 3, ... take over from the one before, which then goes."""
    one, two = versions / "1", versions / "2"
    with (
        serve([entry(folder)], poll_seconds=0.05, engine=engine) as running,
        Traffic(running) as traffic,
    ):
        for number in range(2, times + 2):
            publish(two if number % 2 == 0 else one, folder / str(number))
            until(lambda number=number: states(running).get(number) == "AVAILABLE")
            until(lambda number=number: states(running)[number - 1] == "END")
            if number > 2:
                shutil.rmtree(folder / str(number - 1))
        until(lambda: traffic.done >= requests, 600)
    assert traffic.failures == []


def test_swaps_fail_nobody(serve, versions, first, engine):
    swap(serve, versions, first, engine, times=3, requests=100)


@pytest.mark.proof
def test_a_hundred_swaps_fail_nobody(serve, versions, first, engine):
    swap(serve, versions, first, engine, times=100, requests=1000)


def test_a_broken_version_leaves_the_old_one(serve, models, gan):
    """And is taken once it is mended."""
    with serve([entry(gan)]) as running:
        (gan / "2").mkdir()
        (gan / "2" / "saved_model.pb").write_bytes(b"no model")
        until(lambda: states(running).get(2) == "END")
        assert states(running)[1] == "AVAILABLE"
        status = running.ask("GET", "/v1/models/gan/versions/2").json["model_version_status"][0]
        assert status["status"]["error_code"] == "DATA_LOSS"
        assert "is not a SavedModel" in status["status"]["error_message"]
        assert running.ask("POST", PREDICT, Z).status == 200
        shutil.rmtree(gan / "2")
        publish(models.parent / "gan" / "2", gan / "2")
        until(lambda: states(running)[2] == "AVAILABLE")
        shutil.rmtree(gan / "2")  # and back
        until(lambda: states(running) == {2: "END", 1: "AVAILABLE"})


def test_policies_and_labels(serve, models, tmp_path):
    """models.config is read again when it changes; what is wrong in it changes nothing."""
    file = tmp_path / "models.config"
    text = models.read_text()
    file.write_text(
        text.replace("all {}", "specific { versions: 1 }").replace("value: 2", "value: 1")
    )
    with serve(file) as running:
        assert states(running) == {1: "AVAILABLE"}
        file.write_text(text)
        until(lambda: states(running) == {1: "AVAILABLE", 2: "AVAILABLE"})
        until(lambda: running.ask("POST", "/v1/models/gan/labels/canary:predict", Z).status == 200)
        file.write_text("model_config_list { nonsense }")
        running.look_again()
        assert running.ask("POST", PREDICT, Z).status == 200
        unlabelled = re.sub("version_labels .*", "", text)
        file.write_text(unlabelled.replace("all {}", "latest { num_versions: 1 }"))
        until(lambda: states(running) == {1: "END", 2: "AVAILABLE"})
    with refuses(ganvas.UsageError, "2"):
        file.write_text(text.replace("all {}", "specific { versions: 1 }"))
        with serve(file):
            pass


def write_warmup(folder, z):
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.name = "gan"
    log.predict_log.request.inputs["z"].CopyFrom(tf.make_tensor_proto(z))
    (folder / "assets.extra").mkdir()
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
    return path


def test_warm_up(models, gan):
    from ganvas.serve.engines.tensorflow import TensorFlowServable

    path = write_warmup(gan / "1", np.zeros((1, 4), np.float32))
    TensorFlowServable("gan", 1, gan / "1")
    path.write_bytes(b"not a TFRecord, though long enough to hold a head")
    with pytest.raises(ganvas.GanvasError, match=r"corrupted|truncated"):
        TensorFlowServable("gan", 1, gan / "1")
    shutil.rmtree(path.parent)
    write_warmup(gan / "1", np.zeros((1, 3), np.float32))
    with refuses(ganvas.GanvasError):
        TensorFlowServable("gan", 1, gan / "1")


def write_manifest(folder):
    digests = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    (folder / "manifest.json").write_text(json.dumps({"files": digests}))


def tamper(folder, how):
    manifest = folder / "manifest.json"
    if how == "changed":
        content = (folder / "saved_model.pb").read_bytes()
        (folder / "saved_model.pb").write_bytes(content[:-1] + b"?")
    elif how == "missing":
        next((folder / "variables").glob("*.data*")).unlink()
    elif how == "added":
        (folder / "variables" / "more").write_text("x")
    elif how == "damaged":
        manifest.write_text(manifest.read_text()[:-5])
    elif how == "list":
        manifest.write_text("[1]")
    elif how == "outside":
        manifest.write_text(json.dumps({"files": {"../../secret": "0" * 64}}))


WORDS = {
    "changed": "is not the file that was exported", "missing": "is missing",
    "added": "was not exported", "damaged": "is damaged", "list": "is damaged",
    "outside": "is missing|was not exported",
}  # fmt: skip


@pytest.mark.parametrize("how", WORDS)
def test_tampering(gan, how):
    from ganvas.serve.engines.tensorflow import TensorFlowServable

    write_manifest(gan / "1")
    if how == "changed":
        assert TensorFlowServable("gan", 1, gan / "1").find("")
    tamper(gan / "1", how)
    with pytest.raises(ganvas.GanvasError, match=WORDS[how]):
        TensorFlowServable("gan", 1, gan / "1")


def test_damaged_variables(gan):
    from ganvas.serve.engines.tensorflow import TensorFlowServable

    for path in (gan / "1" / "variables").iterdir():
        path.write_bytes(b"x" * 50)
    with pytest.raises(ganvas.GanvasError):
        TensorFlowServable("gan", 1, gan / "1")


BATCHES = """
max_batch_size {{ value: 8 }}
batch_timeout_micros {{ value: {wait} }}
max_enqueued_batches {{ value: {queue} }}
num_batch_threads {{ value: 1 }}
allowed_batch_sizes: 4
allowed_batch_sizes: 8
"""


def test_batches(serve, models, tmp_path):
    """Concurrent requests are put together, and each gets its own answer, of its own model."""
    file = tmp_path / "batching.config"
    file.write_text(BATCHES.format(wait=20_000, queue=100))
    folder = models.parent / "gan"
    both = [entry(folder, specific=(1,)), entry(folder, name="twice", specific=(2,))]
    with serve(both, batching_config=file) as running:

        def ask(index):
            name, scale = [("gan", 1), ("twice", 2)][index % 2]
            url = running.grpc if index % 4 < 2 else running.rest
            with ganvas.Client(url, name) as client:
                images = client.predict(np.full((1, 4), index / 100))
            return float(images[0, 0, 0, 0]), np.tanh(scale * index / 100)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(ask, range(48)))
        np.testing.assert_allclose(*zip(*answers, strict=True), rtol=1e-5)
        answer = running.ask("POST", PREDICT, {"instances": [[0.1] * 4] * 9})
        assert answer.status == 400
        assert "Task size 9 is larger than maximum input batch size 8" in answer.json["error"]
        body = {
            "signature_name": "generate",
            "inputs": {"num_images": 20, "seed": [1, 2], "truncation": 1},
        }
        assert len(running.ask("POST", PREDICT, body).json["outputs"]) == 20


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux counts threads there")
def test_batching_leaves_no_threads_behind(models):
    """However many versions come and go."""
    from ganvas.serve.config import Batching
    from ganvas.serve.engines.tensorflow import TensorFlowServable

    counts = []
    for number in range(6):
        servable = TensorFlowServable(
            "gan", number, models.parent / "gan" / "1", Batching(8, 0, 3, 9, (), False)
        )
        servable.find("")({"z": np.zeros((1, 4), np.float32)})
        counts.append(len(list(Path("/proc/self/task").iterdir())))
    assert counts[-1] <= counts[1] + 1


SLOW = {"signature_name": "slow", "instances": [0.5]}
TYPES = "/v1/models/types:predict"


def test_a_full_batch_queue_is_unavailable(serve, models, tmp_path):
    file = tmp_path / "batching.config"
    file.write_text(BATCHES.format(wait=0, queue=1))
    with serve(models, batching_config=file) as running:
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(running.ask, "POST", TYPES, SLOW) for _ in range(40)]
            answers = [one.result() for one in asked]
        refused = [one for one in answers if one.status != 200]
        assert refused and len(refused) < 40
        assert {one.status for one in refused} == {503}
        assert "batch scheduling queue" in refused[0].json["error"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_batch_size { value: 0 }", "must be >= 1"),
        ("allowed_batch_sizes: 4 allowed_batch_sizes: 2", "must increase"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 4", "must increase to max_batch_size"),
        ("pad_variable_length_inputs: true", "are not supported"),
        ("speed: 9", "is not a batching file"),
    ],
)
def test_batching_files(tmp_path, text, words):
    from ganvas.serve.config import read_batching

    file = tmp_path / "batching.config"
    file.write_text(text)
    with pytest.raises(ganvas.UsageError, match=words):
        read_batching(file, 2)


def test_queue_and_deadline(serve, first, engine, held):
    """A request beyond the queue's bound is refused, and one that takes too long is given up."""
    with serve([entry(first)], max_queue=2, timeout_seconds=0.3, engine=engine) as running:
        go, queue = held(), running.server.engine
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(running.ask, "POST", PREDICT, Z) for _ in range(8)]
            answers = [one.result() for one in asked]
        statuses = sorted(one.status for one in answers)
        assert statuses == [503] * 6 + [504] * 2
        by_status = {one.status: one for one in answers}
        assert by_status[503].headers["retry-after"] == "1"
        assert "not done within" in by_status[504].json["error"]

        def refusal(seconds):
            with (
                ganvas.Client(running.grpc, "gan", timeout=seconds) as client,
                pytest.raises(ganvas.GanvasError) as error,
            ):
                client._call("serving_default", {"z": np.zeros((1, 4), np.float32)}, "images")
            return error.value.code

        assert refusal(20) == "UNAVAILABLE"  # the two are at work still, and are counted
        assert len(queue.scheduler) == 2
        go.set()
        until(lambda: len(queue.scheduler) == 0)
        go.clear()
        assert refusal(0.2) == "DEADLINE_EXCEEDED"
        go.set()


def test_draining(serve, first, engine, held):
    """Who is being served is served; then nobody."""
    with serve([entry(first)], engine=engine) as running:
        assert running.ask("GET", "/readyz").json == {"ready": True}
        go = held()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            last = pool.submit(running.ask, "POST", PREDICT, Z)
            until(lambda: len(running.server.engine.scheduler) == 1)
            running.stop()
            until(lambda: running.server.engine.draining)
            go.set()
            assert last.result().status == 200
        running._thread.join(20)
        with pytest.raises(OSError):
            running.ask("GET", "/healthz")


def test_health_and_reflection(serve, models):
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import proto_reflection_descriptor_database as database

    with serve(models) as running:
        assert running.ask("GET", "/healthz").status == 200
        with grpc.insecure_channel(running.grpc.removeprefix("grpc://")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for service in ("", "PredictionService", "ModelService"):
                request = health_pb2.HealthCheckRequest(service=service)
                assert stub.Check(request, timeout=10).status == 1
            # What grpcurl asks first.
            services = database.ProtoReflectionDescriptorDatabase(channel).get_services()
            assert "tensorflow.serving.PredictionService" in services


def test_not_ready_while_loading(serve, models):
    from ganvas.serve.models import Models

    loading = Models([entry(models.parent / "gan")])
    assert not loading.ready()
    loading.reconfigure([entry(models.parent / "gan")])
    assert loading.ready()


def test_metrics(serve, models):
    with serve(models) as running:
        running.ask("POST", PREDICT, {"instances": [[0.1] * 4] * 3 + [[0.5] * 4]})
        running.ask("POST", PREDICT, {"instances": [[0.1]]})
        running.ask("POST", "/v1/models/none:predict", Z)
        answer = running.ask("GET", "/monitoring/prometheus/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.body.decode().splitlines()
    served = 'model_name="gan",status="{}",version="2"'
    name = ":tensorflow:serving:request_count"
    for line in (
        f"{name}{{{served.format('OK')}}} 1.0",
        f"{name}{{{served.format('INVALID_ARGUMENT')}}} 1.0",
        f'{name}{{model_name="",status="NOT_FOUND",version=""}} 1.0',
        'ganvas_images_total{model_name="gan",version="2"} 4.0',
        'ganvas_duplicate_images_total{model_name="gan",version="2"} 2.0',
        'ganvas_blank_images_total{model_name="gan",version="2"} 0.0',
        f"# TYPE {name} counter",
    ):
        assert line in lines
    latency = ':tensorflow:serving:request_latency_count{API="predict",entrypoint="REST"'
    assert any(line.startswith(latency) for line in lines)
    assert any(line.startswith("process_start_time_seconds") for line in lines)


def test_rows_of_models_without_images_are_limited_by_bytes(models, http_ask, places):
    from ganvas.serve.engines.base import Signature, definitions_of
    from ganvas.serve.status import Declined

    known = definitions_of(models.parent / "types" / "1")
    Signature(known["float"]).check({"x": np.zeros(10**6, np.float32)})
    with refuses(Declined, 2**20, 2**20 + 1):  # a text counts as 64 bytes
        Signature(known["string"]).check({"x": np.empty(2**20 + 1, object)})
    images = Signature(definitions_of(models.parent / "gan" / "1")["serving_default"])
    with refuses(Declined, 4096, 5000):
        images.check({"z": np.zeros((5000, 4), np.float32)})
    body = {"signature_name": "float", "instances": [0.5] * 20_000}
    answer = http_ask(places[0], "POST", "/v1/models/types:predict", body)
    assert answer.json["predictions"] == [0.5] * 20_000


def test_blank_images_are_counted():
    import io

    from PIL import Image

    from ganvas.images.fast_png import encoded
    from ganvas.serve.metrics import Metrics

    def png(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "png")
        return file.getvalue()

    blank, ramp = np.full((4, 4), 9, np.uint8), np.arange(16, dtype=np.uint8).reshape(4, 4)
    metrics = Metrics()
    metrics.images("m", "1", {"image_bytes": np.array([png(blank), png(ramp), b"none"], object)})
    labelled = list(encoded(np.stack([blank, ramp])[..., None]))
    metrics.images("m", "1", {"image_bytes": np.array(labelled, object)})
    metrics.images("m", "1", {"images": np.stack([blank, blank])[..., None].astype(np.float32)})
    lines = metrics.text().decode().splitlines()
    assert 'ganvas_blank_images_total{model_name="m",version="1"} 4.0' in lines
    assert 'ganvas_duplicate_images_total{model_name="m",version="1"} 1.0' in lines


def test_the_page_needs_no_network(serve, models):
    with serve(models) as running:
        described = running.ask("GET", "/openapi.json").json
        assert "/v1/models/{name}:predict" in described["paths"]
        page = running.ask("GET", "/docs").body.decode()
    assert "generate" in page
    assert "http://" not in page and "https://" not in page and "<script" not in page


def test_token(serve, gan, tmp_path):
    file = tmp_path / "token"
    file.write_text("a-secret-word\n")
    with serve([entry(gan)], token_file=file) as running:
        assert running.ask("GET", "/readyz").status == 200
        for headers in ({}, {"authorization": "Bearer wrong"}):
            answer = running.ask("POST", PREDICT, Z, **headers)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        for url in (running.rest, running.grpc):
            with ganvas.Client(url, token="a-secret-word") as client:
                assert client.generate(1).shape == (1, 4, 4, 1)
            with ganvas.Client(url) as client, pytest.raises(ganvas.GanvasError) as error:
                client.generate(1)
            assert error.value.code == "UNAUTHENTICATED"
    file.write_text("short")
    with (
        refuses(ganvas.UsageError),
        serve([entry(gan)], token_file=file),
    ):
        pass


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_tls(serve, gan, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {key} -out {cert} "
        "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost 2>/dev/null"
    )
    assert os.system(command) == 0
    with serve([entry(gan)], tls_cert=cert, tls_key=key) as running:
        for url in (running.rest, running.grpc):
            assert url.split(":")[0] in ("https", "grpcs")
            with ganvas.Client(url, certificate=str(cert)) as client:
                assert client.generate(1).shape == (1, 4, 4, 1)
    with (
        refuses(ganvas.UsageError),
        serve([entry(gan)], tls_cert=cert),
    ):
        pass
    with (
        refuses(ganvas.UsageError),
        serve([entry(gan)], tls_cert=key, tls_key=cert),
    ):
        pass


@pytest.mark.parametrize("which", ["rest_port", "grpc_port"])
def test_a_port_that_is_taken(serve, gan, which):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        option = "--" + which.replace("_", "-")
        with (
            pytest.raises(ganvas.UsageError, match=f"port {port} .*{option}"),
            serve([entry(gan)], **{which: port}),
        ):
            pass
