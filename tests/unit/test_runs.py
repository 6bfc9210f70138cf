"""The run folder: nothing in it is lost, half-written, or written by two."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from ganvas.base.files import replacing
from ganvas.config import Config
from ganvas.config.schema import schema_text
from ganvas.errors import ConfigError, RunError
from ganvas.storage.outputs import is_run
from ganvas.storage.run import Run, list_runs
from refusals import refuses

HOLD = """
import sys, time
from ganvas.storage.run import Run
with Run(sys.argv[1]).locked():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path) -> Run:
    return Run.create(tmp_path / "run", "words", Config())


def everything(run: Run) -> dict[str, bytes]:
    files = (path for path in run.folder.rglob("*") if path.is_file())
    return {str(path.relative_to(run.folder)): path.read_bytes() for path in files}


class Generator:
    """Saves what it is told to, as Keras would."""

    def __init__(self, words: str = "weights", error: OSError | None = None):
        self.words, self.error = words, error

    def save(self, path):
        path.write_text(self.words)
        if self.error:
            raise self.error


def test_create_writes_the_recipe(run):
    assert Run.open(run).config == Config()
    assert (run.folder / "config.toml").read_text().startswith("#:schema ./recipe.schema.json\n")
    assert (run.folder / "recipe.schema.json").read_text() == schema_text()
    assert {"state", "models", "samples"} <= {path.name for path in run.folder.iterdir()}
    assert os.fspath(run) == str(run.folder)


def test_a_run_is_known_by_its_recipe_also_one_of_an_older_version(run):
    assert is_run(run.folder)
    run.write("config.toml", run.config.toml())
    assert is_run(run.folder)
    run.write("config.toml", "title = 'a site'")
    assert not is_run(run.folder)


def test_create_refuses_a_run_and_leaves_it(run):
    before = everything(run)
    with refuses(RunError):
        Run.create(run.folder, "words", Config(recipe="other"))
    assert everything(run) == before


