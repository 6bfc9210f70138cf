"""A run is exported, drawn from, timed and refused from the command line."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ganvas
from ganvas.config import load_recipe
from ganvas.data.mnist import mnist
from ganvas.exporting import benchmark
from ganvas.images import read
from ganvas.storage.run import Run
from ganvas.training.assembly import assemble
from ganvas.training.preparing import prepare
from ganvas.training.provenance import describe, write_documents


@pytest.fixture(scope="module")
def run(few_steps, tmp_path_factory):
    """A run on digits with labels that was saved before its first step, and a gate that nothing
    passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        images, labels = (part[:300] for part in mnist("train"))
        path = tmp_path_factory.mktemp("data") / "digits.npz"
        np.savez(path, x=images, y=labels)
        own = {"export.images": 100, "gate.modes_min": 1}
        # Of a smaller network, no quantised file has 0.35 of the size.
        own |= {"networks.width": 32, "networks.max_width": 256}
        config, source = prepare(path, load_recipe("quick").with_values(few_steps | own), None)
        made = Run.create(tmp_path_factory.mktemp("runs") / "digits", "", config)
        write_documents(made, describe(config, source, []), source)
        made.save_model(1, assemble(config, source)[0].ema_generator)
        yield made.folder


@pytest.fixture(scope="module")
def model(run, forked, tmp_path_factory):
    """That run, exported all the same; `make proof` starts a new process for it."""
    folder = tmp_path_factory.mktemp("models") / "digits"
    process = forked("export", run, "--to", folder, "--unvalidated")
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    assert out.splitlines()[-1] == str(folder / "1")
    beats = re.compile(r".*, \d+:\d\d(, left [\d:]+)?")  # on a slow machine, every 15 seconds
    notes = [line for line in errors.splitlines() if not beats.fullmatch(line)]
    assert all(line.startswith(("note: model_float16", "note: ai-edge")) for line in notes), notes
    return folder


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")
                  if path.is_file())  # fmt: skip


