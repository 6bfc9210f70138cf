"""`ganvas serve`, as a process."""

import contextlib
import http.client
import re
import signal
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
        body = b'{"signature_name": "slow", "instances": [0.5]}'
        host = rest.removeprefix("http://")
        statuses = []

        def last():
            with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as connection:
                connection.request("POST", "/v1/models/types:predict", body)
                statuses.append(connection.getresponse().status)

        thread = threading.Thread(target=last)
        thread.start()
        time.sleep(0.2)
        running.send_signal(signal.SIGTERM)
        thread.join(30)
        assert running.wait(30) == 0
        assert statuses == [200]


def test_interrupted(gan):
    with process(gan, "--name", "one") as (running, rest, _):
        with ganvas.Client(rest) as client:
            assert client.models()[0]["name"] == "one"
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert "Traceback" not in running.stderr.read()


def complaint(done):
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], "give one of them"),
        (["nowhere"], "is no folder"),
        (["{tmp}"], "holds no version to serve"),
        (["{gan}/1"], "give the folder above it"),
        (["{gan}", "--config", "x"], "give one of them"),
        (["{gan}", "--name", "a/b"], "without '/' and ':'"),
        (["--config", "nowhere"], "cannot be read"),
        (["{gan}", "--token-file", "nowhere"], "--token-file"),
        (["{gan}", "--tls-cert", "nowhere"], "belong together"),
    ],
)
def test_wrong_words(command, gan, tmp_path, words, wanted):
    (tmp_path / "empty").mkdir()
    places = {"gan": gan, "tmp": tmp_path / "empty"}
    done = command("serve", *(word.format(**places) for word in words))
    assert wanted in complaint(done)


def test_a_broken_model(command, gan):
    (gan / "1" / "saved_model.pb").write_bytes(b"no model")
    done = command("serve", gan, "--rest-port", "0", "--grpc-port", "0")
    assert "is no SavedModel" in complaint(done)


def test_the_extra_is_asked_for(gan, monkeypatch, capsys):
    from ganvas.cli import run_command, serving

    monkeypatch.setattr(serving, "_NEEDED", ("not_there",))
    assert run_command(["serve", str(gan)]) == 2
    assert "pip install 'ganvas[serve]'" in capsys.readouterr().err
