"""A search by the command line: killed within a trial, gone on with, and read."""

import json
import multiprocessing
import signal
import time
import tomllib

import pytest

pytest.importorskip("optuna", reason="the extra [tune] is not installed")

import ganvas
from ganvas.config import load_recipe, parse
from ganvas.errors import Advice
from ganvas.storage.run import Run

VALUES = {
    "train.kimg": 0.256, "train.steps_per_execution": 8, "data.clusters": 0, "scores.images": 100,
    "scores.features": "digits", "watch.tensorboard": False, "data.labels": False, "penalties": [],
    "tune": {"train.learning_rate": {"low": 1e-3, "high": 4e-3, "log": True}},
}  # fmt: skip


@pytest.fixture
def words(npz, few_steps, tmp_path):
    tiny = {key: value for key, value in few_steps.items() if key.startswith("networks.")}
    config = load_recipe("quick").with_values({"train.batch": 8, **tiny, **VALUES})
    (tmp_path / "tiny.toml").write_text(config.toml())
    return ["tune", npz, "--recipe", tmp_path / "tiny.toml", "--trials", 2, "--repeats", 0,
            "--study", tmp_path / "s.db"]  # fmt: skip


def test_a_search_that_was_killed_goes_on_and_repeats_nothing(words, tmp_path, forked, here):
    study = tmp_path / "s-study"
    words += ["--trials", 1]
    process = forked(*words)
    while process.poll() is None:
        cut = [log.parent for log in (study / "trials").glob("*/log.jsonl")]
        if cut and len(Run(cut[0]).states()) == 2:
            process.kill()
            process.wait()
        time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL, process.communicate()[1]
    assert Run(cut[0]).status() == "stopped"

    done = here(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("trial ") == 1
    assert list((study / "trials").iterdir()) == cut
    assert [row["step"] for row in Run(cut[0]).rows()] == [8, 16, 24, 32], "it went on"

    found = json.loads(done.stdout)
    assert found == json.loads((study / "tune.json").read_text())
    assert [trial["run"] for trial in found["trials"]] == [cut[0].name]
    assert found["trials"][0]["values"] == {"train.learning_rate": 2e-3}, "the recipe's own first"
    assert len(found["trials"][0]["scores"]) == 4
    best = parse(tomllib.loads((study / "best.toml").read_text()))
    assert best.train.learning_rate == found["best"]["values"]["train.learning_rate"]
    assert best.scores.times is None and best.train.tick_kimg == 16 and not best.data.source

    before = (cut[0] / "log.jsonl").stat().st_mtime_ns
    again = here(*words, "--json")
    assert json.loads(again.stdout) == found and "trial " not in again.stderr
    assert (cut[0] / "log.jsonl").stat().st_mtime_ns == before
    assert list((study / "trials").iterdir()) == cut


@pytest.mark.parametrize(
    "more, sentence",
    [
        (["--hours", 0], "hours above 0"),
        (["--hours", "nan"], "--hours"),
        (["--set", "tune={'train.learning_rat'=[1]}"], "did you mean 'train.learning_rate'"),
        (["--recipe", "quik"], "did you mean 'quick'"),
    ],
)
def test_what_cannot_be_searched(words, more, sentence, capsys, tmp_path, monkeypatch):
    from ganvas.cli import run_command

    monkeypatch.chdir(tmp_path)
    assert run_command([*map(str, words), *map(str, more)]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("error:") == 1
    assert not (tmp_path / "s-study").exists()


def test_without_its_extra_it_says_which(words, capsys, monkeypatch):
    import importlib.util

    from ganvas.cli import run_command

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "optuna" else find(n))
    assert run_command([*map(str, words)]) == 2
    assert "pip install 'ganvas[tune]'" in capsys.readouterr().err


@pytest.mark.proof  # tests/unit/test_search.py holds two searches of one study
def test_two_workers_share_the_trials(words, tmp_path, forked, monkeypatch):
    """Started by the fork server, where the command spawns them."""
    context = multiprocessing.get_context("forkserver")
    monkeypatch.setattr(multiprocessing, "get_context", {"spawn": context}.get)
    _, data, _, recipe, *_ = words
    options = {"workers": 2, "overrides": {"train.kimg": 0.064}, "repeats": 0, "progress": False}
    with pytest.warns(Advice, match="13 images are held out, 50 are needed"):
        found = ganvas.tune(data, recipe, trials=2, study=tmp_path / "s.db", **options)
    check_two_workers(found.to_dict(), tmp_path / "s-study")


def check_two_workers(found, study):
    assert found == json.loads((study / "tune.json").read_text())
    assert len(found["trials"]) == 2
    runs = {run.name for run in (study / "trials").iterdir()}
    assert runs == {trial["run"] for trial in found["trials"]} and len(runs) == 2
    assert len(list((study / "workers").glob("*.lock"))) == 2, "none was needed a second time"
    assert found["against"] == "training images"
    assert "<svg" in (study / "report.html").read_text()
    assert parse(tomllib.loads((study / "best.toml").read_text())).train.kimg == 0.064


@pytest.mark.proof
def test_two_workers_of_the_command_share_the_trials(words, tmp_path, command):
    more = ["--workers", 2, "--set", "train.kimg=0.064", "--json"]
    done = command(*words, *more)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("trial ") == 2
    assert "note: 13 images are held out, 50 are needed" in done.stderr
    check_two_workers(json.loads(done.stdout), tmp_path / "s-study")