def test_what_is_exported(model):
    version = model / "1"
    assert {"saved_model.pb", "manifest.json", "MODEL_CARD.md"} <= set(files(version))
    kinds = {path.stem.removeprefix("model_") for path in version.glob("*.tflite")}
    assert {"float32", "dynamic", "int8"} <= kinds  # float16: if it is faster here
    assert (version / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 100
    assert {"models.config", "docker-compose.yml", "kubernetes.yaml"} <= set(files(model))
    facts = json.loads((version / "manifest.json").read_text())
    assert facts["gate"]["passed"] is False
    (sentence,) = facts["gate"]["failed"]
    assert sentence.startswith("modes 0") and sentence.endswith("is below modes_min = 1")
    assert (facts["conditional"], facts["names"]) == (True, [str(digit) for digit in range(10)])
    int8 = facts["artefacts"]["model_int8.tflite"]
    assert {"bytes", "psnr", "largest_error", "latency_ms", "delegates", "scores"} <= set(int8)
    kid = int8["scores"]["kid"]
    assert kid["change"]["low"] <= kid["change"]["value"] <= kid["change"]["high"]
    assert "FAILS the gate" in (version / "MODEL_CARD.md").read_text()


@pytest.mark.proof
def test_the_reference_of_drift(run, tmp_path, here, monkeypatch):
    """With the real features: near those of Keras, and the distance of the real images."""
    from ganvas.exporting import drift
    from ganvas.features.extractors import extractor
    from ganvas.serve.reference import ALL, Reference

    for name, value in {"IMAGES": 60, "MOST_CLASSES": 0, "MOST_REAL": 60}.items():
        monkeypatch.setattr(drift, name, value)
    to = tmp_path / "m"
    words = ("--unvalidated", "--drift", "--formats", "saved_model")
    assert here("export", run, "--to", to, *words).returncode == 0
    facts = json.loads((to / "1" / "manifest.json").read_text())
    assert facts["drift"]["images"] == {"all": 60, "real": 256}
    assert {"drift_features.tflite", "drift_reference.npz"} <= facts["files"].keys()
    reference = Reference.read(to / "1")
    assert reference.classes.keys() == {ALL} and reference.distance > 0.1  # an untrained generator
    image = mnist("test")[0][:1, ..., None]
    wanted, _ = extractor("general")(image)
    found = reference.features(image[0])
    assert np.corrcoef(found, wanted[0])[0, 1] > 0.98


def test_it_draws_what_the_run_draws(run, model, tmp_path, here):
    for label in (None, "1"):
        own = ganvas.load(run).sample(20, label, seed=5)
        theirs = ganvas.load(model).sample(20, label, seed=5)
        assert np.abs(own.astype(int) - theirs).max() <= 1
    done = here("sample", model / "1", "-n", 2, "--seed", 5, "--label", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert np.abs(read(tmp_path / "000000.png").astype(int) - theirs[0]).max() <= 1


def test_a_file_that_was_changed_is_refused(model, tmp_path, here):
    copy = tmp_path / "digits"
    shutil.copytree(model, copy)
    data = next((copy / "1" / "variables").glob("*.data*"))
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    for words in (("sample", copy, "--out", tmp_path / "a.png"), ("bench", copy)):
        done = here(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "sha256 differs" in done.stderr


def test_a_run_whose_gate_fails_is_refused(run, tmp_path, here):
    done = here("export", run, "--to", tmp_path / "m")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "fails its gate (modes" in done.stderr
    assert "--unvalidated" in done.stderr
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--formats", "tflite"], "unknown format 'tflite'"),
        (["--version", "1"], "version 1 exists already"),
        (["--version", "0"], "--version"),
    ],
)
def test_wrong_words(run, model, words, hint, here):
    done = here("export", run, "--to", model, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert hint in done.stderr


def test_no_model_and_no_run(tmp_path, here):
    for words in (["sample", tmp_path], ["bench", tmp_path], ["export", tmp_path, "--to", "m"]):
        done = here(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "is not a run" in done.stderr


BENCH = """
import runpy, sys
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__")
"""


@pytest.fixture
def forked_bench(forked, monkeypatch, tmp_path):
    """The processes of a bench come from the fork server: TensorFlow has not begun to work there.

    `make proof` starts real ones, see `test_bench_of_a_run`.
    """
    script = tmp_path / "bench.py"
    script.write_text(BENCH)
    threads = []

    def started(words, *, env, stderr, **options):
        executable, safe, option, *words = words
        assert (executable, safe, option) == (sys.executable, "-P", "-m")
        assert options == {"stdout": subprocess.PIPE, "text": True}
        threads.append(words[2])
        process = forked(*words, script=script, **env)
        out, errors = process.communicate()
        stderr.write(errors)
        ended = SimpleNamespace(stdout=io.StringIO(out), wait=lambda: process.returncode)
        return contextlib.nullcontext(ended)

    monkeypatch.setattr(benchmark.subprocess, "Popen", started)
    return threads


def test_bench(model, tmp_path, here, forked_bench):
    words = ("bench", model, "--seconds", 0.01, "--out", tmp_path / "bench.png", "--json")
    done = here(*words)
    assert done.returncode == 0, done.stderr
    assert forked_bench == ["1", "2"]
    rows = json.loads(done.stdout)["rows"]
    found = {(row["artefact"], row["batch"], row["threads"]) for row in rows}
    assert {("saved_model", batch, threads) for batch in (1, 64) for threads in (1, 2)} <= found
    assert {("model_int8.tflite", 1, threads) for threads in (1, 2)} <= found
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in rows)
    assert read(tmp_path / "bench.png").shape[2] in (3, 4)


ALONE = """
import json, runpy, sys
for sys.argv in json.loads(sys.argv[1]):
    runpy.run_path(sys.argv[0], run_name="__main__")
sys.exit(bool({"tensorflow", "keras", "ganvas"} & set(sys.modules)))
"""


def test_a_small_board_draws_what_the_model_draws(model, tmp_path):
    """`examples/raspberrypi`: without TensorFlow and without this package."""
    script = str(Path(__file__).parents[2] / "examples" / "raspberrypi" / "draw.py")
    kinds = {"float32": 1, "dynamic": 8}
    words = [
        [script, str(model / "1"), str(tmp_path / f"{kind}-{label}.png"), "-n", "5",
         "--label", label, "--seed", "5", "--file", f"model_{kind}.tflite"]
        for kind in kinds for label in ("1", "all")
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ALONE, json.dumps(words)], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for label in ("1", "all"):
        own = np.zeros((6, 28, 28, 1), np.uint8)
        own[:5] = ganvas.load(model).sample(5, None if label == "all" else label, seed=5)
        own = own.reshape(2, 3, 28, 28).swapaxes(1, 2).reshape(56, 84).astype(int)
        for kind, most in kinds.items():
            drawn = read(tmp_path / f"{kind}-{label}.png")[..., 0].astype(int)
            assert np.abs(drawn - own).max() <= most, (kind, label)


@pytest.mark.proof
def test_bench_of_a_run(run, tmp_path, command):
    done = command("bench", run, "--seconds", 0.01, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("run ") == 4
    assert (tmp_path / "bench.svg").exists()


@pytest.mark.proof
def test_an_export_that_is_killed_leaves_nothing(run, tmp_path, command):
    """At five moments; then one goes through."""
    folder = tmp_path / "m"
    words = [sys.executable, "-m", "ganvas", "export", run, "--to", folder, "--unvalidated"]
    for seconds in (1, 2, 3, 4, 5):
        with subprocess.Popen(words) as process:
            while not list(folder.glob(".part-*")) and process.poll() is None:
                time.sleep(0.05)
            time.sleep(seconds / 2)
            process.kill()
        if not (folder / "1").exists():  # killed in time
            assert not [path for path in folder.glob("*") if path.name.isdigit()]
    assert command(*words[3:], "--version", 9).returncode == 0
    assert not list(folder.glob(".part-*"))
    ganvas.load(folder / "9").sample(1)
