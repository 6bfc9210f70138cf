# ruff: noqa: E402 - the extra may be absent
"""The search over trials that train nothing: who is stopped, who goes on, who is done again."""

import json
import math
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

optuna = pytest.importorskip("optuna", reason="the extra [tune] is not installed")

from ganvas.config import load_recipe
from ganvas.errors import Advice, Diverged, UsageError
from ganvas.storage.run import Run
from ganvas.training import train
from ganvas.tuning import search, study_report, workers
from refusals import refuses

TICKS = 4
RATES = {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}


class Training:
    """Stands in for `train` and `resume`: a row and a score per tick, the farther from 1e-3 the
    worse. `cut`: how many ticks are played before it is interrupted, run by run."""

    def __init__(self):
        self.played: list[str] = []
        self.cut: list[int] = []
        self.ends = lambda config: None

    def train(self, data, config, *, run, each_tick=None, **_):
        new = Run.create(run, "x", config)
        new.update_info(status="running")
        new.write_json(
            "best.json", {"model": "best-000001.keras", "by": "kid", "kid": 1, "step": 1, "kimg": 1}
        )
        return self.resume(new.folder, each_tick=each_tick)

    def resume(self, run, *, each_tick=None, **_):
        run = Run(run)
        with run.locked():
            return self.play(run, each_tick)

    def play(self, run, each_tick):
        self.played.append(run.folder.name)
        kimg, rate = run.config.train.kimg, run.config.train.learning_rate
        cut = self.cut.pop(0) if self.cut else TICKS
        for tick in range(len(run.rows()) + 1, TICKS + 1):
            if cut == 0:
                run.update_info(status="interrupted")
                return run
            cut -= 1
            value = abs(math.log(rate / 1e-3)) + 1 / tick + run.config.train.seed
            row = {"step": tick, "kimg": kimg * tick / TICKS, "score/kid": value}
            run.log({**row, "signal/finite": 1.0})
            self.ends(run.config)
            if each_tick and each_tick(run):
                run.update_info(status="interrupted")
                return run
        run.update_info(status="finished")
        return run


@pytest.fixture
def training(monkeypatch, tmp_path):
    stands_in = Training()
    monkeypatch.setattr(train, "train", stands_in.train)
    monkeypatch.setattr(train, "resume", stands_in.resume)
    monkeypatch.setattr(workers.keras.backend, "clear_session", lambda: None)
    monkeypatch.setattr(
        study_report, "drawn", lambda *_: "<svg></svg>"
    )  # test_tuning.py draws charts
    monkeypatch.chdir(tmp_path)
    stands_in.folder = tmp_path / "s-study"
    return stands_in


def tune(grey, place="s.db", space=RATES, **more):
    values = {"train.kimg": 1.0, "train.learning_rate": 2e-3, "tune": space, "data.clusters": 0,
              "data.holdout": 0.25}  # fmt: skip
    config = load_recipe("quick").with_values({**values, **more.pop("values", {})})
    more = {"repeats": 0, "progress": False, **more}
    return search.tune(grey[0], config, study=place, **more)


def told(result):
    return [
        {k: v for k, v in trial.items() if k != "number"} for trial in result.to_dict()["trials"]
    ]


def test_interrupted_equals_uninterrupted(grey, training):
    straight = tune(grey, "straight.db", trials=9)
    played = training.played
    training.played, training.cut = [], [TICKS, 2, TICKS, TICKS, TICKS, 1, TICKS, 0]
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            tune(grey, "cut.db", trials=9)
    again = tune(grey, "cut.db", trials=9)
    assert told(again) == told(straight)
    assert len(training.played) == len(played) + 3, "only what was cut is played again"
    assert "worse than the median" in {trial.why for trial in straight.trials}
    assert again.best.values == straight.best.values
    assert tune(grey, "cut.db", trials=9) == again and len(training.played) == 12


def test_an_interrupt_that_python_drops_still_stops(grey, training, monkeypatch):
    class Freed:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(workers.keras.backend, "clear_session", lambda: Freed() and None)
    monkeypatch.setattr(sys, "unraisablehook", lambda about: None)
    with pytest.raises(KeyboardInterrupt):
        tune(grey, trials=3)
    assert len(training.played) == 1


