"""LiteRT files by several quantizers: which is kept, and which is worth publishing."""

from __future__ import annotations

import os
import signal

import keras
import numpy as np
import pytest

from ganvas.config import Export
from ganvas.errors import Refused
from ganvas.exporting import candidates, card, litert, parity, quantizers, runners
from ganvas.exporting.candidates import Candidate, Trials, ordered
from ganvas.exporting.child import Child
from ganvas.gan.networks import DCGAN
from ganvas.sampling.sampler import Sampler
from in_process import InProcess
from refusals import refuses


def candidate(name, psnr, ms, path):
    return Candidate(name, path / name, {"psnr": psnr}, times={1: [ms], 2: [ms]})


@pytest.mark.parametrize(
    ("qualities", "best"),
    [
        ({"slow": (40.5, 2.0), "fast": (40.0, 1.0)}, "fast"),  # equal quality
        ({"good": (40.5, 2.0), "fast": (39.0, 1.0)}, "good"),
        ({"slow": (70.0, 2.0), "fast": (48.0, 1.0)}, "fast"),  # both are good enough
        ({"slow": (70.0, 2.0), "fast": (46.0, 1.0)}, "slow"),
    ],
)
def test_the_faster_of_equal_quality_comes_first(qualities, best, tmp_path):
    given = [candidate(name, *values, tmp_path) for name, values in qualities.items()]
    assert ordered(given)[0].quantizer == best
    assert {one.quantizer for one in ordered(given)} == set(qualities)
    assert ordered([]) == []


def test_times_are_compared_in_the_same_round():
    assert candidates.over({1: [1, 20, 3]}, {1: [2, 40, 4]}) == 0.5


@pytest.fixture(scope="module")
def sampler():
    keras.utils.set_random_seed(0)
    return Sampler(DCGAN(noise=8, width=4, max_width=8).generator((16, 16, 1), 3), ["a", "b", "c"])


@pytest.fixture
def trials(sampler, tmp_path, monkeypatch):
    """(child, **bounds) -> trials in a folder of their own, by the converter."""
    monkeypatch.setattr(quantizers, "of_kind", lambda kind: ["converter"])

    def make(child, **bounds):
        held = parity.Parity(sampler, None, Export(images=100, **bounds), "auto")
        (tmp_path / "work").mkdir()
        return Trials(sampler, held, child, tmp_path / "work")

    return make


@pytest.mark.parametrize(("time", "kept"), [(0.9, True), (1.0, False)])
def test_a_larger_file_must_be_faster(trials, tmp_path, time, kept):
    held = trials(InProcess({"float16-converter.tflite": time}))
    facts, faults, surplus = held.attempt("float32", tmp_path)
    assert (facts["delegates"], facts["outside"], faults, surplus) == (1, ["GATHER"], [], [])
    facts, faults, surplus = held.attempt("float16", tmp_path)
    assert (tmp_path / "model_float16.tflite").exists() == kept
    assert (faults, bool(surplus)) == ([], not kept)
    assert facts["time_over_float32"] == time
    if not kept:
        assert "1.00 of its time" in surplus[0]


def test_the_better_of_two_is_kept(trials, tmp_path, monkeypatch):
    monkeypatch.setattr(quantizers, "of_kind", lambda kind: ["converter", "ai-edge-quantizer"][
        : 1 + (kind != "float32")])  # fmt: skip
    times = {"dynamic-converter.tflite": 0.9, "dynamic-ai-edge-quantizer.tflite": 0.5}
    held = trials(InProcess(times))
    held.attempt("float32", tmp_path)
    facts, _, _ = held.attempt("dynamic", tmp_path)
    assert facts["quantizer"] == "ai-edge-quantizer"
    assert facts["latency_ms"] == {"1": 0.5, "2": 0.5}
    assert set(facts["candidates"]) == {"converter", "ai-edge-quantizer"}
    assert facts["candidates"]["converter"]["ms"] == 0.9


def test_a_failed_candidate_is_a_sentence(trials, tmp_path, monkeypatch):
    held = trials(InProcess(refused={"float16": "it was ended by SIGABRT"}))
    held.attempt("float32", tmp_path)
    facts, faults, surplus = held.attempt("float16", tmp_path)
    assert (facts, faults, surplus) == ({}, ["it was ended by SIGABRT"], [])
    monkeypatch.setattr(quantizers, "of_kind", lambda kind: ["converter", "ai-edge-quantizer"])
    facts, faults, _ = held.attempt("float16", tmp_path)
    assert (facts["quantizer"], faults) == ("ai-edge-quantizer", [])
    assert facts["candidates"]["converter"] == {"failed": ["it was ended by SIGABRT"]}
    assert (tmp_path / "model_float32.tflite").exists()


def test_the_largest_error_is_bounded(trials, tmp_path):
    held = trials(InProcess(), error_max=1e-9)
    _, faults, _ = held.attempt("float32", tmp_path)
    assert "is above export.error_max = 1e-09" in faults[0]


def test_a_process_that_ends_is_a_failed_file(sampler, tmp_path):
    """A real one: it is ended before its first request, and starts anew."""
    noise, labels = sampler.noise(8, 0), sampler.labels(8, None, 0)
    litert.prepare(sampler.generator, noise, labels, tmp_path)
    path = tmp_path / "a.tflite"
    with Child() as child:
        os.kill(child._process.pid, signal.SIGABRT)
        child._process.wait()
        child.convert(tmp_path, "float32", path)
        found = child.draw(path, noise, labels)
        np.testing.assert_allclose(found, sampler.draw(noise, labels), atol=1e-5)
        assert child.delegates(path) == [1, ["GATHER"]]
        times = child.time([path], tmp_path, rounds=2)
        assert set(times) == {"a.tflite"}
        assert [len(times["a.tflite"][threads]) for threads in (1, 2)] == [2, 2]
        with refuses(Refused):
            child.draw(tmp_path / "none.tflite", noise, labels)
        os.kill(child._process.pid, signal.SIGSTOP)  # so that it cannot answer before it is ended
        child._process.send_signal(signal.SIGKILL)
        with refuses(Refused, "SIGKILL"):
            child.draw(path, noise, labels)


def test_ai_edge_quantizer_makes_every_kind(sampler, tmp_path):
    pytest.importorskip("ai_edge_quantizer")
    noise, labels = sampler.noise(32, 0), sampler.labels(32, None, 0)
    source = tmp_path / "a.tflite"
    source.write_bytes(litert.convert(sampler.generator, "float32", noise, labels))
    examples = [{"z": noise[row : row + 1], "label": labels[row : row + 1].astype(np.int32)}
                for row in range(32)]  # fmt: skip
    expected = sampler.draw(noise, labels)
    for kind, most in {"float16": 0.02, "dynamic": 0.2, "int8": 0.5}.items():
        path = tmp_path / f"{kind}.tflite"
        path.write_bytes(quantizers.quantised(source, kind, examples))
        assert np.abs(runners.LiteRT(path)(noise, labels) - expected).max() < most


def test_without_the_other_quantizer_there_is_one_candidate(monkeypatch):
    monkeypatch.setattr(
        quantizers, "installed", lambda: {"converter": "2", quantizers.AI_EDGE: None}
    )
    assert quantizers.of_kind("int8") == ["converter"]
    facts = {"artefacts": {}, "withheld": {}, "quantizers": quantizers.installed()}
    assert any("ganvas[litert-quantizer]" in str(block) for block in card._files(facts))
