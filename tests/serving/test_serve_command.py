"""`ganvas serve`, as a process."""

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import ganvas


@contextlib.contextmanager
def process(*words):
    """A server as a process: (process, REST URL, gRPC URL); stopped with the block."""
    command = [sys.executable, "-m", "ganvas", "serve", *map(str, words)]
    ports = ["--rest-port", "0", "--grpc-port", "0"]
    with subprocess.Popen(
        [*command, *ports], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            line = running.stdout.readline()
            found = re.search(r"serving (.*) at (http://\S+) and (grpc://\S+)", line)
            assert found, line + running.stderr.read()
            yield running, found[2], found[3]
        finally:
            running.kill()


def test_serves_and_drains(models):
    """SIGTERM: the request under way is answered, exit 0."""
    with process("--config", models) as (running, rest, grpc):
        for url in (rest, grpc):
            with ganvas.Client(url, "gan") as client:
                assert client.generate(2).shape == (2, 4, 4, 1)
        body = b'{"signature_name": "slow", "instances": [1.0]}'
        host = rest.removeprefix("http://")
        statuses = []

        def last():
            with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as connection:
                connection.request("POST", "/v1/models/types:predict", body)
                statuses.append(connection.getresponse().status)

        thread = threading.Thread(target=last)
        thread.start()
        while not in_flight(host):
            assert thread.is_alive()
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        thread.join(30)
        assert running.wait(30) == 0
        assert statuses == [200]


def in_flight(host):
    with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        connection.request("GET", "/monitoring/prometheus/metrics")
        return b"\nganvas_requests_in_flight 1.0\n" in connection.getresponse().read()


def test_interrupted(forked, gan):
    """SIGINT: exit 130, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = forked("serve", gan, "--name", "one", "--rest-port", port, "--grpc-port", 0)
    try:
        while not ready(port):
            assert running.poll() is None, running.communicate()
            time.sleep(0.02)
        with ganvas.Client(f"http://127.0.0.1:{port}") as client:
            assert client.models()[0].name == "one"
        running.send_signal(signal.SIGINT)
        out, errors = running.communicate(60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert out.startswith(f"serving one at http://127.0.0.1:{port} and grpc://127.0.0.1:")
    assert "Traceback" not in errors


def ready(port):
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    ) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False


def complaint(done):
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    return lines[0]


WRONG = [
    ([], "give one of them"),
    (["nowhere"], "is not a folder"),
    (["{tmp}"], "holds no version to serve"),
    (["{gan}/1"], "give the folder above it"),
    (["{gan}", "--config", "x"], "give one of them"),
    (["{gan}", "--name", "a/b"], "must not contain '/' or ':'"),
    (["--config", "nowhere"], "cannot be read"),
    (["{gan}", "--token-file", "nowhere"], "--token-file"),
    (["{gan}", "--tls-cert", "nowhere"], "must be given together"),
    (
        ["{gan}", "--host", "nonsense.invalid"],
        "--host must be an address of this machine, got nonsense.invalid",
    ),
    (["{gan}", "--batching-config", "/nowhere"], "/nowhere cannot be read"),
    (
        ["{gan}", "--engine", "openvino"],
        "'openvino' is not one of 'auto', 'tensorflow', 'litert', 'onnx'",
    ),
]


@pytest.mark.parametrize(("words", "wanted"), WRONG)
def test_wrong_words(here, gan, tmp_path, words, wanted):
    (tmp_path / "empty").mkdir()
    places = {"gan": gan, "tmp": tmp_path / "empty"}
    done = here("serve", *(word.format(**places) for word in words))
    assert wanted in complaint(done)


ALONE = """
import json, sys
from ganvas.__main__ import main
for words in json.loads(sys.argv[1]):
    assert main(["serve", *words]) == 2
    assert "tensorflow" not in sys.modules, words
"""


def test_wrong_words_are_answered_before_tensorflow(gan, tmp_path):
    places = {"gan": gan, "tmp": tmp_path}
    given = json.dumps([[word.format(**places) for word in words] for words, _ in WRONG])
    done = subprocess.run(
        [sys.executable, "-c", ALONE, given], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("error: ") == len(WRONG)


def test_a_broken_model(here, gan):
    (gan / "1" / "saved_model.pb").write_bytes(b"no model")
    done = here("serve", gan, "--rest-port", "0", "--grpc-port", "0")
    assert "is not a SavedModel" in complaint(done)


def test_the_extra_is_asked_for(gan, monkeypatch, capsys):
    from ganvas.cli import run_command

    monkeypatch.setitem(sys.modules, "starlette", None)
    assert run_command(["serve", str(gan)]) == 2
    assert "pip install 'ganvas[edge]'" in capsys.readouterr().err
