"""What an operator's bad day brings: half-written files, disks that go, loads that take long."""

import contextlib
import http.client
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest

import ganvas
from refusals import refuses

pytest.importorskip("tensorflow_serving")

PREDICT = "/v1/models/gan:predict"
Z = {"instances": [[0.1] * 4]}


def entry(folder, **options):
    from ganvas.serve.config import Entry

    return Entry(options.pop("name", "gan"), folder, **options)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def slow_loads(monkeypatch):
    """Every load waits for an event."""
    from ganvas.serve.engines import tensorflow as engine

    go = threading.Event()

    class Slow(engine.TensorFlowServable):
        def __init__(self, *arguments):
            assert go.wait(60)
            super().__init__(*arguments)

    monkeypatch.setattr(engine, "TensorFlowServable", Slow)
    yield go
    go.set()


def health(url):
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        return health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=10
        )


@pytest.mark.parametrize("text", ["", "model_config_list {}"], ids=["truncated", "empty list"])
def test_a_config_that_is_being_written_takes_nothing_off(serve, models, tmp_path, text):
    file = tmp_path / "models.config"
    file.write_text(models.read_text())
    with serve(file) as running:
        file.write_text(text)
        running.look_again()
        if text:  # whoever lists no model means it, and the server says that it is not ready
            until(lambda: running.ask("GET", "/readyz").status == 503)
        else:
            assert running.ask("POST", PREDICT, Z).status == 200
            assert running.ask("GET", "/readyz").status == 200


def test_a_folder_that_goes_and_comes_back(serve, gan):
    """Such as a disk that is unmounted. Health follows readiness over both wires."""
    with serve([entry(gan)]) as running:
        gan.rename(gan.with_name("gone"))
        running.look_again()
        assert running.ask("POST", PREDICT, Z).status == 200
        gan.with_name("gone").rename(gan)
        running.look_again()
        assert health(running.grpc).status == 1
        shutil.rmtree(gan / "1")  # which is meant: the folder is there, and empty
        until(lambda: running.ask("GET", "/readyz").status == 503)
        until(lambda: health(running.grpc).status == 2)


def test_a_config_that_was_too_early_is_tried_again(serve, gan, tmp_path):
    file, other = tmp_path / "models.config", tmp_path / "later"
    one = 'config {{ name: "{}" base_path: "{}" model_platform: "tensorflow" }}'
    file.write_text(f"model_config_list {{ {one.format('gan', gan)} }}")
    with serve(file) as running:
        both = one.format("gan", gan) + one.format("new", other)
        file.write_text(f"model_config_list {{ {both} }}")
        running.look_again()
        assert running.server.models.names() == ["gan"]
        shutil.copytree(gan, other)
        until(lambda: running.server.models.names() == ["gan", "new"])


@pytest.mark.parametrize("kind", ["uint8 images", "float image_bytes", "no images"])
def test_outputs_that_only_have_the_names(kind):
    from ganvas.serve.metrics import Metrics

    outputs = {
        "uint8 images": {"images": np.array([[[[7]]], [[[7]]]], np.uint8)},
        "float image_bytes": {"image_bytes": np.zeros(3, np.float32)},
        "no images": {"images": np.zeros((0, 4, 4, 1), np.float32)},
    }[kind]
    metrics = Metrics()
    metrics.images("m", "1", outputs)
    counted = 'ganvas_blank_images_total{model_name="m",version="1"} 2.0' in metrics.text().decode()
    assert counted == (kind == "uint8 images")


def test_numbers_of_versions_that_are_gone_go(serve, models, gan):
    with serve([entry(gan)]) as running:
        running.ask("POST", PREDICT, Z)
        metrics = running.server.engine.metrics
        assert 'version="1"' in metrics.text().decode()
        shutil.copytree(models.parent / "gan" / "2", gan / "tmp")
        (gan / "tmp").rename(gan / "2")
        until(lambda: running.server.models._available("gan") == [2])
        assert 'version="1"' not in metrics.text().decode()


