"""Interrupted equals uninterrupted, to the bit, also after `kill -9`."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import ganvas
from ganvas.__main__ import main
from ganvas.data import Images
from ganvas.storage.run import Run

# Everything at once is not always wise.
pytestmark = pytest.mark.filterwarnings("ignore::ganvas.errors.Advice")

STATE = {  # all that a state holds: memories of parts, burn-in, decay, labels, scores
    "train.kimg": 1.2,
    "train.decay": "cosine",
    "data.flip": "true",
    "data.shift": 0.1,
    "penalties": '[{name="r1", weight=0.1, start=1.0, every=2}, {name="lecam", weight=0.1}]',
    "augment": '{name="ada", policy="blit", kimg=0.2, start=0.3}',
    "train.beta2_start": 0.9,
    "train.burn_in": 0.75,
    "networks.discriminator_norm": "spectral",
    "watch.signals": "true",
    "scores.times": 3,
    "scores.images": 100,
    "scores.features": "digits",
}
EVERYTHING = {  # and warm-up, turns, a paired loss, second-order penalties, a layer across images
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


def finish(process) -> None:
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors


def kill(process) -> bool:
    """Whether it was still at work."""
    process.kill()
    return process.wait() == -signal.SIGKILL


def history(run: Run) -> list[dict]:
    clocks = (
        "seconds", "step_seconds", "wall_seconds", "images_per_second", "score/seconds",
    )  # fmt: skip
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
    words = ["train", npz, *sets, *words_of(STATE), "--run", folder]
    assert main([str(word) for word in words]) == 0
    return Run.open(folder)


@pytest.fixture(scope="module")
def short(npz, few_steps, tmp_path_factory) -> Run:
    """64 steps of the plain recipe; a state is saved before its line, and marked until then."""
    folder = tmp_path_factory.mktemp("runs") / "short"
    save = Run.save_state

    def checked(run, step, arrays):
        assert [row["step"] for row in run.rows()] == [*range(16, step, 16)]
        assert run.unscored(step)
        save(run, step, arrays)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_state", checked)
        return ganvas.train(npz, "quick", run=folder, overrides=few_steps, progress=False)


def printed_random() -> random.Random:
    """Its seed stands in the output of a test that fails."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


def wait_for_rows(folder: Path, count: int, process) -> None:
    deadline = time.monotonic() + 100
    while len(Run(folder).rows()) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def cut_newest_state(run: Run) -> None:
    """As a power failure leaves it; the one before is then what the run resumes from."""
    older, newest = run.states()[-2:]
    newest.write_bytes(newest.read_bytes()[:1000])
    assert int(run.load_state()["step"]) == int(older.stem)


def test_killed_and_resumed_is_as_never_killed(straight, forked, npz, sets, tmp_path):
    """Killed with `kill -9`, and the newest state is lost with the disk's cache."""
    folder, rng = tmp_path / "killed", printed_random()
    process = forked("train", npz, *sets, *words_of(STATE), "--run", folder)
    try:
        wait_for_rows(folder, rng.randint(3, 6), process)
        time.sleep(rng.uniform(0, 0.03))
        assert kill(process), "it had finished before the kill: make the run longer"
    finally:
        kill(process)
    killed = Run.open(folder)
    assert killed.status() == "stopped"
    cut_newest_state(killed)
    finish(forked("resume", folder))
    assert killed.status() == "finished"
    assert_same(straight, killed)


def test_both_players_can_be_looked_into_without_the_images(straight):
    gan = ganvas.load_game(straight.folder)
    state = straight.load_state()
    for group, player in {"discriminator": gan.discriminator, "ema": gan.ema_generator}.items():
        for number, variable in enumerate(player.variables):
            np.testing.assert_array_equal(variable.numpy(), state[f"{group}/{number:03d}"])
    assert int(gan.step.numpy()) == straight.rows()[-1]["step"]


KILL = """
import os, sys
from pathlib import Path
from ganvas.storage.run import Run

point, steps, folder, *words = sys.argv[1:]
BEFORE, AFTER = 0, 1

def deadly(owner, name, when):
    do = getattr(owner, name)
    def then(*given, **options):
        there = int((sorted((Path(folder) / "state").glob("*.npz")) or [Path("0")])[-1].stem)
        if when == AFTER:
            result = do(*given, **options)
            there = int((sorted((Path(folder) / "state").glob("*.npz")) or [Path("0")])[-1].stem)
        if there >= int(steps):
            os._exit(9)
        return do(*given, **options) if when == BEFORE else result
    setattr(owner, name, then)

deadly(*{
    "mark": (Run, "mark_unscored", AFTER),
    "state": (Run, "save_state", AFTER),
    "best model": (Run, "declare_best", BEFORE),
    "best": (Run, "declare_best", AFTER),
    "score": (Run, "log", BEFORE),
    "row": (Run, "log", AFTER),
    "grid": (Run, "save_model", AFTER),
    "complete": (Run, "mark_complete", BEFORE),
    "end": (Run, "mark_complete", AFTER),
}[point])
from ganvas.__main__ import main
sys.exit(main(words))
"""
OTHER_POINTS = ("mark", "best model", "grid", "complete", "end")


