"""Results of public functions: frozen, and `to_dict` is the JSON that commands print."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from ganvas import cluster, tuning
from ganvas.doctor import Diagnosis, Finding, Progress
from ganvas.evaluation import ClassShares, Evaluation, GateResult, Grids, Score, TruncationPoint
from ganvas.exporting import Timing
from ganvas.serve.listing import ServedModel


def evaluation() -> Evaluation:
    scores = {"kid": Score(0.5, float("-inf"), 0.6, None), "frechet": Score(float("inf"))}
    return Evaluation(
        n_real=20, n_fake=10, features="digits", features_sha256="ab", resize="28x28",
        scores=scores, gate=GateResult(False, ("kid 0.5 is above kid_max = 0.1",)),
        classes=ClassShares(("a", "b"), (0.5, 0.5), (1.0, 0.0)),
        truncation=(TruncationPoint(0.5, 0.9, None),), model="models/000004.keras",
        evaluated="2026-11-24T19:07:00+00:00", seconds=1.5,
        pictures=Grids(samples=np.zeros((8, 8, 1), np.uint8)),
    )  # fmt: skip


def tuning_result() -> tuning.TuningResult:
    values = {"train.learning_rate": 1e-3, "augment": [{"name": "ada"}]}
    trials = (
        tuning.TrialResult(0, 1.5, None, (2.0, 1.5), values, "f00d"),
        tuning.TrialResult(1, None, "diverged", (float("nan"),), values, None),
    )
    return tuning.TuningResult(
        recipe="quick", data="mnist", kimg=1.0, folder="q-study", study="q.db", images="ab",
        by="kid", against="held-out images", best=tuning.BestTrial(0, 1.5, values), trials=trials,
        importance={"augment": 1.0},
        repeats=tuning.Repeats(-1.0, None, None, "no evidence", (1,), (1.5,), (None,)),
    )  # fmt: skip


def timing() -> Timing:
    return Timing("saved_model", 1, 2, 1.5, 2.0, 1234.5)


def draw_result() -> cluster.DrawResult:
    parts = (cluster.Part(0, 2, "ab", "00000.tfrecord", 99), cluster.Part(2, 1, "cd"))
    return cluster.DrawResult(
        1, "0.1.0", "ef", "run", 3, 0, None, 1.0, "shards", (8, 8, 1), 2, parts, 3
    )


def finding() -> Finding:
    return Finding("mode_collapse", "certain", 1.5, {"duplicates": 0.9}, ("train.beta1=0.5",))


def diagnosis() -> Diagnosis:
    return Diagnosis((finding(),), Progress(3, 1.5, 600, 0.4, "lite0", None))


def served_model() -> ServedModel:
    signature = {"inputs": {"z": {"dtype": "float32", "shape": [-1, 4]}}, "outputs": {}}
    listed = {
        "name": "gan",
        "versions": [2],
        "labels": {"stable": 2},
        "names": ["cat"],
        "signatures": {"s": signature},
    }
    assert ServedModel.read(listed).to_dict() == listed
    return ServedModel.read(listed)


KEYS = {  # as in docs/guides, in this order
    evaluation: [
        "verdict", "sentence", "notes", "lost_classes", "n_real", "n_fake", "features",
        "features_sha256", "resize", "scores", "gate", "classes",
        "truncation", "model", "evaluated", "seconds",
    ],
    timing: ["artefact", "batch", "threads", "p50_ms", "p95_ms", "images_per_second"],
    draw_result: [
        "format", "ganvas", "model_sha256", "model", "n", "seed", "label", "truncation", "form",
        "shape", "part_images", "parts", "drawn",
    ],
    finding: ["disease", "severity", "since_kimg", "evidence", "cure"],
    diagnosis: ["healthy", "findings"],
    served_model: ["name", "versions", "labels", "names", "signatures"],
    tuning_result: [
        "recipe", "data", "kimg", "folder", "study", "images", "by", "against", "best", "trials",
        "importance", "repeats",
    ],
}  # fmt: skip


@pytest.mark.parametrize("made", KEYS, ids=lambda made: made.__name__)
def test_a_result_is_frozen_and_json(made):
    result: Any = made()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, dataclasses.fields(result)[0].name, None)
    found = result.to_dict()
    assert list(found) == KEYS[made]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert result == made() or "nan" in repr(result)


def test_scores_as_json():
    found = evaluation().to_dict()
    assert found["scores"]["kid"] == {"value": 0.5, "low": None, "high": 0.6, "floor": None}
    assert found["scores"]["frechet"]["why"] == "the value is not finite (inf)"
    assert found["gate"] == {"passed": False, "failed": ["kid 0.5 is above kid_max = 0.1"]}
    assert found["truncation"] == [{"truncation": 0.5, "precision": 0.9, "recall": None}]
    assert found["classes"] == {"names": ["a", "b"], "real": [0.5, 0.5], "fake": [1.0, 0.0]}


def test_a_search_as_json():
    found = tuning_result().to_dict()
    assert list(found["trials"][0]) == [
        "number",
        "value",
        "why",
        "scores",
        "values",
        "run",
        "copies",
    ]
    assert found["trials"][1]["scores"] == [None]
    assert list(found["best"]) == ["trial", "value", "values"]
    assert found["repeats"] == {
        "seeds": [1], "best": [1.5], "default": [None], "difference": -1.0, "low": None,
        "high": None, "verdict": "no evidence",
    }  # fmt: skip


def test_a_notebook_shows_them():
    html = evaluation()._repr_html_()
    for text in ("not judged", "kid 0.5 is above kid_max = 0.1", "<td", "data:image/png;base64,"):
        assert text in html
    html = diagnosis()._repr_html_()
    assert "failing" in html and "train.beta1=0.5" in html