def test_not_ready_before_the_models_are_there(serve, gan, slow_loads):
    """Over either wire: 503 and UNAVAILABLE, as long as nobody can know what is served."""
    running = serve([entry(gan)])
    running._thread.start()
    until(lambda: running.server.rest_port and getattr(running.server, "_health", None))
    rest, grpc = running.server.urls
    try:
        from ganvas.serve.wires import Declined

        until(lambda: _answers(rest))
        assert _get(rest, "/readyz") == 503
        assert health(grpc).status == 2
        with ganvas.Client(grpc, "gan", timeout=10) as client, pytest.raises(Declined) as error:
            client.predict(np.zeros((1, 4)))
        assert error.value.code == "UNAVAILABLE"
        slow_loads.set()
        assert running._started.wait(60)
        until(lambda: _get(rest, "/readyz") == 200)
        assert health(grpc).status == 1
    finally:
        slow_loads.set()
        running._started.wait(60)
        running.stop()
        running._thread.join(60)


def _answers(url):
    with contextlib.suppress(OSError):
        return _get(url, "/healthz") == 200


def _get(url, path):
    place = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(place.hostname, place.port)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def test_a_reload_that_is_refused_was_never_served(serve, models, gan, monkeypatch, token):
    """And it takes no thread from requests."""
    import grpc
    from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

    from ganvas.serve.engines import tensorflow as engine

    seen = []

    class Spied(engine.TensorFlowServable):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            seen.append(ask())  # answered in the midst of it

    def ask():
        return running.ask("POST", PREDICT, Z, **token.headers).json

    options = {"allow_reload": True, "model_roots": (gan.parent,), **token.options}
    with serve([entry(gan)], **options) as running:
        before = ask()
        shutil.copytree(models.parent / "gan" / "2", gan.parent / "other" / "2")
        monkeypatch.setattr(engine, "TensorFlowServable", Spied)
        request = model_management_pb2.ReloadConfigRequest()
        asked = request.config.model_config_list.config.add(
            name="other", base_path=str(gan.parent / "other"), model_platform="tensorflow"
        )
        request.config.model_config_list.config.add(
            name="gan", base_path=str(gan), model_platform="tensorflow"
        )
        asked.version_labels["stable"] = 9
        with grpc.insecure_channel(running.grpc.removeprefix("grpc://")) as channel:
            stub = model_service_pb2_grpc.ModelServiceStub(channel)
            with pytest.raises(grpc.RpcError) as error:
                stub.HandleReloadConfigRequest(request, timeout=60, metadata=token.metadata)
            assert error.value.code().name == "FAILED_PRECONDITION"
        assert seen == [before]
        assert ask() == before


def test_bodies_on_their_way_have_a_bound(serve, gan, monkeypatch):
    from ganvas.serve import engine

    monkeypatch.setattr(engine, "MOST_BYTES", 0)
    head = (
        b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: 90000\r\n\r\n" % PREDICT.encode()
    )
    with serve([entry(gan)], max_body_mb=0.1) as running, contextlib.ExitStack() as stack:
        place = urlsplit(running.rest)
        for _ in range(5):  # four of the largest are taken
            client = stack.enter_context(socket.create_connection((place.hostname, place.port)))
            client.sendall(head + b" " * 89_000)
        until(lambda: running.server.engine._bytes > 300_000)
        answer = running.ask("POST", PREDICT, b" " * 90_000)
        assert answer.status == 503 and answer.headers["retry-after"]
        stack.close()
        until(lambda: running.server.engine._bytes == 0)
        assert running.ask("POST", PREDICT, Z).status == 200


def test_who_does_not_read_is_let_go(serve, models, monkeypatch):
    """And the bytes of its answer are counted until then."""
    from ganvas.serve import connections

    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.5)
    # The same words come back: more than the buffers of sockets hold.
    body = json.dumps({"signature_name": "string", "instances": ["a" * 2500] * 4000}).encode()
    path = "/v1/models/types:predict"
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    with serve(models) as running:
        place, engine = urlsplit(running.rest), running.server.engine
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((place.hostname, place.port))
            client.sendall(head.encode() + body)
            until(lambda: engine._bytes > len(body) + 9_000_000)  # body and answer
            until(lambda: engine._bytes == 0)
        with contextlib.closing(http.client.HTTPConnection(place.hostname, place.port)) as slow:
            slow.request("POST", path, body)
            answer, length = slow.getresponse(), 0
            while part := answer.read(2_000_000):  # slowly, but it reads
                length += len(part)
                time.sleep(0.2)
            assert length > 9_000_000


