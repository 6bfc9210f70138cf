"""Interrupted equals uninterrupted, to the bit, also after `kill -9`."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ganvas
from ganvas.data import Images
from ganvas.runs import Run

# Everything at once is not always wise.
pytestmark = pytest.mark.filterwarnings("ignore::ganvas.errors.Advice")

EVERYTHING = {  # memories, turns, a paired loss, warm-up, burn-in, augmentation, labels, decay
    "train.kimg": 1.6,
    "train.warmup_kimg": 0.2,
    "train.discriminator_steps": 2,
    "train.decay": "cosine",
    "data.flip": "true",
    "data.shift": 0.1,
    "loss": "relativistic",
    "penalties": '[{name="r1", weight=0.1, start=1.0}, {name="lecam", weight=0.1}]',
    "augment": '{name="ada", policy="blit", kimg=0.2, start=0.3}',
    "train.beta2_start": 0.9,
    "train.burn_in_kimg": 0.6,
    "networks.discriminator_norm": "spectral",
    "networks.minibatch": "discrimination",
    "watch.signals": "true",
    "scores.times": 4,
    "scores.images": 100,
}
DROPOUT = {
    "train.kimg": 0.96,
    "train.batch": 2,
    "train.tick_kimg": 0.032,
    "data.labels": "false",
    "data.size": 16,
}


def words_of(values: dict) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def start(*words) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ganvas", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors


def kill(process: subprocess.Popen) -> bool:
    """Whether it was still at work."""
    if not process.stderr.closed:
        process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL


def history(run: Run) -> list[dict]:
    clocks = ("seconds", "images_per_second", "score/seconds")
    return [{k: v for k, v in row.items() if k not in clocks} for row in run.rows()]


def assert_same(one: Run, other: Run) -> None:
    assert history(one) == history(other)
    assert one.best == other.best
    a, b = one.load_state(), other.load_state()
    assert a.keys() == b.keys()
    different = [name for name in a if not np.array_equal(a[name], b[name])]
    assert not different
    left = [path.name for path in other.folder.rglob("*") if path.name.endswith(".part")]
    assert not left


@pytest.fixture(scope="module")
def straight(npz, sets, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "straight"
    finish(start("train", npz, *sets, *words_of(EVERYTHING), "--run", folder))
    return Run.open(folder)


def wait_for_rows(folder: Path, count: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 100
    while len(Run(folder).rows()) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_killed_and_resumed_is_as_never_killed(straight, npz, sets, tmp_path):
    folder = tmp_path / "killed"
    process = start("train", npz, *sets, *words_of(EVERYTHING), "--run", folder)
    try:
        wait_for_rows(folder, random.randint(3, 6), process)
        time.sleep(random.uniform(0, 0.03))
        assert kill(process), "it had finished before the kill: make the run longer"
    finally:
        kill(process)
    killed = Run.open(folder)
    assert killed.status() == "stopped"
    finish(start("resume", folder))
    assert killed.status() == "finished"
    assert_same(straight, killed)


def test_both_players_can_be_looked_into_without_the_images(straight):
    gan = ganvas.load_game(straight.folder)
    state = straight.load_state()
    for group, player in {"discriminator": gan.discriminator, "ema": gan.ema_generator}.items():
        for number, variable in enumerate(player.variables):
            np.testing.assert_array_equal(variable.numpy(), state[f"{group}/{number:03d}"])
    assert int(gan.step.numpy()) == straight.rows()[-1]["step"]


@pytest.mark.parametrize("at", [pytest.param(1, marks=pytest.mark.proof), 4])
def test_a_state_lost_with_the_disk_costs_a_tick_and_nothing_else(straight, at, tmp_path):
    """The newest state is cut in half, as by a power failure, or none was written yet."""
    folder = tmp_path / "copy"
    shutil.copytree(straight.folder, folder)
    copy = Run.open(folder)
    newest, older = copy.states()[-1], copy.states()[0]
    copy.update_info(status="running")
    if at == 1:
        for path in copy.states():
            path.unlink()
    else:
        newest.write_bytes(newest.read_bytes()[:1000])
        assert int(copy.load_state()["step"]) == int(older.stem)
    ganvas.resume(folder, progress=False)
    assert_same(straight, copy)


@pytest.mark.proof
@pytest.mark.parametrize("recipe", ["everything", "dropout"])
def test_ten_kills_at_any_moment(recipe, npz, sets, tmp_path):
    """Also while it starts, compiles, writes, and while it resumes."""
    if recipe == "everything":
        words = ["train", npz, *sets, *words_of(EVERYTHING)]
    else:
        words = ["train", npz, "--recipe", "classic", *words_of(DROPOUT)]
    began = time.monotonic()
    finish(start(*words, "--run", tmp_path / "straight"))
    whole = time.monotonic() - began
    straight = Run.open(tmp_path / "straight")
    kills = runs = 0
    rng = random.Random()
    tick = straight.rows()[0]["step"]
    while kills < 10:
        runs += 1
        folder = tmp_path / f"killed-{runs}"
        while Run(folder).info.get("status") != "finished":
            again = (folder / "config.toml").exists()  # from here on it must be able to go on
            if not again:
                shutil.rmtree(folder, ignore_errors=True)
            process = start("resume", folder) if again else start(*words, "--run", folder)
            time.sleep(rng.uniform(0.2, 1.0) * whole)
            kills += kill(process)
            rows, states = Run(folder).rows(), Run(folder).states()
            if rows:
                kept = int(states[-1].stem) if states else 0
                assert rows[-1]["step"] - kept <= tick, "no kill loses more than a tick"
        assert_same(straight, Run.open(folder))


# --- moments that are hard to hit ----------------------------------------------------------------


def test_ctrl_c_between_two_fits_is_not_lost(npz, few_steps, tmp_path, monkeypatch):
    """`fit` forgets on starting that it was told to stop."""
    stream = Images.stream

    def interrupted(self, batch, *rest, **options):
        if batch == 8:
            signal.raise_signal(signal.SIGINT)
        return stream(self, batch, *rest, **options)

    monkeypatch.setattr(Images, "stream", interrupted)
    run = ganvas.train(str(npz), set=few_steps, run=tmp_path / "run", progress=False)
    assert run.status() == "interrupted"
    assert len(run.rows()) <= 1


@pytest.mark.parametrize(
    "lost",
    [
        "run.json",
        pytest.param("data.json", marks=pytest.mark.proof),
        pytest.param("samples/reals.png", marks=pytest.mark.proof),
    ],
)
def test_killed_while_the_folder_is_made(straight, tmp_path, lost):
    """Only config.toml is there for sure: what is missing comes back, and the run is of use."""
    folder = tmp_path / "copy"
    shutil.copytree(straight.folder, folder)
    for path in (folder / lost, folder / "log.jsonl", *(folder / "models").iterdir()):
        path.unlink()
    newest = Run(folder).states()[-1]
    newest.unlink()  # so that there is something left to play
    run = ganvas.resume(folder, progress=False)
    assert run.status() == "finished"
    assert ganvas.load(run).sample(2, "1").shape == (2, 16, 16, 1)
    assert (folder / lost).exists()


def test_a_run_from_another_keeps_its_weights_when_killed_before_its_first_tick(
    straight, tmp_path, monkeypatch
):
    """The parent stands in config.toml, the first thing written."""
    import ganvas.training

    def killed(*_):
        raise KeyboardInterrupt

    data, recipe = straight.config.data.source, straight.folder / "config.toml"
    values = {"train.kimg": 0.256, "train.warmup_kimg": 0.0, "train.burn_in_kimg": 0.1}
    with monkeypatch.context() as patch:
        patch.setattr(ganvas.training, "introduce", killed)
        with pytest.raises(KeyboardInterrupt):
            ganvas.train(data, str(recipe), run=tmp_path / "child", set=values,
                         start_from=straight, progress=False)  # fmt: skip
    assert not (tmp_path / "child" / "run.json").exists()
    taken = []
    patched = ganvas.training.take_weights
    monkeypatch.setattr(
        ganvas.training, "take_weights", lambda *words: taken.append(1) or patched(*words)
    )
    run = ganvas.resume(tmp_path / "child", progress=False)
    assert taken == [1]
    assert run.info["parent"] == str(straight.folder)


def test_going_on_with_another_execution_plays_every_step_once(npz, few_steps, tmp_path):
    short = ganvas.train(npz, "quick", run=tmp_path / "run", set=few_steps, progress=False)
    assert short.rows()[-1]["step"] == 64
    for execution in (3, 5, 100):
        copy = shutil.copytree(short.folder, tmp_path / f"by {execution}")
        longer = {"train.kimg": 0.8, "train.steps_per_execution": execution}
        run = ganvas.resume(copy, set=longer, progress=False)
        steps = [row["step"] for row in run.rows()]
        assert steps == sorted(set(steps))
        assert steps[-1] == int(run.load_state()["step"]) == -(-100 // execution) * execution