def test_killed_between_the_end_of_a_run_and_the_telling(grey, training, monkeypatch):
    straight = tune(grey, "straight.db", trials=3)
    tell = optuna.Study.tell
    monkeypatch.setattr(optuna.Study, "tell", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        tune(grey, "cut.db", trials=3)
    monkeypatch.setattr(optuna.Study, "tell", tell)
    assert told(tune(grey, "cut.db", trials=3)) == told(straight)
    assert len(training.played) == 6, "a finished run is not played again"


def test_lists_are_tried_once_each_and_then_it_ends(grey, training):
    space = {"train.beta1": [0.0, 0.5, 0.9], "train.discriminator_steps": {"low": 1, "high": 2}}
    result = tune(grey, space=space, trials=20)
    tried = [tuple(trial.values.items()) for trial in result.trials]
    assert len(tried) == len({*tried}) == 6 == len(training.played)


def test_all_trials_diverge(grey, training):
    def end(config):
        raise Diverged("no number")

    training.ends = end
    with refuses(UsageError, "4"):
        tune(grey, trials=4)
    training.ends = lambda config: None
    assert tune(grey, trials=5).best.trial == 4, "with more trials it goes on"


def test_the_time_is_up_and_it_goes_on(grey, training, monkeypatch):
    now = search.time.time()
    monkeypatch.setattr(search.time, "time", lambda: now + 1000 * len(training.played))
    with refuses(UsageError):
        tune(grey, trials=2, hours=0.1)
    assert tune(grey, trials=1, hours=1).best.trial == 1
    assert len(training.played) == 2


def test_a_length_in_epochs(grey, training):
    result = tune(grey, trials=1, values={"train.epochs": 2})
    assert result.kimg == pytest.approx(2 * len(grey[0]) * 0.75 / 1000, rel=0.03)
    run = Run(f"{result.folder}/trials/{training.played[0]}")
    assert run.config.train.kimg == result.kimg and result.trials[0].why is None


def test_best_and_default_are_repeated_by_the_same_seeds(grey, training):
    result = tune(grey, trials=8, repeats=2)
    repeats = result.repeats
    assert repeats.seeds == (1, 2) and repeats.verdict == "helps"
    gaps = np.subtract(repeats.best, repeats.default)
    assert gaps == pytest.approx([repeats.difference] * 2)
    before = len(training.played)
    assert tune(grey, trials=8, repeats=2) == result and len(training.played) == before


def test_two_searches_of_one_study_end_alike(grey, training):
    """The one to whom nothing is left waits for the other's last trial, and reads its repeats."""
    together, begun = threading.Barrier(2, timeout=60), set()

    def meet(config):
        rate = config.train.learning_rate
        if config.train.seed == 0 and rate not in begun:  # each plays one of the two trials
            begun.add(rate)
            together.wait()
            time.sleep(2.0 * (rate == 2e-3))

    training.ends = meet
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(tune, grey, trials=2, repeats=1) for _ in range(2)]
    one, other = (end.result() for end in ends)
    assert one == other and len(one.trials) == 2
    assert len(training.played) == len({*training.played}) == 4


@pytest.mark.parametrize("share, enough", [(0.1, "--set data.holdout=0.2"), (0.25, "")])
def test_it_says_by_which_images_it_judges(grey, training, share, enough):
    values = {"data.holdout": share}
    if not enough:
        result = tune(grey, trials=1, values=values)
    else:
        with pytest.warns(Advice, match=rf"26 images are held out, 50 .* {enough}"):
            result = tune(grey, trials=1, values=values)
    word = "training images" if enough else "held-out images"
    assert result.against == word and f"by kid on {word}" in study_report.sentences(result)[1]
    assert word in study_report.page(result).html()
    assert json.loads((training.folder / "tune.json").read_text()) == result.to_dict()
    assert f"kid on {word}" in (training.folder / "best.toml").read_text()


def test_too_few_images_to_hold_out_any(grey, training):
    with pytest.warns(Advice, match="0 images are held out.* give more images, 200 or above"):
        tune((grey[0][:199], None), trials=1)
