"""Real sick runs are found out, and healed, through the command line."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import ganvas
from ganvas.config import load_recipe
from ganvas.config.plan import Plan
from ganvas.doctor import Finding, diagnose
from ganvas.errors import Diverged
from ganvas.storage.run import Run
from ganvas.training import healing
from ganvas.training.assembly import assemble
from ganvas.training.callbacks import NaNGuard
from ganvas.training.healing import apply_fix, choose_fix
from ganvas.training.preparing import prepare
from ganvas.training.session import Session
from refusals import refuses

WATCHED = {"train.kimg": 0.768, "train.batch": 16, "train.tick_kimg": 0.128,
           "train.steps_per_execution": 8, "watch.signals": True, "watch.grids": 1}  # fmt: skip
"""48 steps in 6 ticks."""
FAULTS = {
    "mode_collapse": {"train.learning_rate": 5.0},
    "divergence": {
        "loss": "wasserstein", "penalties": [], "train.discriminator_learning_rate": 1.0
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def train_with(npz, few_steps, tmp_path_factory):
    """(disease) -> a run that was trained with the fault that causes it."""
    runs = {}

    def of(disease):
        if disease not in runs:
            values = {**few_steps, **WATCHED, **FAULTS[disease]}
            folder = tmp_path_factory.mktemp("ward") / disease
            runs[disease] = ganvas.train(npz, "quick", run=folder, overrides=values, progress=False)
        return runs[disease]

    return of


@pytest.fixture
def collapsed(train_with, tmp_path):
    """A copy of the run with mode collapse, to go on with."""
    return Run(shutil.copytree(train_with("mode_collapse").folder, tmp_path / "run"))


@pytest.fixture(params=FAULTS)
def patient(request, train_with):
    """A run that was planted a disease, and its name."""
    return train_with(request.param), request.param


@pytest.mark.filterwarnings("ignore::ganvas.errors.Advice")
def test_a_sick_run_is_found_out(patient, here):
    run, disease = patient
    done = here("doctor", run.folder, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["healthy"] is False
    first = said["findings"][0]
    assert first["disease"] == disease and first["severity"] == "certain", said
    assert first["evidence"] and first["since_kimg"] < 0.5
    shown = here("doctor", run.folder)
    assert shown.returncode == 1 and f"{disease} (certain)" in shown.stdout
    if first["cure"]:
        assert f"--set '{first['cure'][0]}'" in shown.stdout


def test_a_run_is_healed(npz, few_steps, tmp_path, here):
    """It falls sick, starts anew with a cure within the same budget, and is healthy again."""
    sizes = ("networks.width", "networks.discriminator_width", "networks.noise")
    values = {**few_steps, **dict.fromkeys(sizes, 16), "networks.max_width": 32}
    values["networks.noise"] = 32  # enough, so that one thing is wrong
    values |= {"train.batch": 16, "train.steps_per_execution": 20, "train.tick_kimg": 0.32}
    values |= {"watch.signals": True, "watch.grids": 1}
    values |= {"train.burn_in_kimg": 2, "train.ema_kimg": 0.5, "train.kimg": 3.2}
    values |= {"penalties.r1.weight": 0.1, "penalties.r1.start": 0.5, "train.decay": "none"}
    values["train.discriminator_learning_rate"] = 1e-12
    words = [w for k, v in values.items() for w in ("--set", f"{k}={json.dumps(v)}")]
    folder = tmp_path / "run"
    done = here("train", npz, "--recipe", "quick", "--run", folder, "--heal", *words)
    assert done.returncode == 0, done.stderr
    words = "train.discriminator_learning_rate=0.004"
    assert f"started anew with {words}" in done.stderr
    run = Run(folder)
    (cure,) = run.info["healed"]
    assert cure["disease"] == "discriminator_collapse"
    assert cure["evidence"] and cure["since_kimg"] < 0.5
    assert cure["cure"] == [words] and cure["taken"]
    assert run.config.train.discriminator_learning_rate == 4e-3
    rows = run.rows()
    assert [row["cure"] for row in rows if "cure" in row] == [[words]]
    assert rows[-1]["kimg"] == 3.2 and run.status() == "finished"
    steps = [row["step"] for row in rows]
    assert steps == sorted(steps)
    assert diagnose(run).healthy
    assert "fixes applied:" in here("doctor", folder).stdout


CURE = {"disease": "mode_collapse", "since_kimg": 0.1, "evidence": {}, "step": 48, "kimg": 0.768,
        "cure": ["train.learning_rate=0.001"], "back_to": None, "taken": False}  # fmt: skip


def test_a_cure_written_down_before_a_kill_is_taken_on_resume(collapsed):
    """The state that it would go back to cannot be read."""
    (collapsed.folder / "state" / "000000016.healthy").touch()
    entry = {**CURE, "back_to": "000000016.healthy"}
    collapsed.update_info(healed=[entry], status="running")
    ganvas.resume(collapsed, overrides={"train.kimg": 0.896}, progress=False)
    assert collapsed.info["healed"][0]["taken"]
    assert collapsed.config.train.learning_rate == 1e-3
    assert [row["step"] for row in collapsed.rows() if "cure" in row] == [48]
    assert collapsed.rows()[-1]["kimg"] == 0.896


@pytest.mark.parametrize("back_to", [None, "empty", "whole"])
def test_a_cure_starts_from_the_healthy_state_or_anew(collapsed, npz, back_to):
    states = collapsed.folder / "state"
    if back_to == "empty":
        (states / "000000016.healthy").touch()
    if back_to == "whole":
        shutil.copy(collapsed.states()[-1], states / "000000016.healthy")
    entry = {**CURE, "back_to": back_to and "000000016.healthy"}
    collapsed.update_info(healed=[entry], status="running")
    config, source = prepare(
        None, collapsed.config.with_values({"train.learning_rate": 1e-3}), None
    )
    session = Session(config, source, tf.distribute.get_strategy())
    session.run = collapsed
    apply_fix(session, config)
    assert session.step == 48 == int(collapsed.load_state()["step"])
    assert collapsed.info["healed"][0]["taken"]
    assert collapsed.config.train.learning_rate == 1e-3
    assert [row["step"] for row in collapsed.rows() if "cure" in row] == [48]
    if back_to == "whole":
        with np.load(states / "000000016.healthy") as kept:
            wanted = kept["generator/000"]
    else:
        wanted = assemble(config, source)[0].generator.get_weights()[0]
    np.testing.assert_array_equal(session.gan.generator.get_weights()[0], wanted)


def test_what_no_cure_helps_is_exit_3(collapsed, here, monkeypatch):
    """It has taken as many cures as it may: an error says so, and what was trained is kept."""

    def diverge(session):
        guard = NaNGuard(session.run, session.plan)
        guard.set_model(session.gan)
        guard.tick(56, {"generator": np.nan})

    monkeypatch.setattr(healing, "run_loop", diverge)
    taken = {**CURE, "disease": "divergence", "step": 1, "kimg": 0.01, "cure": ["x=1"]}
    collapsed.update_info(healed=[{**taken, "taken": True}] * 3)
    words = ("--set", "train.heal=true", "--set", "train.kimg=1.024")
    done = here("resume", collapsed.folder, *words)
    assert done.returncode == 3 and done.stderr.count("error:") == 1
    assert "divergence since 0.896 kimg" in done.stderr and "x=1" in done.stderr
    assert collapsed.info["status"] == "sick" and collapsed.models()
    assert len(collapsed.info["healed"]) == 3


def test_a_cure_that_cannot_be_taken_is_passed_over(grey, few_steps, tmp_path):
    """Minibatch standard deviation cannot cut 25 images into groups."""
    values = {**few_steps, "train.batch": 25, "train.kimg": 0.1, "train.tick_kimg": 0.05}
    values |= {"networks.minibatch": "none", "networks.width": 32, "networks.noise": 64}
    run = Run.create(tmp_path / "run", "", load_recipe("quick").with_values(values))
    config, source = prepare(grey, run.config, None)
    plan = Plan.of(config.train, config.watch, False, config.scores)
    finding = Finding("mode_collapse", "certain", 0.05, {"duplicates": 1.0})
    session = SimpleNamespace(run=run, config=config, source=source, plan=plan, step=4)
    with refuses(Diverged):
        choose_fix(session, finding)
    assert not run.info.get("healed") and run.status() == "sick"


@pytest.mark.parametrize("what", ["nothing", "empty", "foreign", "truncated"])
def test_folders_that_are_no_patients(what, tmp_path, here, train_with):
    folder = tmp_path / "run"
    if what != "nothing":
        folder.mkdir()
    if what == "foreign":
        (folder / "config.toml").write_text("answer = 42\n")
        (folder / "log.jsonl").write_text('{"loss": 1}\n')
    if what == "truncated":
        source = train_with("mode_collapse").folder
        (folder / "config.toml").write_bytes((source / "config.toml").read_bytes())
        (folder / "log.jsonl").write_bytes((source / "log.jsonl").read_bytes()[:40])
    done = here("doctor", folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: ")
