"""Real sick runs are found out, and healed, through the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ganvas
from ganvas.doctor import Finding, examine_run, sick
from ganvas.errors import Diverged
from ganvas.healing import prescribe
from ganvas.plan import Plan
from ganvas.runs import Run
from ganvas.training import prepare

LONGER = {"train.kimg": 1.536, "train.batch": 16, "train.tick_kimg": 0.128,
          "train.steps_per_execution": 8, "watch.signals": True}  # fmt: skip
FAULTS = {
    "mode_collapse": {"train.learning_rate": 5.0},
    "discriminator_collapse": {"train.discriminator_learning_rate": 1e-12},
    "divergence": {
        "loss": "wasserstein", "penalties": [], "train.discriminator_learning_rate": 1.0
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=FAULTS)
def patient(request, grey, few_steps, tmp_path_factory):
    """A run that was planted a disease, and its name."""
    folder = tmp_path_factory.mktemp("ward") / request.param
    values = {**few_steps, **LONGER, **FAULTS[request.param]}
    return ganvas.train(grey, run=folder, set=values, progress=False), request.param


@pytest.mark.filterwarnings("ignore::ganvas.errors.Advice")
def test_a_sick_run_is_found_out(patient, here):
    run, disease = patient
    done = here("doctor", run.folder, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1 and said["healthy"] is False
    first = said["findings"][0]
    assert first["disease"] == disease and first["severity"] == "certain", said
    assert first["evidence"] and first["since_kimg"] < 1.0
    shown = here("doctor", run.folder)
    assert shown.returncode == 1 and f"{disease} (certain)" in shown.stdout
    if first["cure"]:
        assert f"--set '{first['cure'][0]}'" in shown.stdout


def test_a_run_is_healed(npz, few_steps, tmp_path, command, here):
    """It falls sick, starts anew with a cure within the same budget, and is healthy again."""
    sizes = ("networks.width", "networks.discriminator_width", "networks.noise")
    values = {**few_steps, **dict.fromkeys(sizes, 16), "networks.max_width": 32}
    values["networks.noise"] = 32  # enough, so that one thing is wrong
    values |= {"train.batch": 16, "train.steps_per_execution": 20, "train.tick_kimg": 0.32}
    values["watch.signals"] = True
    values |= {"train.burn_in_kimg": 2, "train.ema_kimg": 0.5, "train.kimg": 4.8}
    values["train.discriminator_learning_rate"] = 1e-12
    words = [w for k, v in values.items() for w in ("--set", f"{k}={json.dumps(v)}")]
    folder = tmp_path / "run"
    done = command("train", npz, "--run", folder, "--heal", *words)
    assert done.returncode == 0, done.stderr
    words = "train.discriminator_learning_rate=0.004"
    assert f"starting anew with {words}" in done.stderr
    run = Run(folder)
    (cure,) = run.info["healed"]
    assert cure["disease"] == "discriminator_collapse"
    assert cure["cure"] == [words] and cure["taken"]
    assert run.config.train.discriminator_learning_rate == 4e-3
    rows = run.rows()
    assert [row["cure"] for row in rows if "cure" in row] == [[words]]
    assert rows[-1]["kimg"] == 4.8 and run.status() == "finished"
    steps = [row["step"] for row in rows]
    assert steps == sorted(steps)
    assert not sick(examine_run(run))
    assert "cures taken:" in here("doctor", folder).stdout


def test_a_cure_written_down_before_a_kill_is_taken_on_resume(npz, few_steps, tmp_path):
    values = {**few_steps, **LONGER, "train.learning_rate": 5.0, "train.kimg": 0.768}
    run = ganvas.train(npz, run=tmp_path / "run", set=values, progress=False)
    entry = {"disease": "mode_collapse", "since_kimg": 0.1, "evidence": {}, "step": 48,
             "kimg": 0.768, "cure": ["train.learning_rate=0.001"], "back_to": None,
             "taken": False}  # fmt: skip
    run.update_info(healed=[entry], status="running")
    ganvas.resume(run, set={"train.kimg": 1.024}, progress=False)
    assert run.info["healed"][0]["taken"] and run.config.train.learning_rate == 1e-3
    assert [row["step"] for row in run.rows() if "cure" in row] == [48]
    assert run.rows()[-1]["kimg"] == 1.024


def test_what_no_cure_helps_is_exit_3(npz, few_steps, tmp_path, here):
    """Its recipe takes every cure already: it is said, and nothing is lost."""
    values = {**few_steps, **LONGER, "data.labels": False}
    values |= {"train.discriminator_learning_rate": 1e-3, "train.learning_rate": 1e-3}
    run = ganvas.train(npz, run=tmp_path / "run", set={**values, "train.kimg": 0.256},
                       progress=False)  # fmt: skip
    with np.load(run.states()[-1]) as arrays:
        state = {k: v * np.nan if k == "generator/000" else v for k, v in arrays.items()}
    run.save_state(32, state)
    run.write("config.toml", run.config.with_values({"train.kimg": 0.512}).toml())
    taken = {"disease": "divergence", "since_kimg": 0, "evidence": {}, "step": 1, "kimg": 0.01,
             "cure": ["x=1"], "back_to": None, "taken": True}  # fmt: skip
    run.update_info(healed=[taken] * 3)
    done = here("resume", run.folder, "--set", "train.heal=true")
    assert done.returncode == 3 and done.stderr.count("error:") == 1
    assert "divergence" in done.stderr and "x=1" in done.stderr
    assert run.info["status"] == "sick" and run.models()


def test_a_cure_that_cannot_be_taken_is_passed_over(grey, few_steps, tmp_path):
    """Minibatch standard deviation cannot cut 25 images into groups."""
    values = {**few_steps, "train.batch": 25, "train.kimg": 0.1, "train.tick_kimg": 0.05}
    values |= {"networks.minibatch": "none", "networks.width": 32, "networks.noise": 64}
    run = ganvas.train(grey, run=tmp_path / "run", set=values, progress=False)
    config, source = prepare(grey, run.config, None)
    plan = Plan.of(config.train, config.watch, False, config.scores)
    finding = Finding("mode_collapse", "certain", 0.05, {"duplicates": 1.0})
    with pytest.raises(Diverged, match="no cure is left"):
        prescribe(run, config, source, finding, 4, plan)
    assert not run.info.get("healed") and run.status() == "sick"


def test_a_healthy_state_that_cannot_be_read_is_none(npz, few_steps, tmp_path):
    values = {**few_steps, **LONGER, "train.kimg": 0.768}
    run = ganvas.train(npz, run=tmp_path / "run", set=values, progress=False)
    (run.folder / "state" / "000000016.healthy").touch()
    entry = {"disease": "mode_collapse", "since_kimg": 0.1, "evidence": {}, "step": 48,
             "kimg": 0.768, "cure": ["train.learning_rate=0.001"],
             "back_to": "000000016.healthy", "taken": False}  # fmt: skip
    run.update_info(healed=[entry], status="running")
    ganvas.resume(run, set={"train.kimg": 1.024}, progress=False)
    assert run.info["healed"][0]["taken"] and run.rows()[-1]["kimg"] == 1.024


@pytest.mark.parametrize("what", ["nothing", "empty", "foreign", "truncated"])
def test_folders_that_are_no_patients(what, tmp_path, here, patient):
    folder = tmp_path / "run"
    if what != "nothing":
        folder.mkdir()
    if what == "foreign":
        (folder / "config.toml").write_text("answer = 42\n")
        (folder / "log.jsonl").write_text('{"loss": 1}\n')
    if what == "truncated":
        source = patient[0].folder
        (folder / "config.toml").write_bytes((source / "config.toml").read_bytes())
        (folder / "log.jsonl").write_bytes((source / "log.jsonl").read_bytes()[:40])
    done = here("doctor", folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("error: ")
