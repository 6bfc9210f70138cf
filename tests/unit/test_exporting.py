"""The pieces of an export: publishing, trials, the gate, the files beside the versions."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.base import extras
from ganvas.config import Config, Export, parse
from ganvas.errors import Advice, MissingExtra, Refused, RunError, UsageError
from ganvas.evaluation import GateResult, reference
from ganvas.exporting import (
    benchmark,
    candidates,
    deployment,
    export,
    formats,
    litert,
    parity,
    runners,
    saved_model,
)
from ganvas.exporting.benchmark import Timing
from ganvas.exporting.publish import publishing
from ganvas.gan.networks import DCGAN
from ganvas.sampling.sampler import Sampler
from ganvas.storage.run import Run
from in_process import InProcess
from refusals import refuses


def publish(folder, version=None):
    with publishing(folder, version) as (part, final):
        (part / "file").write_text(final.name)
    return final


def test_versions_count_up_and_are_never_overwritten(tmp_path):
    assert publish(tmp_path / "m").name == "1"
    assert publish(tmp_path / "m", 7).name == "7"
    assert publish(tmp_path / "m") == tmp_path / "m" / "8"
    assert (tmp_path / "m" / "8" / "file").read_text() == "8"
    with refuses(UsageError, "7", "1"):
        publish(tmp_path / "m", 7)
    with refuses(UsageError, "0"):
        publish(tmp_path / "m", 0)


@pytest.mark.parametrize("error", [Refused, KeyboardInterrupt, OSError])
def test_what_fails_leaves_nothing(tmp_path, error):
    with pytest.raises(error), publishing(tmp_path, None) as (part, _):
        (part / "file").touch()
        raise error
    assert [p.name for p in tmp_path.iterdir()] in ([], [".lock"])


def test_a_kill_leaves_no_version_and_the_next_export_cleans_up(tmp_path):
    code = (
        "import sys, time, pathlib\n"
        "from ganvas.exporting.publish import publishing\n"
        "with publishing(pathlib.Path(sys.argv[1]), None) as (part, final):\n"
        "    (part / 'saved_model.pb').touch()\n"
        "    print('there', flush=True)\n"
        "    time.sleep(60)\n"
    )
    words = [sys.executable, "-c", code, tmp_path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "there\n"
        with refuses(RunError, "in use"):
            publish(tmp_path)
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / ".part-1" / "saved_model.pb").exists()
    assert not (tmp_path / "1").exists()
    publish(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["1"]
    assert [p.name for p in (tmp_path / "1").iterdir()] == ["file"]


@pytest.mark.parametrize("names", [["saved_model", "litert", "saved_model"], ["litert"]])
def test_formats(names):
    assert formats.check(names) == list(dict.fromkeys(names))


def test_unknown_formats(monkeypatch):
    with refuses(UsageError, "'saved'", "'saved_model'"):
        formats.check(["saved"])
    with refuses(UsageError):
        formats.check([])
    monkeypatch.setitem(extras.PACKAGES, "onnx", ("json", "no_such_package"))
    with refuses(MissingExtra, "no_such_package", "'ganvas[onnx]'"):
        formats.check(["onnx"])


@pytest.fixture(scope="module")
def sampler():
    keras.utils.set_random_seed(0)
    generator = DCGAN(noise=8, width=4, max_width=8).generator((16, 16, 1))
    return Sampler(generator)


def test_a_trial_finds_what_differs(sampler):
    held = parity.Parity(sampler, None, Export(images=100), "auto")
    same = held.examine(sampler.draw)
    assert (same["largest_error"], same["psnr"]) == (0, 106.02)
    assert held.faults(same) == []
    worse = held.examine(lambda z, y: sampler.draw(z, y) + 0.2)
    assert worse["psnr"] == pytest.approx(20, abs=0.01)  # 20 log10(2 / 0.2)
    assert worse["largest_error"] == pytest.approx(0.2, abs=1e-5)
    (sentence,) = held.faults(worse)
    assert sentence == "PSNR 20.0 dB is below export.psnr_min = 25"


def test_a_trial_finds_nan(sampler):
    held = parity.Parity(sampler, None, Export(images=100), "auto")

    def broken(z, y):
        images = sampler.draw(z, y)
        images[3, 0, 0] = np.nan if len(z) < 64 else 0  # in the second chunk
        return images

    (sentence,) = held.faults(held.examine(broken))
    assert sentence == "1 of 100 images are NaN or infinite"


def test_a_worse_frechet_distance_is_a_fault(sampler):
    held = parity.Parity(sampler, None, Export(images=100), "auto")
    found = {"psnr": 40.0, "largest_error": 0.1, "scores": {"frechet": {"ratio": 1.3}}}
    assert "1.300 times the generator's" in held.faults(found)[0]
    assert held.faults(found | {"scores": {"kid": {}}}) == []


class Features:
    """Means of four quarters of an image: features that need no network."""

    width, sha256, resize, name, classes = 4, "", "none", "quarters", 0

    def __call__(self, images):
        blocks = images.reshape(len(images), 2, 8, 2, 8)
        return blocks.mean((2, 4), dtype=np.float32).reshape(len(images), 4), None


def test_a_judge_says_how_far_scores_moved(monkeypatch):
    from ganvas.data import Options, load

    rng = np.random.default_rng(0)
    quarters = rng.normal(100, 20, (3, 300, 2, 2, 1, 1, 1))
    images = np.clip(quarters.repeat(8, 4).repeat(8, 5), 0, 255).astype(np.uint8)
    images = images.transpose(0, 1, 2, 4, 3, 5, 6).reshape(3, 300, 16, 16, 1)
    monkeypatch.setattr(reference, "extractor_for", lambda *_: Features())
    monkeypatch.setattr(
        reference, "describe_source", lambda *_: parity.describe(images[0], Features())
    )
    judge = parity.ScoreParity(load(images[0], Options(holdout=0)), images[1], "auto")
    same = judge.compare(images[1])
    assert set(same) == {"frechet", "kid"}
    assert same["frechet"]["ratio"] == 1
    assert same["frechet"]["change"] == {"value": 0, "low": 0, "high": 0}
    darker = judge.compare(np.maximum(images[1], 15) - 15)["frechet"]["change"]
    assert 0 < darker["low"] < darker["value"] < darker["high"]
    nearly = judge.compare(images[1] + (rng.random(images[1].shape) < 0.5).astype(np.uint8))[
        "frechet"
    ]
    width = {key: nearly[key]["high"] - nearly[key]["low"] for key in ("file", "change")}
    assert width["change"] < width["file"] / 2  # the noise and the real images are shared


def test_a_latency_is_taken_of_many_calls():
    calls = []
    times = runners.clock(lambda: calls.append(0), seconds=0, most=10)
    assert (len(times), len(calls)) == (5, 8)
    assert len(runners.clock(lambda: None, seconds=1, most=10)) == 10


@pytest.fixture
def in_process(monkeypatch):
    """Files are made and run here; a process of their own: test_candidates.py."""
    monkeypatch.setattr(sys.modules[export.__module__], "Child", InProcess)


def fake_run(folder, sampler, **sections):
    """A run with a generator, trained on arrays."""
    run = Run.create(folder, "", parse({"recipe": "r", **sections}))
    run.write_json("run.json", {"data": {"fingerprint": "f", "count": 9, "shape": [16, 16, 1],
                                         "names": [], "class_shares": []}})  # fmt: skip
    run.save_model(1, sampler.generator)
    return run


def test_an_export_from_python(tmp_path, sampler, monkeypatch, in_process):
    monkeypatch.setattr(candidates, "SMALL", 1)  # of this size
    monkeypatch.setattr(litert, "KINDS", ("float32", "int8"))  # all: tests/e2e/test_export.py
    run = fake_run(tmp_path / "run", sampler, export={"images": 100})
    folder = export(run, tmp_path / "model", formats=["litert"])
    assert folder == tmp_path / "model" / "1"
    facts = json.loads((folder / "manifest.json").read_text())
    assert set(facts["artefacts"]) == {litert.file_name(kind) for kind in litert.KINDS}
    assert facts["data"]["fingerprint"] == "f"
    assert facts["judged_without"] == "the run was trained on arrays, which are not stored"
    for found in facts["artefacts"].values():
        assert set(found["latency_ms"]) == {"1", "2"}
        assert found["psnr"] > 25
        assert found["delegates"] == 1
    card = (folder / "MODEL_CARD.md").read_text()
    assert card.startswith("# model, version 1\n")
    assert "| NPU, DSP or microcontroller | model_int8.tflite |" in card
    assert "**Not judged: the run was trained on arrays, which are not stored.**" in card
    assert str(tmp_path) not in card + (folder / "manifest.json").read_text()
    assert all((tmp_path / "model" / name).exists() for name in deployment.FILES)


def test_what_falls_below_the_bound_is_not_published(tmp_path, sampler, monkeypatch, in_process):
    monkeypatch.setattr(litert, "KINDS", ("float32", "int8"))
    bounds = {"images": 100, "psnr_min": 90}
    run = fake_run(tmp_path / "run", sampler, export=bounds)
    with pytest.warns(Advice, match=r"is not published: .*PSNR .*psnr_min = 90"):
        folder = export(run, tmp_path / "model", formats=["litert"])
    facts = json.loads((folder / "manifest.json").read_text())
    assert not (folder / "model_int8.tflite").exists()
    assert "PSNR" in facts["withheld"]["model_int8.tflite"][0]
    assert {"model_float32.tflite", "MODEL_CARD.md"} <= set(facts["files"])
    assert "Written, but not published" in (folder / "MODEL_CARD.md").read_text()


def test_nothing_good_enough_is_refused(tmp_path, sampler, monkeypatch, in_process):
    run = fake_run(tmp_path / "run", sampler, export={"images": 100})
    monkeypatch.setattr(runners.LiteRT, "__call__", lambda self, z, y: np.full((len(z), 1, 1, 1),
                                                                              np.nan))  # fmt: skip
    monkeypatch.setattr(litert, "KINDS", ("float32",))
    with (
        pytest.warns(Advice, match="NaN"),
        refuses(Refused),
    ):
        export(run, tmp_path / "model", formats=["litert"])
    assert [p.name for p in (tmp_path / "model").iterdir()] == [".lock"]


def test_files_beside_the_versions(tmp_path):
    folder = tmp_path / "My Digits_2"
    folder.mkdir()
    (folder / "models.config").write_text("mine")
    deployment.write(folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(deployment.FILES)
    assert (folder / "models.config").read_text() == "mine"
    compose = (folder / "docker-compose.yml").read_text()
    assert re.search(r'- "\.:/models/My-Digits_2-[0-9a-f]{8}:ro"', compose)
    assert '"127.0.0.1:8501:8501"' in compose
    kubernetes = (folder / "kubernetes.yaml").read_text()
    assert re.search(r'  name: "my-digits-2-[0-9a-f]{8}"\n', kubernetes)
    assert all(f"kind: {kind}" in kubernetes
               for kind in ("Deployment", "Service", "HorizontalPodAutoscaler"))  # fmt: skip
    assert "$" not in kubernetes + compose


@pytest.mark.parametrize(
    ("name", "label"),
    [("digits", "digits"), ("Häuser 1", "h-user-1-a0a10228"), ("___", "model-bda25155")],
)
def test_dns_labels(name, label):
    assert deployment.dns_label(name) == label


def test_models_config_is_what_tensorflow_serving_reads(tmp_path):
    server = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    from google.protobuf import text_format

    deployment.write(tmp_path)
    text = (tmp_path / "models.config").read_text()
    config = text_format.Parse(text, server.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == (tmp_path.name, f"/models/{tmp_path.name}")


@pytest.mark.parametrize("size", [1, 200, 40_000])
def test_a_warm_up_request_is_what_tensorflow_serving_reads(size):
    """Lengths of one, two and three bytes."""
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    z = np.arange(size, dtype=np.float32)[None]
    found = logs.PredictionLog.FromString(saved_model.prediction_log({"z": tf.constant(z)}))
    request = found.predict_log.request
    assert request.model_spec.signature_name == "serving_default"
    assert (tf.make_ndarray(request.inputs["z"]) == z).all()


ROWS = [
    Timing(name, batch, threads, p50_ms=1.5, p95_ms=2.0, images_per_second=1234.5)
    for name in ("saved_model", "model_int8.tflite")
    for batch in (1, 64)
    for threads in (1, 2)
]  # fmt: skip


def test_a_bench_is_a_table_and_a_chart(tmp_path):
    lines = benchmark.table(ROWS)
    assert lines[1] == ("saved_model", "1", "1", "1.5", "2", "1,234")
    benchmark.chart(ROWS, tmp_path / "new" / "bench.svg")
    assert "model_int8.tflite" in (tmp_path / "new" / "bench.svg").read_text()
    benchmark.chart(ROWS, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes()[:4] == b"\x89PNG"
    with refuses(UsageError, "png", "svg"):
        benchmark.chart(ROWS, tmp_path / "bench.pdf")


def test_gate(monkeypatch):
    """`evaluate` computes it; without a gate nothing is required, and nothing is drawn."""
    from ganvas.exporting.release import _gate

    asked = []

    def evaluate(run, data, metrics, model):
        asked.append(metrics)
        return SimpleNamespace(gate=GateResult(False, ("frechet 9 is above",)), scores={})

    monkeypatch.setattr(sys.modules[_gate.__module__], "measured", evaluate)
    run = Run("runs/a")
    assert _gate(run, Config(), None, "best", False)["passed"] is None
    assert asked == []
    config = parse({"gate": {"frechet_max": 3, "near_copies_max": 0.1}})
    with refuses(Refused, "runs/a", "frechet", "9", "--unvalidated") as info:
        _gate(run, config, None, "best", False)
    assert info.value.exit_code == 1
    assert asked == [["frechet", "near_copies"]]
    assert _gate(run, config, None, "best", True)["passed"] is False
