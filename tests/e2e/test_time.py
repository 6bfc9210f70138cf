"""Runs whose length or scoring is fitted to time have the bits of runs of what was fitted."""

from __future__ import annotations

import numpy as np
import pytest

import ganvas
from ganvas.training import timing

SCORING = (0.005, 0.0005, 0.0001)
"""Seconds of a scoring, of a fake in it, of a real image."""


@pytest.fixture(scope="module")
def clock():
    """The steps are trained as always, and take what is written here."""
    steps = timing._steps

    def timed(session):
        steps(session)
        return 0.0, 0.02

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "_steps", timed)
        patch.setattr(timing, "_scoring", lambda session: SCORING)
        patch.setattr(timing.Since, "seconds", 0.0)
        yield


@pytest.fixture(scope="module")
def values(few_steps):
    given = {**few_steps, "train.minutes": 0.05, "scores.features": "digits", "scores.share": 0.134}
    return {key: given[key] for key in given if key not in ("train.kimg", "scores.times")}


@pytest.fixture(scope="module")
def fitted(npz, values, clock, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "fitted"
    return ganvas.train(npz, "quick", run=folder, overrides=values, progress=False)


def history(run):
    clocks = ("seconds", "score/seconds", "images_per_second")
    return [
        {key: value for key, value in row.items() if not key.endswith(clocks)} for row in run.rows()
    ]


def assert_same(one, other):
    assert history(one) == history(other) and one.best == other.best
    a, b = one.load_state(), other.load_state()
    assert a.keys() == b.keys()
    assert not [name for name in a if not np.array_equal(a[name], b[name])]


def test_what_was_fitted_is_saved(fitted):
    train, scores = fitted.config.train, fitted.config.scores
    assert train.minutes is None and train.kimg == pytest.approx(0.37, rel=0.1)
    assert (scores.times, scores.images, scores.last_images, scores.real) == (2, 100, 200, 400)
    assert fitted.info["expected_seconds"] == pytest.approx(3, rel=0.1)
    assert fitted.best["images"] == 200, "the best model was scored again with as many"
    assert len([row for row in fitted.rows() if "score/kid" in row]) == 2


def test_a_run_of_the_saved_values_is_the_same(fitted, npz, tmp_path):
    """Also without the timing that came before it."""
    recipe = fitted.folder / "config.toml"
    again = ganvas.train(npz, recipe, run=tmp_path / "again", progress=False)
    assert again.info["expected_seconds"] is None
    assert_same(fitted, again)


def test_interrupted_and_resumed_is_the_same(fitted, npz, values, clock, tmp_path):
    run = ganvas.train(npz, "quick", run=tmp_path / "run", overrides=values, progress=False,
                       each_tick=lambda _: True)  # fmt: skip
    assert run.status() == "interrupted" and run.config == fitted.config
    assert_same(fitted, ganvas.resume(run, progress=False))


def test_options_are_shortcuts(npz, here, clock, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.training.train.fit", lambda *_: None)
    words = ("--minutes", 2, "--batch", 16, "--size", 32, "--lr", 0.01, "--seed", 7)
    done = here("train", npz, *words, "--set", "networks.width=8", "--run", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    config = ganvas.Run(tmp_path / "run").config
    train = config.train
    assert (train.batch, train.learning_rate, train.seed) == (16, 0.01, 7)
    assert config.data.size == (32, 32) and config.recipe == "finetune"
    lines = done.stderr.splitlines()
    assert "recipe     auto: the images decide, 2 minutes" in lines
    text = " ".join(done.stderr.split())
    assert "recipe finetune, 2 minutes: chosen for 256 grey images in 2 classes at 32x32" in text
    assert "time about 2 minutes for" in text and "by the speed of the first steps" in text
    paths = ("data", "run", "note")
    assert not [line for line in lines if len(line) > 80 and not line.startswith(paths)]
    done = here("train", npz, "--kimg", 2, "--epochs", 2)
    assert done.returncode == 2 and "--kimg and --epochs set the same length" in done.stderr


def test_a_dry_run_says_the_length(npz, clock, monkeypatch):
    monkeypatch.setattr("ganvas.training.dry_run.SECONDS", 0.0)
    report = ganvas.rehearse(npz, "quick", overrides={"train.minutes": 1, "networks.width": 4})
    assert "minutes" not in report.config.partition("[train]")[2].partition("[watch]")[0]
    assert 0 < report.seconds < 60
