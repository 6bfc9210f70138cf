"""The best model of a folder too small to hold images out: one that copies is not taken."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from ganvas.config import Scores as Options
from ganvas.data import Options as Reading, load
from ganvas.data.mnist import mnist
from ganvas.evaluation.card import _selection
from ganvas.evaluation.reference import CopyCheck
from ganvas.storage.run import Run
from ganvas.training.callbacks.scores import Scores, rank

COUNT = 100


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return mnist("train")[0][:1500, ..., None]


@pytest.fixture
def source(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path))
    return load(digits[:COUNT], Reading(labels=False))


class Generators:
    """In place of a sampler: a generator for each tick."""

    def __init__(self, *generators: np.ndarray) -> None:
        self.drawn = iter(generators)
        self.generator = SimpleNamespace(save=lambda path: path.write_text(""))

    def sample(self, count: int, seed: int) -> np.ndarray:
        return next(self.drawn)[:count]


def scored(tmp_path, source, *generators, total=10**6, **options) -> tuple[Run, Scores, list[dict]]:
    """A run of a tick for each generator."""
    from ganvas.config import Config

    run = Run.create(tmp_path / "run", "words", Config())
    plan = SimpleNamespace(score_due=lambda step: True, kimg=float, total=total)
    given = Options(images=COUNT, features="digits", by="kid", **options)
    callback = Scores(run, plan, Generators(*generators), source, given)
    callback.set_model(SimpleNamespace(stop_training=False))
    for step in range(1, len(generators) + 1):
        found = callback.tick(step, {})
        run.log({"step": step, "kimg": step, "seconds": step, **found})
        if callback.stopped:
            break
    return run, callback, run.rows()


def test_a_generator_that_copies_is_not_selected(digits, source, tmp_path):
    """Its KID is the lower one; the fair generator draws other digits, half as bright."""
    rng = np.random.default_rng(0)
    train = digits[:COUNT]
    copies = (train + rng.normal(0, 4, train.shape)).clip(0, 255).astype(np.uint8)
    fair = (digits[COUNT : 2 * COUNT] // 3 * 2).astype(np.uint8)
    half = np.concatenate([copies[: COUNT // 2], fair[COUNT // 2 :]])
    run, _, rows = scored(tmp_path, source, half, fair, copies)
    kids = [row["score/kid"] for row in rows]
    shares = [row["score/near_copies"] for row in rows]
    assert kids[2] < kids[0] < kids[1] and shares[2] > 0.9 and shares[1] < 0.05
    assert run.best["step"] == 2 and run.best["near_copies"] == shares[1]
    assert (run.best["by"], run.best["against"]) == ("kid", "training images")
    assert "near-copies of them come last" in run.best["selection"]
    json.dumps(run.best, allow_nan=False)
    said = _selection(run, SimpleNamespace(model=run.best["model"]))
    assert "best of 3 by kid on training images" in said and "held-out images: its" not in said


def test_the_log_decides_also_in_a_resumed_run(digits, source, tmp_path):
    """A callback that begins later takes what the first one would have taken."""
    train, fair = digits[:COUNT], digits[COUNT : 2 * COUNT]
    run, _, _ = scored(tmp_path / "a", source, fair // 2, train, fair, fair // 3)
    best = run.best
    later, callback, _ = scored(tmp_path / "b", source, fair // 2, train)
    assert later.best["step"] == 1
    new = Scores(later, callback.plan, Generators(fair, fair // 3), source, callback.options)
    new.set_model(SimpleNamespace(stop_training=False))
    for step in (3, 4):
        later.log({"step": step, "kimg": step, "seconds": step, **new.tick(step, {})})
    assert later.best == best and best["step"] == 3


def test_patience_counts_models_that_copy_as_no_better(digits, source, tmp_path):
    train, fair = digits[:COUNT], digits[COUNT : 2 * COUNT]
    _, callback, rows = scored(tmp_path, source, fair // 2, train, train, fair, patience=2)
    assert callback.stopped and len(rows) == 3


def test_of_models_that_all_copy_the_one_that_copies_least_is_kept(digits, source, tmp_path):
    train, fair = digits[:COUNT], digits[COUNT : 2 * COUNT]
    some = np.concatenate([train[:60], fair[:40]])
    run, _, _ = scored(tmp_path, source, train, some, train)
    assert run.best["step"] == 2 and run.best["near_copies"] > 0.5


def test_enough_held_out_images_need_no_check(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path))
    source = load(digits, Reading(labels=False, holdout=0.1))
    run, callback, rows = scored(tmp_path, source, digits[:COUNT])
    assert callback.check is None and "score/near_copies" not in rows[0]
    assert run.best["selection"] == "by kid on held-out images"


def test_what_real_images_have_among_themselves_is_allowed(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path))
    twins = np.concatenate([digits[:40], np.roll(digits[:40], 1, axis=2)])
    alike = CopyCheck(load(twins, Reading(labels=False)))
    different = CopyCheck(load(digits[:80], Reading(labels=False)))
    assert different.allowed < 0.15 < 0.5 < alike.allowed
    assert different.share(digits[:80]) == 1


def test_rank():
    row = {"score/kid": 2.0, "score/near_copies": 0.5}
    assert rank(row, "kid", 0.1, "score/") == (0.4, 2.0)
    assert rank({"kid": 1.0}, "kid", 0.1) == (0.0, 1.0), "of an older ganvas"
    assert rank({}, "kid", 0.1) == (float("inf"), float("inf"))


def test_training_ends_with_the_best_model(tmp_path, capsys):
    from ganvas.cli.app import finished
    from ganvas.config import Config

    run = Run.create(tmp_path / "run", "words", Config())
    run.write_json("run.json", {"status": "finished"})
    assert finished(run) == 0 and "best model" not in capsys.readouterr().out
    about = {"model": "best-000004.keras", "step": 1, "kimg": 4.0, "by": "kid", "kid": 0.5231}
    run.write_json("best.json", about | {"floor": {"kid": 0.002}, "selection": "by kid on others"})
    finished(run)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(
        "best model: kid 0.523, where real images get 0.002, at 4 kimg; selected"
    )
    assert "selected by kid on others; `ganvas evaluate" in last
    run.write_json("best.json", about | {"floor": None, "against": "training images"})
    finished(run)
    assert "best model: kid on training images 0.523, at 4 kimg" in capsys.readouterr().out
    run.write_json("best.json", about | {"floor": None})
    finished(run)
    assert "best model: kid 0.523, at 4 kimg; selected by kid;" in capsys.readouterr().out


@pytest.mark.parametrize("last", ["better", "worse"])
def test_the_last_scoring_draws_more_and_scores_the_best_again(
    digits, source, tmp_path, monkeypatch, last
):
    fair = digits[COUNT : COUNT + 150]
    drawn = {"better": (fair // 3, fair), "worse": (fair, fair // 3)}[last]
    module = "ganvas.training.callbacks.scores"
    monkeypatch.setattr(f"{module}.read_keras", lambda path: path)
    monkeypatch.setattr(f"{module}.Sampler", lambda *_: Generators(drawn[0]))
    run, callback, rows = scored(tmp_path, source, *drawn, total=2, last_images=150)
    assert (run.best["step"], run.best["images"]) == ({"better": 2, "worse": 1}[last], 150)
    few, full = rows[0]["score/kid"], run.best["kid"]
    assert full != few, "of as many images as the last one"
    best = run.best
    run.forget_after(2, complete=False)  # killed before the line was written
    again = Scores(run, callback.plan, Generators(drawn[1]), source, callback.options)
    again.set_model(SimpleNamespace(stop_training=False))
    found = again.tick(2, {})
    assert run.best == best and found["score/kid"] == rows[1]["score/kid"]
