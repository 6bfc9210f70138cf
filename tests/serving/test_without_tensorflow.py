"""What works without TensorFlow, in processes in which nothing of the extra `train` can be
imported; what does not, says in one line what to install."""

import base64
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import ganvas
from ganvas.base import extras

BLOCKED = (
    *extras.PACKAGES["train"], "pandas", "tensorflow_datasets",
    "tensorflow_serving", "tf2onnx",
)  # fmt: skip


def without(modules, folder):
    """The environment of processes, and of those that they start, for which these modules count as
    not installed."""
    lines = f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n"
    (folder / "sitecustomize.py").write_text(lines)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture(scope="module")
def absent(tmp_path_factory):
    """An installation of `ganvas[edge]`."""
    return without(BLOCKED, tmp_path_factory.mktemp("absent"))


@pytest.fixture
def bare(tmp_path):
    """An installation of `ganvas`."""
    (tmp_path / "bare").mkdir()
    modules = (*BLOCKED, *extras.PACKAGES["edge"], *extras.PACKAGES["onnx"])
    return without(modules, tmp_path / "bare")


def python(environment, script, *words, **options):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        env=environment, capture_output=True, text=True, timeout=300, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


NAMES = """
import json, pydoc, sys
import ganvas
from ganvas import *
from ganvas.errors import MissingExtra
assert "train" not in ganvas.__all__ and Client is ganvas.Client and Config and Options and bench
assert not [name for name in ganvas.__all__ if not hasattr(ganvas, name)]
assert "class Client" in pydoc.plain(pydoc.render_doc(ganvas))
said = {}
for name in sys.argv[1:]:
    try:
        getattr(ganvas, name)
    except MissingExtra as error:  # the same for `from ganvas import NAME`
        assert isinstance(error, ImportError)
        said[name] = str(error)
for name in ("cluster", "data", "evaluation", "exporting", "gan", "kits", "serve", "tuning"):
    assert pydoc.render_doc(getattr(ganvas, name))
print(json.dumps(said))
"""


def test_names_without_tensorflow(absent):
    said = json.loads(python(absent, NAMES, *ganvas.__all__))
    assert {"GAN", "Images", "evaluate", "export", "load", "prepare", "train", "tune"} <= set(said)
    assert not {"Client", "Run", "UsageError", "bench"} & set(said)
    for name, sentence in said.items():
        wanted = rf"ganvas\.{name} needs \w+, which is not installed: pip install 'ganvas\[train\]'"
        assert re.fullmatch(wanted, sentence), sentence


COMMANDS = """
import contextlib, io, json, sys
from ganvas.__main__ import main
found = []
for words in json.loads(sys.argv[1]):
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = main(words)
    found.append((code, out.getvalue(), error.getvalue()))
print(json.dumps(found))
"""


def run_commands(environment, *commands, **options):
    given = json.dumps([[str(word) for word in words] for words in commands])
    return json.loads(python(environment, COMMANDS, given, **options))


NEED_TENSORFLOW = (
    ["train", "mnist"], ["resume", "x"], ["tune", "mnist"], ["prepare", "mnist", "--to", "y"],
    ["evaluate", "x"], ["export", "x", "--to", "y"], ["report", "x"], ["privacy", "audit", "x"],
    ["balance", "x", "--rare", "a", "--out", "y"], ["defects", "fit", "x", "--out", "y"],
    ["patterns", "tile", "x.png", "--out", "y"],
)  # fmt: skip


def test_commands_that_need_tensorflow_say_so_in_a_line(absent, tmp_path):
    for words, (code, out, error) in zip(
        NEED_TENSORFLOW, run_commands(absent, *NEED_TENSORFLOW, cwd=tmp_path), strict=True
    ):
        name = " ".join(words[: 2 if words[0] in ("defects", "privacy", "patterns") else 1])
        assert (code, out) == (2, "")
        assert error == (
            f"error: ganvas {name} needs tensorflow, which is not installed: "
            "pip install 'ganvas[train]'\n"
        )
    assert not list(tmp_path.iterdir())


def test_commands_that_need_no_tensorflow(absent, bars, tmp_path):
    grid, chart = tmp_path / "grid.png", tmp_path / "chart.png"
    light = (
        ["--help"], ["--version"], ["train", "--help"], ["defects", "fit", "--help"], ["recipes"],
        ["config", "loss"], ["init", "own.toml"], ["pretrained"], ["runs"], ["info", "--json"],
        ["sample", bars, "-n", "9", "--seed", "3", "--out", tmp_path / "nine"],
        ["sample", bars, "--label", "b", "--out", grid], ["info", grid],
        ["bench", bars, "--seconds", "0.01"],
    )  # fmt: skip
    for words, (code, out, error) in zip(
        light, run_commands(absent, *light, cwd=tmp_path), strict=True
    ):
        assert code == 0 and out, (words, error)
        if words[0] == "bench":
            assert "model_float32.tflite" in out and "\nsaved_model" not in out
            assert "note: saved_model needs tensorflow" in error and "no chart" in error
        elif words[:2] == ["info", "--json"]:
            facts = json.loads(out)
            assert facts["tensorflow"] == "not installed: pip install 'ganvas[train]'"
            assert facts["ganvas"] == ganvas.__version__ and facts["ai-edge-litert"]
        else:
            assert not error or words[0] == "sample", error
    wanted = ganvas.load(bars).sample(9, seed=3).astype(int)
    drawn = [ganvas.images.read(tmp_path / "nine" / f"{k:06d}.png") for k in range(9)]
    assert np.abs(np.array(drawn, int) - wanted).max() <= 1 < np.ptp(wanted)
    ((code, _, error),) = run_commands(absent, ["bench", bars, "--out", chart], cwd=tmp_path)
    assert code == 2 and "the chart --out needs" in error and "'ganvas[train]'" in error


def test_the_base_alone(bare, bars, tmp_path):
    script = "from ganvas import *; import ganvas, pydoc; pydoc.render_doc(ganvas)"
    assert python(bare, script) == ""
    needing = ["sample", bars], ["serve", bars], ["bench", bars]
    light = ["--help"], ["info"], ["recipes"], ["config", "loss"], ["runs"]
    found = run_commands(bare, *needing, *light, cwd=tmp_path)
    for words, (code, out, error) in zip((*needing, *light), found, strict=True):
        if words in needing:
            assert code == 2 and error.count("\n") == 1 and "'ganvas[edge]'" in error, error
        else:
            assert code == 0 and out, error


def test_exported_files_in_python_without_tensorflow(absent, bars):
    script = """
import sys
from ganvas.storage import manifest
from ganvas.sampling.litert_sampler import load
print(sorted(manifest.verify(sys.argv[1])["artefacts"]), load(sys.argv[1]).sample(2).shape)
"""
    said = python(absent, script, bars)
    assert "model_float32.tflite" in said and "(2, 16, 16, 3)" in said


def command(*words):
    return [sys.executable, "-m", "ganvas", "serve", *map(str, words), "--rest-port", "0",
            "--grpc-port", "0"]  # fmt: skip


@pytest.fixture(scope="module")
def urls(absent, bars):
    """REST and gRPC of the server."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": absent}
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
    ("litert", "has no verified model_float32.tflite: export it with --formats litert"),
    ("auto", "pip install 'ganvas[train]', or export the model with --formats litert"),
])  # fmt: skip
def test_a_saved_model_needs_tensorflow(absent, gan, engine, words):
    done = subprocess.run(
        command(gan, "--engine", engine), capture_output=True, text=True, env=absent
    )
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1], done.stderr