@pytest.mark.proof
def test_the_way_out_is_not_as_long_as_the_work(models):
    """A request was given up after its time; its thread goes on, and the process does not."""
    words = ["serve", "--config", models, "--rest-port", "0", "--grpc-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ganvas", *map(str, words), "--timeout-seconds", "0.3",
         "--drain-seconds", "1.5"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        url = re.search(r"http://\S+", process.stdout.readline())[0]
        body = {"signature_name": "slow", "instances": [60.0]}
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/models/types:predict", json.dumps(body))
            assert connection.getresponse().status == 504
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        until(lambda: _get(url, "/readyz") == 503, 1.4)  # to whoever comes anew
        assert process.wait(45) == 0
        assert time.monotonic() - began < 40


def test_a_version_of_other_files_is_passed_over(serve, gan):
    """`export --formats litert` published version 2."""
    (gan / "2").mkdir()
    (gan / "2" / "manifest.json").write_text('{"files": {}}')
    with serve([entry(gan)]) as running:
        assert running.ask("POST", PREDICT, Z).status == 200
        assert running.server.models._available("gan") == [1]


def test_every_curl_line_of_the_page_is_answered(serve, models):
    import html

    with serve(models) as running:
        page = running.ask("GET", "/docs").body.decode()
        lines = re.findall(r"<pre>(curl .+?)</pre>", page)
        assert len(lines) > 15
        for line in lines:
            curl, option, body, url = shlex.split(html.unescape(line))
            assert (curl, option, url[:4]) == ("curl", "-d", "$URL")
            path = url.removeprefix("$URL")
            answer = running.ask("POST", path, body.encode())
            refused = {"half_in", "half_out", "scalar", "uneven", "raises", "odd", "slow"}
            if json.loads(body)["signature_name"] not in refused:
                assert answer.status == 200, (body, answer.body[:200])


def test_a_graph_for_gpus_beside_the_one_to_serve(gan):
    """TensorFlow 2 reads one graph; two are as TensorFlow 1 wrote them, for who trusts them."""
    from tensorflow.core.protobuf import saved_model_pb2

    from ganvas.serve.engines.tensorflow import TensorFlowServable
    from ganvas.serve.status import Declined

    path = gan / "1" / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    other = saved_model_pb2.SavedModel()
    other.CopyFrom(model)
    other.meta_graphs[0].meta_info_def.tags.append("gpu")
    other.meta_graphs[0].signature_def.clear()
    other.meta_graphs.append(model.meta_graphs[0])
    path.write_bytes(other.SerializeToString())
    with refuses(Declined):
        TensorFlowServable("gan", 1, gan / "1")
    assert TensorFlowServable("gan", 1, gan / "1", trusted=True).find("")


@pytest.mark.parametrize("how", ["folder", "file"])
def test_links_are_no_part_of_a_model(gan, tmp_path, how):
    from ganvas.storage import manifest

    manifest.write(gan / "1", {})
    manifest.verify(gan / "1")
    elsewhere = tmp_path / "elsewhere"
    if how == "folder":
        elsewhere.mkdir()
        (elsewhere / "tf_serving_warmup_requests").write_bytes(b"x")
    else:
        elsewhere.write_bytes(b"x")
    (gan / "1" / "assets.extra").symlink_to(elsewhere)
    with refuses(ganvas.ModelError):
        manifest.verify(gan / "1")


def test_a_manifest_of_brackets(gan):
    from ganvas.storage import manifest

    (gan / "1" / "manifest.json").write_text("[" * 100_000)
    with refuses(ganvas.ModelError):
        manifest.verify(gan / "1")


@pytest.mark.parametrize("wire", [0, 1])
def test_a_label_for_a_model_without_classes(places, wire):
    with ganvas.Client(places[wire], "gan") as client:
        with refuses(ganvas.UsageError):
            client.generate(1, label=7)
        (picture,) = client.pictures(1, seed=3)
        assert picture.size == (4, 4)
        np.testing.assert_array_equal(np.asarray(picture), client.generate(1, seed=3)[0, ..., 0])


def test_names_that_kubernetes_takes():
    from ganvas.exporting.deployment import dns_label

    for name in ("2026-faces", "1", "-", "Ü", "x" * 90, "a.b_c", "9" * 90):
        assert re.fullmatch("[a-z]([a-z0-9-]{0,38}[a-z0-9])?", dns_label(name)), name
