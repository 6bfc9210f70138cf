"""Remote storage, by fsspec's file system in memory and one that breaks on command."""

import json
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ganvas.cli import run_command
from ganvas.config import load_recipe
from ganvas.data import Options, load, prepare
from ganvas.errors import DataError, Diverged, ModelError, RunError, UsageError
from ganvas.storage import manifest, mirror, remote
from ganvas.storage.run import Run
from refusals import refuses


class Flaky(MemoryFileSystem):
    """Counts what is read, and refuses to write what is named."""

    protocol = "flaky"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    asked: ClassVar[list] = []
    refused = ""
    error: ClassVar[BaseException] = PermissionError("no right to write")

    def cat_file(self, path, start=None, end=None, **options):
        self.asked.append((path.rpartition("/")[2], start, end))
        return super().cat_file(path, start=start, end=end, **options)

    def put_file(self, lpath, rpath, **options):
        if self.refused and self.refused in rpath:
            raise self.error
        return super().put_file(lpath, rpath, **options)

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("flaky://", "memory://"))


@pytest.fixture
def shop(monkeypatch, tmp_path):
    """A fresh store; "memory://" and "flaky://" lead into it. What is kept of runs goes, too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    Flaky.store.clear()
    Flaky.asked.clear()
    MemoryFileSystem.store.clear()
    monkeypatch.setattr(Flaky, "refused", "")
    return Flaky


@pytest.mark.parametrize(
    "word, address, path",
    [
        ("gs://b/x/", "gs://b/x", None),
        (Path("gs://b/x"), "gs://b/x", None),
        ("memory://x", "memory://x", None),
        ("file:///tmp/x", None, "/tmp/x"),
        (Path("file:///tmp/x"), None, "/tmp/x"),
        ("keras:mnist", None, "keras:mnist"),
        ("mnist:test", None, "mnist:test"),
        ("a/b.npz:test", None, "a/b.npz:test"),
        ("c:/x", None, "c:/x"),
        ("c:/runs/gs://b", None, "c:/runs/gs:/b"),
    ],
)
def test_what_is_an_address(word, address, path):
    assert remote.address(word) == address
    assert path is None or remote.path(word) == Path(path)


@pytest.mark.parametrize(
    "word",
    ["gs://b/x", "s3://b/x.npz:train", "/tmp/x", "file:///x", "mnist:test", "keras:mnist",
     "tfds:mnist", "tfds:mnist:train[:10%]", ""],
)  # fmt: skip
def test_what_a_file_may_name(word):
    assert remote.trusted(word) == word


@pytest.mark.parametrize(
    "word",
    ["http://b/x", "https://b/x", "ftp://b/x", "webhdfs://b/x", "github://b/x", "memory://x",
     "s3://b::http://c", "file:///x::http://c", "tfds:https://b/x", "tfds:huggingface:mnist/x",
     "tfds:a/b", "tfds:/tmp/x", "tfds:"],
)  # fmt: skip
def test_what_a_file_may_not_name(word):
    with refuses(UsageError, word):
        remote.trusted(word)


def test_other_schemes_are_trusted_if_allowed():
    assert remote.trusted("memory://x", ["memory"]) == "memory://x"
    with refuses(UsageError, "s3://x", "memory://"):
        remote.trusted("s3://x", ["memory"])
    with refuses(UsageError, "s3://x", "none"):
        remote.trusted("s3://x", [])


def test_no_path_is_no_address():
    assert remote.address(None) is remote.address(np.zeros(3)) is None


@pytest.mark.parametrize(
    "word, sentence",
    [
        ("gs://b/x", "gs://b/x needs the file system 'gs': pip install gcsfs"),
        ("s3://b/x", "s3://b/x needs the file system 's3': pip install s3fs"),
        ("abfs://b/x", "abfs://b/x needs the file system 'abfs': pip install adlfs"),
        ("hdsf://b/x", "hdsf://b/x: there is no file system 'hdsf': give a folder"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ["train", "{}", "--recipe", "quick"], ["train", "mnist", "--run", "{}"], ["resume", "{}"],
        ["prepare", "{npz}", "--to", "{}"], ["sample", "{}"], ["evaluate", "{}"],
        ["export", "{}", "--to", "m"], ["doctor", "{}"], ["serve", "{}"],
    ],
)  # fmt: skip
def test_a_missing_plug_in_is_one_line(word, sentence, words, npz, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    get = fsspec.core.get_filesystem_class

    def without(scheme):  # as where no plug-in is installed
        if scheme in remote.PLUGINS:
            raise ImportError(f"install {scheme}")
        return get(scheme)

    for module in ("fsspec.core", "fsspec.registry"):
        monkeypatch.setattr(sys.modules[module], "get_filesystem_class", without)
    assert run_command([w.format(word, npz=npz) for w in words]) == 2
    error = capsys.readouterr().err
    assert error.count("error:") == 1 and sentence in error
    assert not [p for p in tmp_path.iterdir() if p.name != "m"]


def test_a_store_that_cannot_be_reached_is_one_line(shop, monkeypatch):
    monkeypatch.setattr(Flaky, "find", lambda *_, **__: (_ for _ in ()).throw(OSError("no route")))
    with refuses(UsageError, "flaky://x"):
        remote.copy("flaky://x")


def test_a_name_that_leads_out_is_refused(shop, tmp_path):
    Flaky.store["/x/../../evil"] = None
    with refuses(UsageError):
        remote.Store("flaky://x").get("../../evil", tmp_path / "a")


# --- images ---------------------------------------------------------------------------------


def test_shards_are_read_in_ranges_and_are_the_same(shop, grey, tmp_path):
    prepare(grey, tmp_path / "near", shard_mb=1)
    assert prepare(grey, "flaky://set", shard_mb=1) == "flaky://set"
    Flaky.asked.clear()
    near, far = load(tmp_path / "near"), load("flaky://set", Options())
    assert {name for name, *_ in Flaky.asked} == {"index.json", "index.npz"}, "no shard is copied"
    assert far.fingerprint == near.fingerprint
    for one, other in zip(near.stream(8, 0).take(3), far.stream(8, 0).take(3), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    Flaky.asked.clear()
    far.read(np.arange(2))
    ((name, start, end),) = Flaky.asked
    assert name == "00000.tfrecord" and start == 0 and 512 < end < 1024


@pytest.mark.parametrize("refused", ["00000.tfrecord", "index.npz", "index.json"])
def test_a_packing_that_was_cut_off_is_not_read_and_is_done_again(shop, grey, refused):
    shop.refused = refused
    with refuses(UsageError):
        prepare(grey, "flaky://set")
    with refuses(DataError, "`ganvas prepare`"):
        load("flaky://set")
    shop.refused = ""
    prepare(grey, "flaky://set")
    assert len(load("flaky://set").hashes) == 256
    with refuses(DataError):
        prepare(grey, "flaky://set")


@pytest.mark.parametrize("damage", ["missing", "short", "corrupt"])
def test_a_damaged_shard_is_named(shop, grey, damage):
    prepare(grey, "flaky://set")
    system = fsspec.filesystem("flaky")
    content = system.cat_file("/set/00000.tfrecord")
    if damage == "missing":
        system.rm_file("/set/00000.tfrecord")
    else:
        bad = content[:-1] if damage == "short" else bytes(len(content))
        system.pipe_file("/set/00000.tfrecord", bad)
    with refuses(DataError, "flaky://set/00000.tfrecord"):
        load("flaky://set").read(np.arange(2))


def test_a_file_of_arrays(shop, npz):
    remote.Store("flaky://b").put(npz, "bars.npz")
    assert load("flaky://b/bars.npz").fingerprint == load(npz).fingerprint
    with refuses(DataError, "flaky://b/bar.npz"):
        load("flaky://b/bar.npz")
    with refuses(DataError, "train"):
        load("flaky://b/bars.npz:tset")
    assert load(f"file://{npz}").fingerprint == load(npz).fingerprint


# --- runs -----------------------------------------------------------------------------------


def played(run: Run, ticks: int, mirrored=None) -> None:
    for _ in range(ticks):
        step = len(run.rows()) + 1
        run.log({"step": step, "kimg": float(step), "seconds": 1.0})
        run.save_state(step, {"step": np.array(step)})
        if mirrored:
            mirrored.after(None)(run)


@pytest.fixture
def work(shop):
    """A run at an address, two ticks old, and its mirror."""
    mine = mirror.Mirror("flaky://runs/a", new=True)
    run = Run.create(mine.folder, "x", load_recipe("quick"))
    with run.locked():
        played(run, 2, mine)
    return run, mine


def test_a_run_is_there_after_each_tick(work, shop):
    run, mine = work
    far = Run.open("flaky://runs/a")
    assert far.folder != run.folder and far.where == "flaky://runs/a"
    assert far.config == run.config and far.rows() == run.rows()
    assert int(far.load_state()["step"]) == 2
    played(run, 2, mine)
    again = Run.open("flaky://runs/a")
    assert [path.stem for path in again.states()] == ["000000003", "000000004"], "old ones go"
    names = remote.Store("flaky://runs/a").files()
    assert not [name for name in names if Path(name).name.startswith(".")], "no locks, no parts"


@pytest.mark.parametrize("refused", ["state/", "log.jsonl"])
def test_cut_off_within_a_tick_nothing_but_the_tick_is_lost(work, shop, refused):
    run, mine = work
    shop.refused = refused
    with pytest.warns(Warning, match="sent again after the next tick"):
        played(run, 1, mine)
    killed = mirror.Mirror("flaky://runs/a", new=False)
    far = Run(killed.folder)
    step = int(far.load_state()["step"])
    assert step == 2 and far.rows()[1]["step"] == 2
    shop.refused = ""
    far.forget_after(step)
    played(far, 1, killed)
    assert [row["step"] for row in Run.open("flaky://runs/a").rows()] == [1, 2, 3]


@pytest.mark.parametrize("refused", ["config.toml", "log.jsonl"])
def test_a_first_sending_that_is_cut_off_is_in_nobodys_way(shop, refused):
    mine = mirror.Mirror("flaky://runs/b", new=True)
    run = Run.create(mine.folder, "x", load_recipe("quick"))
    run.write("best.json", "{}")
    shop.refused = refused
    with run.locked(), pytest.warns(Warning, match="sent again"):
        played(run, 1, mine)
    shop.refused = ""
    began = refused == "log.jsonl"
    again = mirror.Mirror("flaky://runs/b", new=not began)
    assert (again.folder / "config.toml").exists() == began


def test_what_was_not_sent_is_sent_later(work, shop):
    run, mine = work
    shop.refused = "0003.npz"
    with pytest.warns(Warning, match="no right to write"):
        played(run, 1, mine)
    shop.refused = ""
    played(run, 1, mine)
    assert [path.stem for path in Run.open("flaky://runs/a").states()] == ["000000003", "000000004"]


def test_of_two_that_go_on_with_a_run_the_first_one_stops(work, shop):
    run, mine = work
    other = mirror.Mirror("flaky://runs/a", new=False)
    with refuses(RunError):
        played(run, 1, mine)
    played(Run(other.folder), 1, other)
    assert [row["step"] for row in Run.open("flaky://runs/a").rows()] == [1, 2, 3]
    assert mine.folder.is_dir()


def test_a_new_run_takes_no_other_place(work, shop, tmp_path):
    with refuses(RunError):
        mirror.Mirror("flaky://runs/a", new=True)
    with refuses(RunError):
        mirror.Mirror("flaky://runs", new=True)


def test_an_end_that_cannot_be_sent_keeps_the_run(work, shop):
    run, mine = work
    shop.refused = "state/"
    with refuses(UsageError) as error, mine.at_the_end():
        played(run, 1)
    kept = Path(str(error.value).rpartition("run is in ")[2])
    assert int(Run(kept).load_state()["step"]) == 3


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), Diverged("gone"), RunError("the disk")])
def test_whatever_ends_a_run_it_is_sent_or_kept(work, shop, caplog, monkeypatch, raised):
    run, mine = work
    kept = []
    monkeypatch.setattr(remote, "keep", lambda folder: kept.append(folder) or folder)
    with pytest.raises(type(raised)), mine.at_the_end():
        played(run, 1)
        raise raised
    assert Run.open("flaky://runs/a").rows()[-1]["step"] == 3
    shop.refused = "state/"
    with pytest.raises(type(raised)), mine.at_the_end():
        played(run, 1)
        raise raised
    notes = getattr(raised, "__notes__", [caplog.text])
    assert f"the complete run is in {run.folder}" in notes[-1] and notes[-1] in caplog.text
    assert kept == [run.folder]


@pytest.mark.parametrize("error", [FileNotFoundError("no bucket"), KeyboardInterrupt()])
def test_however_a_last_sending_fails_the_run_is_kept(work, shop, monkeypatch, error):
    run, mine = work
    kept = []
    monkeypatch.setattr(remote, "keep", lambda folder: kept.append(folder) or folder)
    monkeypatch.setattr(shop, "error", error)
    shop.refused = "state/"
    end = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UsageError
    with pytest.raises(end) as raised, mine.at_the_end():
        played(run, 1)
    said = str(raised.value) + "".join(getattr(raised.value, "__notes__", ()))
    assert kept == [run.folder] and f"the complete run is in {run.folder}" in said


# --- models ---------------------------------------------------------------------------------


def test_a_model_is_there_when_its_manifest_is(shop, tmp_path):
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "z.tflite").write_bytes(bytes(number))
        manifest.write(folder, {"names": []})
        shop.refused = "2/z" if number == 2 else ""
        try:
            remote.Store(f"flaky://m/{number}").publish(folder, manifest.NAME)
        except UsageError:
            assert number == 2
    assert manifest.is_model("flaky://m") and not manifest.is_model("flaky://none")
    assert list(manifest.versions("flaky://m")) == [1]
    assert manifest.locate("flaky://m") == manifest.locate("flaky://m/1")
    assert list(manifest.verify("flaky://m")["files"]) == ["z.tflite"]
    fsspec.filesystem("flaky").pipe_file("/m/1/z.tflite", b"other")
    with refuses(ModelError, "sha256"):
        manifest.verify("flaky://m")
    with refuses(ModelError, "flaky://none"):
        manifest.verify("flaky://none/")
    assert json.loads(remote.read("flaky://m/1", manifest.NAME))["names"] == []


def test_a_server_copies_what_is_whole_and_wanted(shop, tmp_path):
    config = pytest.importorskip("ganvas.serve.config", reason="the extra [serve] is not installed")
    system = fsspec.filesystem("flaky")

    def put(number, *names):
        for name in names:
            system.pipe_file(f"/m/{number}/{name}", b"x")

    entry = config.entry_of("m", "flaky://m")
    put(1, "saved_model.pb", manifest.NAME)
    put(2, "saved_model.pb")
    entry.fetch()
    assert {path.name for path in entry.folder.iterdir()} == {"1"}, "2 is still being sent"
    put(2, manifest.NAME)
    entry.fetch()
    assert {path.name for path in entry.folder.iterdir()} == {"2"}, "1 is in memory"
    system.rm("/m/2", recursive=True)
    entry.fetch()
    assert {path.name for path in entry.folder.iterdir()} == {"1"}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="cannot be reached"):
        patch.setattr(shop, "find", lambda *_, **__: 1 / 0)
        entry.fetch()
    assert config.entry_of("m", f"file://{tmp_path}").folder == tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "run", "--out", "memory://drawn"],
        ["sample", "run", "--out", "memory://drawn", "--shards"],
        ["morph", "run", "--out", "memory://film.gif"],
        ["prepare", "pictures", "--to", "memory://packed", "--workers", "2"],
        ["train", "mnist", "--run", "memory://run", "--workers", "2"],
    ],
)
def test_where_no_address_can_be(words, shop, capsys, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    assert run_command(words) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("error: memory://") and "give a folder" in complaint
    assert not list(tmp_path.iterdir()) and not shop.store
