"""Results of public functions: frozen, and `to_dict` is the JSON that commands print."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from ganvas.evaluation import ClassShares, Evaluation, GateResult, Grids, Score, TruncationPoint


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


KEYS = {  # as in docs/guides, in this order
    evaluation: [
        "n_real", "n_fake", "features", "features_sha256", "resize", "scores", "gate", "classes",
        "truncation", "model", "evaluated", "seconds",
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
    assert result == made()


def test_scores_as_json():
    found = evaluation().to_dict()
    assert found["scores"]["kid"] == {"value": 0.5, "low": None, "high": 0.6, "floor": None}
    assert found["scores"]["frechet"]["why"] == "the value is not finite (inf)"
    assert found["gate"] == {"passed": False, "failed": ["kid 0.5 is above kid_max = 0.1"]}
    assert found["truncation"] == [{"truncation": 0.5, "precision": 0.9, "recall": None}]
    assert found["classes"] == {"names": ["a", "b"], "real": [0.5, 0.5], "fake": [1.0, 0.0]}
