"""An attacker's list: what a stranger may not make a server do, and what still works."""

import contextlib
import http.server
import json
import logging
import re
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

import grpc
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

Z = {"instances": [[0.1] * 4]}
PREDICT = "/v1/models/gan:predict"


def entry(folder, **options):
    from ganvas.serve.config import Entry

    return Entry(options.pop("name", "gan"), folder, **options)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def stranger():
    """A server of somebody else: its port, and the requests that it got."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_error(404)

        do_HEAD = do_PROPFIND = do_GET

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


def reload(url, models, metadata=None):
    """The code and the message of HandleReloadConfigRequest for these (name, base_path)."""
    request = model_management_pb2.ReloadConfigRequest()
    for name, place in models:
        request.config.model_config_list.config.add(
            name=name, base_path=str(place), model_platform="tensorflow"
        )
    with grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        try:
            stub.HandleReloadConfigRequest(request, timeout=60, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name, error.details()
    return "OK", ""


@contextlib.contextmanager
def process(*words):
    """`ganvas serve` as a process: REST URL and gRPC URL."""
    command = [sys.executable, "-m", "ganvas", "serve", *map(str, words)]
    ports = ["--rest-port", "0", "--grpc-port", "0"]
    with subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, text=True) as running:
        try:
            line = running.stdout.readline()
            yield re.search(r"http://\S+", line)[0], re.search(r"grpc://\S+", line)[0]
        finally:
            running.kill()


ADDRESSES = ["http://127.0.0.1:{}/m", "https://127.0.0.1:{}/m", "ftp://127.0.0.1:{}/m",
             "webhdfs://127.0.0.1:{}/m", "github://a:b@/m", "gs://b/m", "memory://m"]  # fmt: skip


@pytest.mark.parametrize("how", ["nobody", "token"])
def test_attacks_by_reload(gan, models, token, stranger, how, tmp_path, http_ask):
    """From another process: without and with --allow-reload, which needs a token."""
    port, seen = stranger
    (gan / "inner").mkdir()
    elsewhere = models.parent / "gan"
    (gan / "link").symlink_to(elsewhere)
    (gan / "inner" / "1").symlink_to(elsewhere / "1")
    attacks = [address.format(port) for address in ADDRESSES]
    attacks += [elsewhere, gan / "..", gan / "link", gan / "inner", f"{gan}/../../x", "/"]
    allowed = ["--allow-reload", "--token-file", tmp_path / "token"] if how == "token" else []
    metadata, headers = (token.metadata, token.headers) if allowed else (None, {})
    with process(gan, *allowed) as (rest, channel):
        for place in attacks:
            code, message = reload(channel, [("gan", gan), ("theirs", place)], metadata)
            linked = allowed and place == gan / "inner"  # found when its version is loaded
            assert code == ("UNKNOWN" if linked else "PERMISSION_DENIED"), (place, message)
            assert "remove the link" in message or not linked
        if allowed:
            assert reload(channel, [("gan", gan)])[0] == "UNAUTHENTICATED"
            assert reload(channel, [("other", gan)], metadata)[0] == "FAILED_PRECONDITION"
            assert reload(channel, [], metadata)[0] == "INVALID_ARGUMENT"
            assert reload(channel, [("gan", gan), ("again", gan)], metadata)[0] == "OK"
        assert http_ask(rest, "POST", PREDICT, Z, **headers).status == 200
        listed = http_ask(rest, "GET", "/v1/models", **headers).json["models"]
        assert [one["name"] for one in listed] == (["gan", "again"] if allowed else ["gan"])
    assert seen == []


def test_model_root(serve, gan, models, token):
    roots = {"model_roots": (models.parent,), "allow_reload": True, **token.options}
    with serve([entry(gan)], **roots) as running:
        kept, cond = ("gan", gan), ("cond", models.parent / "cond")
        code, _ = reload(running.grpc, [kept, ("cond", gan.parent)], token.metadata)
        assert code == "PERMISSION_DENIED"
        assert reload(running.grpc, [kept, cond], token.metadata)[0] == "OK"
        elsewhere = ("gan", models.parent / "gan")  # the operator's model stays where it is
        assert reload(running.grpc, [elsewhere], token.metadata)[0] == "FAILED_PRECONDITION"


@pytest.mark.parametrize("option", ["allow_reload", "model_roots"])
def test_wrong_options(serve, gan, option, tmp_path):
    value = True if option == "allow_reload" else (tmp_path / "none",)
    with refuses(ganvas.UsageError), serve([entry(gan)], **{option: value}):
        pass


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_in_a_models_config(serve, stranger, tmp_path, address):
    port, seen = stranger
    file = tmp_path / "models.config"
    place = address.format(port)
    file.write_text(
        f'model_config_list {{ config {{ name: "a" base_path: "{place}" '
        'model_platform: "tensorflow" } }'
    )
    with pytest.raises(ganvas.UsageError, match="--allow-scheme"), serve(file):
        pass
    assert seen == []


def test_a_remote_model_is_copied_once_and_freed(serve, models, gan, tmp_path):
    """However often models.config is read again, and whatever else it lists."""
    from ganvas.serve import config
    from ganvas.storage import manifest, remote

    for number in (1, 2):
        manifest.write(models.parent / "gan" / str(number), {})
    store = remote.Store("memory://served/gan")
    for number in (1, 2):
        store_of = remote.Store(f"memory://served/gan/{number}")
        store_of.publish(models.parent / "gan" / str(number), last=manifest.NAME)
        (models.parent / "gan" / str(number) / manifest.NAME).unlink()
    store.remove(f"2/{manifest.NAME}")  # not complete yet
    one = 'config {{ name: "{}" base_path: "{}" model_platform: "tensorflow" }}'
    near, far = one.format("near", gan), one.format("far", "memory://served/gan")
    file = tmp_path / "models.config"
    file.write_text(f"model_config_list {{ {near} {far} }}")
    with serve(file, allow_schemes=("memory",)) as running:
        served = running.server.models
        (copy,) = config._copies.values()
        first = (copy / "1" / "saved_model.pb").stat()
        file.write_text(f"model_config_list {{ {far} {near} }}")
        until(lambda: served.names() == ["far", "near"])
        assert list(config._copies.values()) == [copy]
        assert (copy / "1" / "saved_model.pb").stat() == first
        remote.Store("memory://served/gan/2").publish(_whole(models, 2), last=manifest.NAME)
        until(lambda: served._available("far") == [2])
        until(lambda: [path.name for path in copy.iterdir()] == ["2"])
        file.write_text(f"model_config_list {{ {near} }}")
        until(lambda: served.names() == ["near"])
        assert not config._copies and not copy.exists()


def _whole(models, number):
    from ganvas.storage import manifest

    folder = models.parent / "gan" / str(number)
    manifest.write(folder, {})
    return folder


HOSTS = [
    ("localhost", 200), ("127.0.0.1:8501", 200), ("[::1]:8501", 200), ("LOCALHOST.", 200),
    ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost@evil.example", 403),
    ("", 403), ("a.served.example:80", 200), ("served.example", 403), ("notserved.example", 403),
    ("me.example", 200),
]  # fmt: skip


def test_hosts(serve, gan):
    """A page whose name was made to resolve to this machine; probes send the address of a pod."""
    with serve([entry(gan)], allowed_hosts=("*.served.example", "Me.example")) as running:
        for host, status in HOSTS:
            answer = running.ask("POST", PREDICT, Z, host=host)
            assert answer.status == status, host
            for path in ("/healthz", "/readyz"):
                assert running.ask("GET", path, host=host).status == 200
        assert "--allowed-host" in running.ask("GET", "/docs", host="evil.example").json["error"]
    with serve([entry(gan)], allowed_hosts=("*",)) as running:
        assert running.ask("POST", PREDICT, Z, host="evil.example").status == 200


SMUGGLED = [
    "content-length: 4\r\ntransfer-encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "content-length: 4\r\ntransfer-encoding: Chunked",
    "content-length: 4\r\ncontent-length: 5",
    "content-length: 4, 5",
    "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "transfer-encoding: x\r\ncontent-length: 4",
    "content-length : 4\r\ntransfer-encoding: chunked",
]


@pytest.mark.parametrize("lengths", SMUGGLED)
def test_smuggled_requests(places, lengths):
    """Two lengths: the connection is closed, and what follows is not taken for a request."""
    place = urlsplit(places[0])
    attack = (
        f"POST {PREDICT} HTTP/1.1\r\nhost: localhost\r\n{lengths}\r\n\r\n"
        "0\r\n\r\nGET /v1/models/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port)) as client:
        client.settimeout(10)
        client.sendall(attack.encode())
        answer = b""
        while part := client.recv(10_000):  # to the end: the server closes
            answer += part
    assert answer.count(b"HTTP/1.1 ") == 1
    assert re.match(rb"HTTP/1.1 (400|501) ", answer)
    assert b"smuggled" not in answer


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_bearer_in_any_case(serve, gan, token, word):
    with serve([entry(gan)], **token.options) as running:
        sent = f"{word} a-secret-word"
        assert running.ask("POST", PREDICT, Z, authorization=sent).status == 200
        for wrong in ("a-secret-word", f"{word}a-secret-word", f"{word} A-SECRET-WORD", "Basic x"):
            assert running.ask("POST", PREDICT, Z, authorization=wrong).status == 401
        code, _ = reload(running.grpc, [("gan", gan)], [("authorization", sent)])
        assert code == "PERMISSION_DENIED"  # known, but reload is off


def generate(count, **more):
    inputs = {"num_images": count, "seed": [1, 2], "truncation": 1.0, **more}
    name = "generate_from" if "first" in more else "generate"
    return {"signature_name": name, "inputs": inputs}


def test_an_export_that_cannot_draw_in_parts(serve, gan):
    with serve([entry(gan)], max_images=20) as running:
        assert len(running.ask("POST", PREDICT, generate(20)).json["outputs"]) == 20
        answer = running.ask("POST", PREDICT, generate(21))
        assert answer.status == 400
        assert "at most 20 images a request, got 21" in answer.json["error"]
        assert "export the model again" in answer.json["error"]


def test_generate_is_warm_before_the_server_is_ready(gan, monkeypatch):
    from ganvas.serve.engines import tensorflow as servable

    drawn = []
    kept = servable.Function.__call__

    def spied(self, arrays):
        drawn.append(sorted(arrays))
        return kept(self, arrays)

    monkeypatch.setattr(servable.Function, "__call__", spied)
    servable.TensorFlowServable("gan", 1, gan / "1")
    assert drawn == [["num_images", "seed", "truncation"]]


def test_a_client_that_leaves_stops_its_work(serve, models):
    body = json.dumps({"signature_name": "slow", "instances": [1.0]}).encode()
    head = (
        "POST /v1/models/types:predict HTTP/1.1\r\nhost: localhost\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with serve(models) as running:
        place = urlsplit(running.rest)
        queue, threads = running.server.engine.scheduler, running.server.engine.scheduler._threads
        with contextlib.ExitStack() as stack:
            for _ in range(threads + 3):
                client = stack.enter_context(socket.create_connection((place.hostname, place.port)))
                client.sendall(head.encode() + body)
            until(lambda: len(queue) == threads + 3)
        until(lambda: len(queue) <= threads, 0.9)  # those that wait are dropped at once


def test_no_line_comes_every_second(serve, gan, models, caplog, monkeypatch):
    """A version number used twice, a store that is not reached, a version that is broken."""
    from ganvas.serve.config import Entry

    def unreachable(self):
        raise OSError(f"request {time.monotonic()}")

    caplog.set_level(logging.INFO, "ganvas.serve")
    with serve([entry(gan)]) as running:
        running.server.models._versions["gan"][1].folder = models.parent
        (gan / "3").mkdir()
        (gan / "3" / "saved_model.pb").write_bytes(b"damaged")
        for number in range(4):
            running.look_again()
            (gan / "3" / "more").write_text("x" * number)  # it changes, as if it were copied
        monkeypatch.setattr(Entry, "fetch", unreachable)
        for _ in range(3):
            running.look_again()
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    lines = [record.getMessage() for record in warned if str(gan) in record.getMessage()]
    assert len(lines) == 3, lines


def test_pieces_have_the_bytes_of_the_whole(drawing, serve):
    """Over both protocols, of an export of ours, whatever the first image is."""
    with serve([entry(drawing, name="gan")]) as running:
        servable = running.server.models.find("gan")
        drawn = {"seed": np.array([3, 0], np.int32), "truncation": np.array(1, np.float32)}
        count = {"num_images": np.array(37, np.int32)}
        whole = servable.find("generate")({**drawn, **count})["image_bytes"].tolist()
        for url in (running.rest, running.grpc):
            with ganvas.Client(url, "gan") as client:
                assert list(client._files(37, seed=3)) == whole
                for first, count in ((0, 9), (5, 20), (8, 29), (36, 1)):
                    part = {"first": np.int32(first), "num_images": np.int32(count), **drawn}
                    files = client._call("generate_from", part, "image_bytes")
                    assert list(files) == whole[first : first + count]
        for count in (0, -3, 1025):
            answer = running.ask("POST", PREDICT, generate(count))
            assert answer.status == 400 and "num_images must be 1 to 1024" in answer.json["error"]
        assert running.ask("POST", PREDICT, generate(9, first=-1)).status == 400
        assert running.ask("POST", PREDICT, generate(9, first=2**31 - 1)).status == 400
        assert running.ask("POST", PREDICT, generate(9, truncation=5.0)).status == 400


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    """The folder of an export of an untrained generator, 16x16."""
    import keras

    from ganvas.exporting import saved_model
    from ganvas.gan.networks import DCGAN

    keras.utils.set_random_seed(0)
    generator = DCGAN(noise=8, width=4, max_width=8).generator((16, 16, 1), 0)
    folder = tmp_path_factory.mktemp("drawing") / "gan"
    saved_model.save(generator, (), folder / "1")
    return folder


@pytest.mark.proof
def test_a_small_request_beside_eight_large_ones(drawing, http_ask):
    """Within five times its time alone; the clients are in another process than the server."""

    def seconds(count):
        began = time.perf_counter()
        assert http_ask(url, "POST", PREDICT, generate(count)).status == 200
        return time.perf_counter() - began

    def hammer():
        while not stop.is_set():
            seconds(1024)

    with process(drawing, "--timeout-seconds", "300") as (url, _):
        seconds(1024)
        alone = np.median([seconds(1) for _ in range(40)])
        stop = threading.Event()
        crowd = [threading.Thread(target=hammer) for _ in range(8)]
        for thread in crowd:
            thread.start()
        try:
            time.sleep(0.3)
            beside = np.median([seconds(1) for _ in range(40)])
        finally:
            stop.set()
            for thread in crowd:
                thread.join()
    assert beside <= 5 * alone, (alone, beside)


def test_a_model_that_writes_a_file(serve, tmp_path):
    """It is served only to who trusts it."""
    import tensorflow as tf

    marker = tmp_path / "written"

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def writes(x):
        tf.io.write_file(str(marker), "x")
        return {"y": x + 1}

    module = tf.Module()
    module.writes = writes
    tf.saved_model.save(module, str(tmp_path / "gan" / "1"), {"serving_default": writes})
    with pytest.raises(ganvas.UsageError, match="WriteFile"), serve([entry(tmp_path / "gan")]):
        pass
    assert not marker.exists()
    with serve([entry(tmp_path / "gan")], trust_models=True) as running:
        assert running.ask("POST", PREDICT, {"instances": [1.0]}).json == {"predictions": [2.0]}
    assert marker.exists()


def test_bodies_that_unpack_or_parse_to_much(serve, models, http_ask):
    """Kilobytes that become millions of lists: refused before they are parsed, and counted."""
    import gzip

    lists = b'{"instances":[' + b"[]," * 2_000_000 + b"[]]}"
    with serve(models) as running:
        began = time.process_time()
        answer = running.ask("POST", PREDICT, gzip.compress(lists), **{"content-encoding": "gzip"})
        assert answer.status == 400 and "lists and objects" in answer.json["error"]
        assert time.process_time() - began < 2
        until(lambda: running.server.engine._bytes == 0)
        taken = []
        from ganvas.serve.bodies import _unzip

        assert _unzip(gzip.compress(b"a" * 3_000_000), 4_000_000, taken.append) == b"a" * 3_000_000
        assert sum(taken) >= 3_000_000
        both = {"inputs": [0.5] * 200_000, "instances": [0.5] * 200_000}
        began = time.process_time()
        assert len(running.ask("POST", PREDICT, both).json["error"]) < 500
        assert time.process_time() - began < 1


def test_answers_have_a_limit(serve, tmp_path):
    import tensorflow as tf

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def large(x):
        return {"y": tf.broadcast_to(x[:, None], (tf.shape(x)[0], 2**20))}

    module.large = large
    tf.saved_model.save(module, str(tmp_path / "gan" / "1"), {"serving_default": large})
    with serve([entry(tmp_path / "gan")]) as running:
        answer = running.ask("POST", PREDICT, {"instances": [1.0] * 5})
        assert answer.status == 400 and "use gRPC" in answer.json["error"]
        with ganvas.Client(running.grpc, "gan") as client:
            assert client.ask(x=np.ones(5, np.float32))["y"].shape == (5, 2**20)
            with pytest.raises(ganvas.GanvasError, match="at most 16 rows"):
                client.ask(x=np.ones(17, np.float32))
        assert running.ask("POST", PREDICT, {"instances": [1.0]}).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"host": "localhost:80@evil.example"}, 403),
        ({"host": "xlocalhost]"}, 403),
        ({"host": "localhost, evil.example"}, 403),
    ],
)
def test_pages_of_other_sites(places, http_ask, headers, status):
    assert http_ask(places[0], "POST", PREDICT, Z, **headers).status == status


def test_a_model_whose_warm_up_does_not_end(gan, monkeypatch):
    from ganvas.serve.engines import tensorflow as servable
    from ganvas.serve.status import Declined

    go = threading.Event()
    monkeypatch.setattr(servable, "WARM_UP_SECONDS", 0.2)
    monkeypatch.setattr(servable.TensorFlowServable, "_warm_up_drawing", lambda self: go.wait(20))
    with pytest.raises(Declined) as error:
        servable.TensorFlowServable("gan", 1, gan / "1")
    assert error.value.code == "DEADLINE_EXCEEDED"
    go.set()
