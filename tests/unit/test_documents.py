"""Damaged files of a run: one sentence each, and what can still be read is used."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor

import filelock
import numpy as np
import pytest

from ganvas.base.building import building
from ganvas.base.files import is_locked
from ganvas.config import Config
from ganvas.errors import Advice, ModelError, RunError
from ganvas.gan.networks import DCGAN
from ganvas.sampling.sampler import load
from ganvas.storage import manifest
from ganvas.storage.run import Run, fresh
from refusals import refuses

FACTS = {"shape": [16, 16, 1], "names": [], "class_shares": []}
BEST = {"model": "best-000001.keras", "by": "kid", "kid": 0.5, "step": 8, "kimg": 1}


@pytest.fixture(scope="module")
def generator():
    with building(0):
        return DCGAN(noise=4, width=4).generator((16, 16, 1))


@pytest.fixture
def run(generator, tmp_path) -> Run:
    """A whole run: two models and the best, two states, a row."""
    run = Run.create(tmp_path / "runs" / "whole", "", Config())
    run.update_info(status="finished", data=FACTS)
    run.log({"step": 8, "kimg": 1.0, "seconds": 2.0})
    for kimg in (1, 2):
        run.save_model(kimg, generator)
        run.save_state(kimg, {"step": np.array(kimg)})
    run.save_model(1, generator, best=True)
    run.declare_best(BEST)
    return run


def damage(run: Run, name: str, content: bytes) -> None:
    (run.folder / name).write_bytes(content)


def test_a_whole_run_has_no_faults(run):
    assert run.faults() == []


CASES = {
    "nothing": ("run.json", b""),
    "not UTF-8": ("run.json", b"\xff\xfe\x00bad"),
    "a list": ("run.json", b"[1, 2]"),
    "status": ("run.json", b'{"status": 3}'),
    "healed": ("run.json", b'{"healed": ["x"]}'),
    "fix": ("run.json", b'{"healed": [{"disease": "x", "kimg": 1}]}'),
    "diverged": ("run.json", b'{"diverged": {"kimg": "1"}}'),
    "counts": ("data.json", b'{"used": "many"}'),
    "sizes": ("data.json", b'{"sizes": {"largest": 3}}'),
    "no score": ("best.json", b'{"model": "best-000001.keras"}'),
    "cut": ("best.json", b'{"model": "best-0'),
    "recipe": ("config.toml", b"loss = "),
    "no step": ("log.jsonl", b'{"kimg": 1}\n'),
    "text": ("log.jsonl", b'{"kimg": 1, "step": 2, "score/kid": "x"}\n'),
    "no JSON": ("log.jsonl", b"\0\0\0\n"),
    "model": ("models/000002.keras", b"PK"),
    "best model": ("models/best-000001.keras", b""),
    "state": ("state/000000002.npz", b"PK"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_damage_is_one_sentence_and_the_run_is_listed(case, run, here):
    name, content = CASES[case]
    damage(run, name, content)
    [sentence] = run.faults()
    assert sentence.startswith(f"{run.folder}/{name}") and "\n" not in sentence
    other = Run.create(run.folder.with_name("other"), "", Config())
    done = here("runs", run.folder.parent)
    assert done.returncode == 0 and done.stderr == f"note: {sentence}\n"
    rows = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()[1:]}
    assert rows == {"whole": "damaged", other.folder.name: "stopped"}


def test_a_readable_model_is_taken_for_a_damaged_one(run):
    assert load(run).file.name == "best-000001.keras"
    damage(run, "models/best-000001.keras", b"PK")
    with pytest.warns(Advice, match=r"best-000001.keras is damaged .*; 000002.keras is used"):
        assert load(run).file.name == "000002.keras"
    damage(run, "models/000002.keras", b"")
    with pytest.warns(Advice):
        assert load(run, "last").file.name == "000001.keras"
    damage(run, "models/000001.keras", b"")
    with refuses(ModelError, "best-000001.keras", "copy"):
        load(run)


def test_the_best_model_is_found_by_its_name_if_best_json_is_damaged(run):
    for content in (b"", b"[]", b'{"kimg": 1}'):
        damage(run, "best.json", content)
        assert run.best == {}
        assert load(run).file.name == "best-000001.keras"


def test_a_state_that_belongs_to_another_program_is_none(run):
    for name in ("._000000001.npz", "x.npz", "._1.healthy"):
        damage(run, f"state/{name}", b"x")
    assert [path.name for path in run.states()] == ["000000001.npz", "000000002.npz"]
    assert run.healthy() is None


# --- disks that cannot be written --------------------------------------------------------------


def read_only(*_):
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_read_only_run_is_listed_and_sampled(run, here, monkeypatch):
    run.update_info(status="running")
    (run.folder / ".lock").unlink()
    before = sorted(run.folder.rglob("*"))
    monkeypatch.setattr(filelock.FileLock, "_acquire", read_only)
    done = here("runs", run.folder.parent)
    assert done.returncode == 0 and done.stdout.split()[-1] == "stopped"
    assert load(run).sample(2).shape == (2, 16, 16, 1)
    assert sorted(run.folder.rglob("*")) == before
    with refuses(RunError, "Read-only"), run.locked():
        pass


def test_a_lock_that_can_only_be_read_shows_whether_it_is_held(run, monkeypatch):
    lock = run.folder / ".lock"
    lock.touch()
    with filelock.FileLock(lock):
        monkeypatch.setattr(filelock.FileLock, "_acquire", read_only)
        assert is_locked(lock)
        monkeypatch.undo()
    monkeypatch.setattr(filelock.FileLock, "_acquire", read_only)
    assert not is_locked(lock)


# --- claims ------------------------------------------------------------------------------------


def test_all_that_begin_at_once_get_different_folders(tmp_path):
    with ThreadPoolExecutor(8) as several:
        folders = [*several.map(lambda _: fresh(tmp_path / "runs", "cats"), range(32))]
    assert len(set(folders)) == 32 and {path.name for path in folders} == {
        path.name for path in (tmp_path / "runs").iterdir()
    }


def test_the_second_of_two_that_name_one_folder_is_refused(tmp_path, monkeypatch):
    """The first one makes its run after the second one has looked."""
    look = Run.check_free

    def slow(folder):
        look(folder)
        monkeypatch.setattr(Run, "check_free", staticmethod(look))
        Run.create(folder, "", Config(recipe="first"))

    monkeypatch.setattr(Run, "check_free", staticmethod(slow))
    with refuses(RunError, "already holds a run"):
        Run.create(tmp_path / "run", "", Config(recipe="second"))
    assert Run.open(tmp_path / "run").config.recipe == "first"


# --- files of desktops and file servers --------------------------------------------------------

CLUTTER = (".DS_Store", "._1", "Thumbs.db", "Desktop.ini", "@eaDir/x.png")


def clutter(folder):
    for name in CLUTTER:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_clutter_is_no_content_of_a_new_run(tmp_path):
    clutter(tmp_path / "runs" / "new")
    run = Run.create(tmp_path / "runs" / "new", "", Config())
    clutter(run.folder)
    clutter(tmp_path / "runs")
    for folder in ("state", "models"):
        clutter(run.folder / folder)
    assert run.faults() == [] and run.states() == run.models() == []


def test_clutter_in_an_exported_model_is_left_out_and_other_files_are_refused(tmp_path):
    version = tmp_path / "model" / "1"
    (version / "variables").mkdir(parents=True)
    (version / "a.bin").write_text("a")
    manifest.write(version, FACTS)
    for folder in (version.parent, version, version / "variables"):
        clutter(folder)
    assert list(manifest.versions(version.parent)) == [1]
    assert manifest.verify(version.parent)["files"].keys() == {"a.bin"}
    for name in (".hidden", "variables/x", "._x/saved_model.pb"):
        (version / name).parent.mkdir(exist_ok=True)
        (version / name).write_text("x")
        with refuses(ModelError, name):
            manifest.verify(version)
        (version / name).unlink()


def test_clutter_that_was_exported_is_checked(tmp_path):
    version = tmp_path / "1"
    version.mkdir()
    (version / "Thumbs.db").write_text("x")
    manifest.write(version, FACTS)
    assert "Thumbs.db" in json.loads((version / "manifest.json").read_text())["files"]
    (version / "Thumbs.db").write_text("y")
    with refuses(ModelError, "Thumbs.db"):
        manifest.verify(version)