@pytest.mark.parametrize(
    "points",
    [("state", "score", "best", "row"), pytest.param(OTHER_POINTS, marks=pytest.mark.proof)],
    ids=["main", "other"],
)
def test_killed_within_the_work_after_a_tick(points, straight, forked, npz, sets, tmp_path):
    """By `os._exit` between the files that the work writes, in the first ticks of one run."""
    script, folder = tmp_path / "kill.py", tmp_path / "killed"
    script.write_text(KILL)
    words = ["train", npz, *sets, *words_of(STATE), "--run", folder]
    tick = straight.rows()[0]["step"]
    for number, point in enumerate(points):
        steps = 1 + number // 2 * tick
        process = forked(point, steps, folder, *words, script=script)
        output = process.communicate()
        assert process.returncode == 9, (point, output)
        words = ["resume", folder]
    finish(forked("resume", folder))
    assert_same(straight, Run.open(folder))
    assert not (folder / "state" / "unscored.json").exists()


@pytest.mark.proof
@pytest.mark.parametrize("lost", ["all states", "newest state"])
def test_a_lost_state_costs_a_tick_and_nothing_else(straight, lost, tmp_path):
    copy = Run.open(shutil.copytree(straight.folder, tmp_path / "copy"))
    copy.update_info(status="running")
    if lost == "all states":
        for path in copy.states():
            path.unlink()
    else:
        cut_newest_state(copy)
    ganvas.resume(copy, progress=False)
    assert_same(straight, copy)


@pytest.mark.proof
@pytest.mark.parametrize("recipe", ["everything", "dropout"])
def test_ten_kills_at_any_moment(recipe, forked, npz, sets, tmp_path):
    """Also while it starts, compiles, writes, and while it resumes."""
    if recipe == "everything":
        words = ["train", npz, *sets, *words_of(EVERYTHING)]
    else:
        words = ["train", npz, "--recipe", "classic", *words_of(DROPOUT)]
    began = time.monotonic()
    finish(forked(*words, "--run", tmp_path / "straight"))
    whole = time.monotonic() - began
    straight = Run.open(tmp_path / "straight")
    kills = runs = 0
    rng = printed_random()
    tick = straight.rows()[0]["step"]
    while kills < 10:
        runs += 1
        folder = tmp_path / f"killed-{runs}"
        while Run(folder).info.get("status") != "finished":
            again = (folder / "config.toml").exists()  # from here on it must be able to go on
            if not again:
                shutil.rmtree(folder, ignore_errors=True)
            process = forked("resume", folder) if again else forked(*words, "--run", folder)
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
    run = ganvas.train(str(npz), "quick", overrides=few_steps, run=tmp_path / "run", progress=False)
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
def test_killed_while_the_folder_is_made(short, tmp_path, lost):
    """Only config.toml is there for sure: what is missing comes back, and the run is of use."""
    folder = tmp_path / "copy"
    shutil.copytree(short.folder, folder)
    for path in (folder / lost, folder / "log.jsonl", *(folder / "models").iterdir()):
        path.unlink()
    newest = Run(folder).states()[-1]
    newest.unlink()  # so that there is something left to play
    run = ganvas.resume(folder, progress=False)
    assert run.status() == "finished"
    assert ganvas.load(run).sample(2, "1").shape == (2, 16, 16, 1)
    assert (folder / lost).exists()


def test_a_run_from_another_keeps_its_weights_when_killed_before_its_first_tick(
    short, tmp_path, monkeypatch
):
    """The parent stands in config.toml, the first thing written."""
    import ganvas.training.train

    def killed(*_):
        raise KeyboardInterrupt

    data, recipe = short.config.data.source, short.folder / "config.toml"
    values = {"train.kimg": 0.256}
    with monkeypatch.context() as patch:
        patch.setattr(ganvas.training.train, "write_documents", killed)
        with pytest.raises(KeyboardInterrupt):
            ganvas.train(data, str(recipe), run=tmp_path / "child", overrides=values,
                         start_from=short, progress=False)  # fmt: skip
    assert not (tmp_path / "child" / "run.json").exists()
    taken = []
    patched = ganvas.training.train.begin
    monkeypatch.setattr(
        ganvas.training.train, "begin", lambda *words: taken.append(1) or patched(*words)
    )
    run = ganvas.resume(tmp_path / "child", progress=False)
    assert taken == [1]
    assert run.info["parent"] == str(short.folder)


@pytest.mark.parametrize(
    "execution", [3, *(pytest.param(one, marks=pytest.mark.proof) for one in (5, 100))]
)
def test_resuming_by_other_executions_takes_every_step_once(short, tmp_path, execution):
    assert short.rows()[-1]["step"] == 64
    copy = shutil.copytree(short.folder, tmp_path / "copy")
    longer = {"train.kimg": 0.8, "train.steps_per_execution": execution}
    run = ganvas.resume(copy, overrides=longer, progress=False)
    steps = [row["step"] for row in run.rows()]
    assert steps == sorted(set(steps))
    assert steps[-1] == int(run.load_state()["step"]) == -(-100 // execution) * execution