def test_create_refuses_other_files(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with refuses(RunError):
            Run.create(folder, "words", Config())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_create_takes_an_empty_folder_and_makes_parents(tmp_path):
    Run.create(tmp_path, "words", Config())
    Run.create(tmp_path / "a" / "b", "words", Config())
    assert Run.open(tmp_path / "a" / "b").config == Config()


def test_create_without_a_name_finds_a_new_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (Run.create(None, "cats-quick", Config()) for _ in range(2))
    assert first.folder.parent.name == "runs"
    assert first.folder.name.endswith("-cats-quick")
    assert second.folder.name == first.folder.name + "-2"


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_open_refuses_what_is_no_run(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with refuses(RunError):
        Run.open(tmp_path / name)


def test_a_word_that_somebody_has_changed_names_its_file(run):
    file = run.folder / "config.toml"
    file.write_text(file.read_text().replace("\nbatch =", "\nbtach ="))
    with refuses(ConfigError, "config.toml", "'train.batch'"):
        _ = run.config


def test_the_run_that_is_meant(run, tmp_path, monkeypatch):
    """A bare name as `ganvas runs` prints it; the folder of all runs; a folder of one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    run.folder.rename(tmp_path / "runs" / "first")
    for name in ("first", "runs", "runs/first/models", "runs/first/state/000.npz"):
        with refuses(RunError, "give a run, such as runs/first"):
            Run.open(name)


def test_a_damaged_recipe_is_one_sentence(run):
    (run.folder / "config.toml").write_text("loss = ")
    with refuses(ConfigError, "config.toml"):
        _ = run.config


# --- one process at a time -------------------------------------------------------------------


def test_a_live_process_holds_the_run_and_a_killed_one_does_not(run):
    run.update_info(status="running")
    assert run.status() == "stopped"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with refuses(RunError), run.locked():
            pytest.fail("two processes hold one run")
        assert run.status() == "running"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert run.status() == "stopped"
        with run.locked():
            assert run.status() == "running"
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_a_lock_is_given_back_after_an_error(run):
    run.update_info(status="running")
    with contextlib.suppress(ZeroDivisionError), run.locked():
        raise ZeroDivisionError
    assert run.status() == "stopped"
    with run.locked():
        assert run.status() == "running"


# --- state -----------------------------------------------------------------------------------


def state(value: int) -> dict[str, np.ndarray]:
    return {"step": np.array(value), "generator/000": np.full((3, 4), value, np.float32)}


def test_states_come_back_to_the_bit_and_two_are_kept(run):
    assert run.load_state() is None
    for step in (8, 16, 900, 1000):
        run.save_state(step, state(step))
    assert [path.name for path in run.states()] == ["000000900.npz", "000001000.npz"]
    loaded = run.load_state()
    assert loaded.keys() == state(1000).keys()
    for name, array in state(1000).items():
        assert np.array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "flipped"])
def test_a_damaged_newest_state_falls_back_to_the_one_before(run, kind):
    run.save_state(8, state(8))
    run.save_state(16, state(16))
    newest = run.states()[-1]
    whole = newest.read_bytes()
    at = whole.index(np.full(12, 16, np.float32).tobytes()) + 20
    newest.write_bytes(
        {
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "text": b"what?",
            "flipped": whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :],
        }[kind]
    )
    assert run.load_state()["step"] == 8


def test_no_readable_state_at_all_is_an_error_and_not_a_fresh_start(run):
    run.save_state(8, state(8))
    run.states()[0].write_bytes(b"")
    with refuses(RunError):
        run.load_state()


@pytest.mark.parametrize("where", ["fsync", "write"])
def test_a_full_disk_keeps_the_old_state(run, monkeypatch, where):
    run.save_state(8, state(8))
    before = everything(run)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full) if where == "fsync" else monkeypatch.setattr(
        np, "savez", full
    )
    with refuses(RunError) as caught:
        run.save_state(16, state(16))
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert everything(run) == before
    assert run.load_state()["step"] == 8


def test_a_full_disk_keeps_the_documents(run, monkeypatch):
    run.update_info(status="running")
    before = everything(run)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (lambda: run.update_info(status="finished"), lambda: run.forget_after(0)):
        with refuses(RunError):
            write()
    monkeypatch.undo()
    assert everything(run) == before


def test_no_part_is_left_when_the_writer_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


# --- log -------------------------------------------------------------------------------------


def test_the_log_is_trimmed_to_the_state(run):
    assert run.rows() == []
    for step in (8, 16, 24):
        run.log({"step": step, "kimg": step / 10})
    assert [row["step"] for row in run.rows()] == [8, 16, 24]
    run.forget_after(16)
    assert [row["step"] for row in run.rows()] == [8, 16]
    run.log({"step": 24, "kimg": 2.4})
    assert [row["step"] for row in run.rows()] == [8, 16, 24]


@pytest.mark.parametrize("tail", ['{"step": 16, "ki', "{", "\0\0\0\0"])
def test_a_last_line_cut_by_a_crash_is_left_out(run, tail):
    run.log({"step": 8, "kimg": 0.8})
    with (run.folder / "log.jsonl").open("ab") as file:
        file.write(tail.encode())
    assert run.rows() == [{"step": 8, "kimg": 0.8}]
    assert not run.faults(), "a resumed run repeats that tick"
    run.forget_after(8)
    run.log({"step": 16, "kimg": 1.6})
    assert [row["step"] for row in run.rows()] == [8, 16]


def test_run_json_survives_damage(run):
    run.update_info(status="finished", data={"names": ["ä"]})
    run.update_info(parent=None)
    assert run.info == {"status": "finished", "data": {"names": ["ä"]}, "parent": None}
    (run.folder / "run.json").write_text("{")
    assert run.info == {}


# --- models ----------------------------------------------------------------------------------


def test_three_models_are_kept(run):
    for kimg in (0, 5, 10, 20, 1000):
        run.save_model(kimg, Generator())
    assert [path.stem for path in run.models()] == ["000010", "000020", "001000"]


def test_the_best_model_is_kept_apart(run):
    """A later model of the same thousand images takes its place nowhere."""
    run.declare_best({"model": run.save_model(5, Generator("best"), best=True).name})
    for kimg in (5, 6, 7, 8):
        run.save_model(kimg, Generator("later"))
    assert run.model().read_text() == "best" and run.model("last").read_text() == "later"
    assert [path.stem for path in run.models()] == ["000006", "000007", "000008"]
    run.declare_best({"model": run.save_model(9, Generator("better"), best=True).name})
    assert run.model().read_text() == "better"
    assert [path.name for path in run.model().parent.glob("best-*")] == ["best-000009.keras"]


def test_a_full_disk_keeps_the_old_model(run):
    run.save_model(5, Generator("old"))
    before = everything(run)
    full = OSError(errno.ENOSPC, "No space left on device")
    with refuses(RunError):
        run.save_model(5, Generator("new", full))
    assert [path.name for path in run.models()] == ["000005.keras"]
    assert everything(run) == before


def test_list_runs(tmp_path):
    with refuses(RunError):
        list_runs(tmp_path / "nowhere")
    assert list_runs(tmp_path) == []
    for name in ("b", "a"):
        Run.create(tmp_path / name, "words", Config())
    (tmp_path / "no run").mkdir()
    assert [run.folder.name for run in list_runs(tmp_path)] == ["a", "b"]


def test_states_to_go_back_to(tmp_path):
    """The last few are kept; those after a cure's own are another game's."""
    run = Run(tmp_path)
    (tmp_path / "state").mkdir()
    for step in range(1, 10):
        run.save_state(step, {"step": np.array(step)})
        run.keep_healthy(step)
    assert [path.stem for path in (run.healthy(), run.healthy(6.5))] == ["000000009", "000000006"]
    assert run.healthy(3) is None
    run.forget_healthy("000000006.healthy")
    assert run.healthy() == run.healthy(6)
    run.forget_healthy(None)
    assert run.healthy() is None
