"""Several processes by Ray do what one does: the same images, the same files, the same curves."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import cluster
from ganvas.cluster import packer, packing, ray as our_ray, training
from ganvas.cluster.ray import team
from ganvas.cluster.sampling import Drawer, Request, _request
from ganvas.data import Options
from ganvas.errors import (
    Advice,
    ConfigError,
    DataError,
    MissingExtra,
    RunError,
    UsageError,
    WorkerGone,
)
from ganvas.storage import job
from ganvas.storage.run import Run
from refusals import refuses

pytest.importorskip("ray", reason="needs the extra: pip install 'ganvas[cluster]'")

PLAIN = {"networks.minibatch": "none", "networks.norm": "none"}  # nothing within a replica


@pytest.fixture(scope="module")
def tiny(few_steps) -> dict:
    """Values of a run of two ticks."""
    return {**few_steps, **PLAIN, "penalties": [], "train.kimg": 0.256}


@pytest.fixture(scope="module")
def run(npz, tiny, tmp_path_factory) -> Run:
    """A short run with two classes."""
    folder = tmp_path_factory.mktemp("scale") / "run"
    return ganvas.train(npz, "quick", run=folder, overrides=tiny, progress=False)


def open_to_the_network() -> list[str]:
    """Addresses on which processes that this one started listen, but the loopback's."""
    sockets = set()
    for pid in below(os.getpid()):
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                sockets.add(str(link.readlink()))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            listens = words[3] == "0A" and f"socket:[{words[9]}]" in sockets
            if listens and not words[1].partition(":")[0].endswith("0100007F"):
                found.append(words[1])
    return found


@pytest.fixture(scope="module")
def two():
    """A small Ray of our own for all tests of this module."""
    import ray

    with cluster.joined(2) as threads:
        assert threads == max(1, (os.cpu_count() or 1) // 2)
        assert ray.util.get_node_ip_address() == "127.0.0.1"
        assert not open_to_the_network(), "whatever Ray listens on, it is the loopback alone"
        yield
    assert not ray.is_initialized()


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Files of several formats and sizes in two classes, some of them broken."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(1203):
        path = folder / f"class{i % 2}" / f"{i:04d}{('.png', '.jpg', '.webp', '.bmp')[i % 4]}"
        path.parent.mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (24 + i % 3, 24 + i % 5, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        if i % 100 == 4:
            path.write_bytes(path.read_bytes()[: 60 if i % 200 == 4 else 10])
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every visible file, by name, as its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    }


# --- drawing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, pytest.param(2, marks=pytest.mark.proof)])
def test_a_draw_is_what_the_sampler_gives(workers, request, run, tmp_path):
    """Whole and part by part; of a run that is called by its address on this machine."""
    if workers:
        request.getfixturevalue("two")
    expected, out = ganvas.load(run).sample(300, seed=7), tmp_path / "out"
    address = Path(f"file://{run.folder}")
    result = cluster.draw(address, out, 300, seed=7, workers=workers)
    assert result.drawn == 300 and [part.count for part in result.parts] == [64] * 4 + [44]
    listed = json.loads((out / "samples.json").read_text())
    assert result.to_dict() == {**listed, "drawn": 300}
    for index, picture in enumerate(expected):
        with Image.open(out / f"{index:06d}.png") as file:
            np.testing.assert_array_equal(np.asarray(file), picture[..., 0])
            assert file.text["index"] == str(index)
    cluster.draw(address, tmp_path / "again", 300, seed=7)
    assert contents(tmp_path / "again") == contents(out)


def test_only_what_is_missing_is_drawn(run, tmp_path):
    out = tmp_path / "out"
    cluster.draw(run, out, 200, seed=1)
    before = contents(out)
    assert cluster.draw(run, out, 200, seed=1).drawn == 0
    (out / "000070.png").unlink()  # of the second part
    (out / "samples.json").unlink()
    (out / ".parts" / "00003.npz").write_bytes(b"cut")
    assert cluster.draw(run, out, 200, seed=1).drawn == 64 + 8
    assert contents(out) == before


def test_shards_are_images_like_any_others(run, tmp_path):
    cluster.draw(run, tmp_path / "out", 200, seed=3, shards=True)
    images = ganvas.data.load(tmp_path / "out", Options(holdout=0))
    sampler = ganvas.load(run)
    np.testing.assert_array_equal(images.pixels(np.arange(200)), sampler.sample(200, seed=3))
    np.testing.assert_array_equal(images.labels, sampler.labels(200, None, 3))
    assert images.names == ("0", "1")


def test_noise_far_ahead_is_that_of_the_stream(run, tmp_path):
    request: Request = _request(run, 20_000, 5, None, 1.0, "best", False)
    drawer = Drawer(request, tmp_path)
    rows = drawer.sampler.noise(20_000, 5)
    for start, stop in ((9_000, 9_010), (9_010, 9_100), (64, 128), (19_990, 20_000)):
        np.testing.assert_array_equal(drawer.noise(start, stop), rows[start:stop])


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"n": 65}, {"truncation": 0.5}, {"label": "1"}, {"shards": True}]
)
def test_a_folder_of_something_else_is_refused(change, run, tmp_path):
    words = {"n": 64, "seed": 1}
    cluster.draw(run, tmp_path / "out", **words)
    before = contents(tmp_path / "out")
    with pytest.raises(RunError, match=next(iter(change)).replace("shards", "form")):
        cluster.draw(run, tmp_path / "out", **(words | change))
    assert contents(tmp_path / "out") == before
    with refuses(RunError):
        cluster.draw(run, run.folder, **words)


@pytest.mark.parametrize("shards", [False, True])
def test_a_draw_goes_on_whatever_the_run_is_called(shards, run, tmp_path, monkeypatch):
    monkeypatch.chdir(run.folder.parent)
    words = {"n": 130, "shards": shards}
    cluster.draw("run", tmp_path / "whole", **words)
    out = tmp_path / "out"
    for name in ("run", run.folder, f"file://{run.folder}"):
        result = cluster.draw(name, out, **words)
        assert result.drawn == (130 if name == "run" else 2)
        assert contents(out) == contents(tmp_path / "whole")
        (out / ".parts" / "00002.npz").unlink()
        (out / "samples.json").unlink()


def test_a_draw_of_another_model_is_refused(run, tmp_path):
    cluster.draw(run, tmp_path / "out", 64)
    before = contents(tmp_path / "out")
    other = tmp_path / "other"
    shutil.copytree(run.folder, other)
    with Run(other).model().open("ab") as file:
        file.write(b"more")
    with refuses(RunError):
        cluster.draw(other, tmp_path / "out", 64)
    assert contents(tmp_path / "out") == before


def test_a_run_may_be_called_by_an_address_of_this_machine(run, tmp_path):
    result = cluster.draw(f"file://{run.folder}", tmp_path / "out", 130, shards=True)
    assert result.drawn == 130
    images = ganvas.data.load(tmp_path / "out", Options(holdout=0))
    np.testing.assert_array_equal(images.pixels(np.arange(130)), ganvas.load(run).sample(130))


def test_a_label_that_is_not_there_leaves_nothing(run, tmp_path):
    with refuses(UsageError, "'cat'"):
        cluster.draw(run, tmp_path / "out", 64, label="cat")
    assert not (tmp_path / "out").exists()


def test_one_at_a_time_fills_a_folder(tmp_path):
    request = {"n": 1}
    with job.claimed(tmp_path / "a", request):
        with (
            refuses(RunError),
            job.claimed(tmp_path / "a", request),
        ):
            pass
        (tmp_path / "a" / "part").write_text("made")
    assert job.is_begun(tmp_path / "a", request)


# --- packing ------------------------------------------------------------------------------------


def test_any_number_of_workers_packs_the_same_files(two, photos, tmp_path):
    options = Options(size=16)
    ganvas.prepare(photos, tmp_path / "alone", options, shard_mb=1)
    cluster.pack(photos, tmp_path / "by none", options, 1)
    cluster.pack(photos, tmp_path / "by 2", options, 1, workers=2)
    alone = contents(tmp_path / "alone")
    assert contents(tmp_path / "by none") == contents(tmp_path / "by 2") == alone
    report = json.loads((tmp_path / "by 2" / "index.json").read_text())["report"]
    names = sorted(path.name for path in photos.rglob("*.*") if int(path.stem) % 100 == 4)
    assert sorted(Path(one["path"]).name for one in report["unreadable"]) == names
    assert cluster.pack(photos, tmp_path / "by 2", options, 1, workers=2) == tmp_path / "by 2"
    assert not list(tmp_path.glob(".*")), "no scratch is left"
    with refuses(RunError, "size"):
        cluster.pack(photos, tmp_path / "by 2", Options(size=8), 1)


def test_packing_goes_on_where_it_was_cut(photos, tmp_path, monkeypatch):
    ganvas.prepare(photos, tmp_path / "alone", Options(size=16), shard_mb=1)
    done: list[str] = []
    original = packing.Packer.__call__

    def counted(self, job):
        done.append(f"{type(job).__name__}{job.number}")
        if len(done) == 5:
            raise KeyboardInterrupt
        return original(self, job)

    monkeypatch.setattr(packing.Packer, "__call__", counted)
    with pytest.raises(KeyboardInterrupt):
        cluster.pack(photos, tmp_path / "out", Options(size=16), 1)
    assert not (tmp_path / "out").exists()
    cluster.pack(photos, tmp_path / "out", Options(size=16), 1)
    assert done.count("Decode0") == 1 and done.count("Decode1") == 2, "the cut one is done again"
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


def draw(path: Path, number: int) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    pixels = np.random.default_rng(number).integers(0, 256, (20, 20 + number % 3, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("options", [Options(labels=False), Options(channels=1, fit="pad")])
def test_odd_folders_are_packed_as_one_process_packs_them(options, tmp_path, monkeypatch):
    """Odd names, links, and one that leads nowhere; and from within."""
    for number, name in enumerate(["a/b", "a-b/c", "a b/ä", "a.b/d.e", "a/b.c", "a/b-c"]):
        draw(tmp_path / "set" / f"{name}.png", number)
    (tmp_path / "set" / "a" / "link.png").symlink_to("b.png")
    (tmp_path / "set" / "a" / "nowhere.png").symlink_to("c.png")
    monkeypatch.chdir(tmp_path / "set")
    ganvas.prepare(".", tmp_path / "alone", options)
    cluster.pack(".", tmp_path / "packed", options)
    assert contents(tmp_path / "packed") == contents(tmp_path / "alone")
    listed = json.loads((tmp_path / "packed" / "index.json").read_text())["report"]["unreadable"]
    assert [one["path"] for one in listed] == ["a/nowhere.png"]


def test_nothing_stays_where_all_are_cut(tmp_path):
    for number in range(3):
        draw(tmp_path / "set" / f"{number}.png", number)
        path = tmp_path / "set" / f"{number}.png"
        path.write_bytes(path.read_bytes()[:200])  # the header is whole
    with refuses(DataError, "3"):
        cluster.pack(tmp_path / "set", tmp_path / "packed")
    assert {path.name for path in tmp_path.iterdir()} == {"set"}


@pytest.mark.parametrize("at_first", [["03"], ["10"], []])
@pytest.mark.parametrize("later", [["03"], ["10"], []])
@pytest.mark.parametrize("cut", ["decode", "write"])
def test_packing_goes_on_though_files_read_otherwise_now(
    at_first, later, cut, tmp_path, monkeypatch
):
    """Rights tell nothing by size and time: parts and shards are of other images then."""
    for number in range(11):
        draw(tmp_path / "set" / f"{number:02d}.png", number)
    look, unreadable = packer.look, list(at_first)
    monkeypatch.setattr(packing, "_FILES", 5)
    monkeypatch.setattr(packing, "shard_rows", lambda *_: 5)

    def refuse(path, measure):
        if Path(path).stem in unreadable:
            raise DataError("not now")
        return look(path, measure)

    def pack(name):
        return contents(cluster.pack(tmp_path / "set", tmp_path / name))

    monkeypatch.setattr(packer, "look", refuse)
    step = getattr(packing._Work, cut)

    def stop(*given):
        step(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packing._Work, cut, stop)  # when all is decoded; or all is written, too
        with pytest.raises(KeyboardInterrupt):
            pack("cut")
    unreadable[:] = later
    assert pack("cut") == pack("whole")
    assert not list(tmp_path.glob(".*")), "no scratch is left"


def test_pixels_whose_list_was_not_written_are_made_anew(tmp_path, monkeypatch):
    """The kill comes between the two; and then all is as it was when the old list was written."""
    for number in range(11):
        draw(tmp_path / "set" / f"{number:02d}.png", number)
    look, unreadable = packer.look, ["03"]
    monkeypatch.setattr(packing, "_FILES", 5)

    def refuse(path, measure):
        if Path(path).stem in unreadable:
            raise DataError("not now")
        return look(path, measure)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(packer, "look", refuse)
    whole = contents(cluster.pack(tmp_path / "set", tmp_path / "whole"))
    for place, name in ((packing._Work, "write"), (job, "write_arrays")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, stop)
            with pytest.raises(KeyboardInterrupt):
                cluster.pack(tmp_path / "set", tmp_path / "packed")
        unreadable[:] = [] if unreadable else ["03"]
    assert unreadable == ["03"]
    assert contents(cluster.pack(tmp_path / "set", tmp_path / "packed")) == whole


def test_scratch_that_was_cut_is_made_anew(tmp_path, monkeypatch):
    for number in range(11):
        draw(tmp_path / "set" / f"{number:02d}.png", number)
    monkeypatch.setattr(packing, "_FILES", 5)
    whole = contents(cluster.pack(tmp_path / "set", tmp_path / "whole"))
    with monkeypatch.context() as patch:
        patch.setattr(packing, "write_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cluster.pack(tmp_path / "set", tmp_path / "packed")
    for path in (tmp_path / ".packed.packing").rglob("00000*"):
        if path.suffix != ".npz":  # pixels of a part, and the shard
            os.truncate(path, path.stat().st_size - 1)
    assert contents(cluster.pack(tmp_path / "set", tmp_path / "packed")) == whole


def test_only_folders_of_images_are_packed_by_several(npz, tmp_path):
    with refuses(UsageError, "--workers"):
        cluster.pack(npz, tmp_path / "out", workers=2)
    (tmp_path / "empty").mkdir()
    with refuses(DataError):
        cluster.pack(tmp_path / "empty", tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"empty"}


# --- training -----------------------------------------------------------------------------------


@pytest.mark.proof
def test_two_workers_train_as_one_does(two, run, npz, tiny, tmp_path, capfd):
    new = cluster.train(npz, "quick", run=tmp_path / "two", overrides=tiny, workers=2)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("kimg ") for line in lines), lines
    assert new.status() == "finished" and not (new.folder / ".ray").exists()
    for name in ("discriminator", "real", "fake"):
        ours, theirs = ([row[name] for row in one.rows()] for one in (new, run))
        np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02, err_msg=name)
    with refuses(RunError):
        cluster.train(npz, "quick", run=new.folder, workers=2)


@pytest.mark.parametrize("rank", [0, 1])
def test_the_first_worker_of_a_training_speaks_and_hears(rank, monkeypatch, capsys):
    """The process that started it prints its lines, and may stop it."""
    import ray
    import ray.train

    import ganvas.training.train

    relay = training._Relay()
    calls = {"write": relay.write, "stopping": relay.stopping}
    handle = SimpleNamespace(**{k: SimpleNamespace(remote=call) for k, call in calls.items()})
    stops = []

    def train(data, each_tick=None):
        print("kimg 1", file=sys.stderr)
        if each_tick:
            warnings.warn("few images", Advice, stacklevel=2)
            stops.append(each_tick(None))
            relay.stop()
            stops.append(each_tick(None))

    monkeypatch.setattr(ray, "get", lambda answer: answer)
    context = SimpleNamespace(get_world_rank=lambda: rank)
    monkeypatch.setattr(ray.train, "get_context", lambda: context)
    monkeypatch.setattr(ganvas.training.train, "train", train)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(os, "environ", {"TF_USE_LEGACY_KERAS": "1"})
    words = {"call": "train", "arguments": {"data": "x"}, "relay": handle, "argv": ["ganvas", "y"]}
    with warnings.catch_warnings():
        warnings.simplefilter("default", Advice)
        training._worker({**words, "share": {"OMP_NUM_THREADS": "1"}})
    assert sys.argv == ["ganvas", "y"] and os.environ == {"OMP_NUM_THREADS": "1"}
    assert stops == ([False, True] if rank == 0 else [])
    lines = "kimg 1\nnote: few images\n"
    assert (relay.take(), relay.take()) == ((lines, "") if rank == 0 else ("", ""))
    assert ("kimg 1" in capsys.readouterr().err) == (rank == 1)


@pytest.mark.parametrize("deaths, starts", [(2, 3), (9, 4)])
def test_workers_that_die_are_started_again_three_times(
    deaths, starts, run, monkeypatch, caplog, tmp_path
):
    seen = []

    def once(call, words, *_):
        seen.append((call, words["run"]))
        if len(seen) <= deaths:
            raise WorkerGone("worker 1 died")

    monkeypatch.setattr(training, "joined", lambda *_: contextlib.nullcontext(1))
    monkeypatch.setattr(training, "_once", once)
    with contextlib.ExitStack() as stack:
        if deaths >= starts:
            stack.enter_context(refuses(RunError, "4", "1"))
        cluster.resume(run.folder, workers=2)
    assert seen == [("resume", str(run.folder))] * starts
    noted = caplog.text.count("worker 1 died; all workers restart from the last tick")
    assert noted == min(deaths, 3)


def failure(**of_workers) -> Exception:
    """What Ray Train raises when workers fail: each one's own, some of them wrapped."""
    error = RuntimeError("2 workers failed")
    error.worker_failures = {int(name[-1]): one for name, one in of_workers.items()}
    return error


def test_why_a_training_ended_is_the_reason_of_its_workers():
    class Death(Exception):
        """An actor that is gone."""

    class Wrapped(Exception):
        """As Ray Train has them."""

        def __init__(self, base):
            self._base_exc = base

    Death.__module__ = "ray.exceptions"
    refused, gone, fault = DataError("no images"), WorkerGone("another is gone"), KeyError("x")
    assert training._reason(failure(r0=gone, r1=Wrapped(refused))) is refused
    assert training._reason(failure(r0=fault)) is fault
    for failures, words in (
        ({"r0": gone, "r1": Death()}, "worker 1 of this training died"),
        ({"r1": Wrapped(gone)}, "a worker of this training died"),
    ):
        found = training._reason(failure(**failures))
        assert isinstance(found, WorkerGone) and words in str(found)
    found = training._reason(RuntimeError("first line\nlast line"))
    assert isinstance(found, RunError) and "Ray Train stopped (last line)" in str(found)


@pytest.mark.proof
def test_what_a_worker_refuses_is_said_once_and_leaves_no_folder(two, run, tmp_path):
    with refuses(ConfigError):
        cluster.resume(run.folder, workers=2, overrides={"train.batch": 16})
    with refuses(DataError, "none.npz"):
        cluster.train(tmp_path / "none.npz", "quick", workers=2, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_worker_without_a_gpu_of_its_own_takes_nobodys(two):
    if our_ray.resources(1)["num_gpus"]:
        pytest.skip("it has one here")
    with team(lambda: os.environ.get, (), 1) as spread:
        assert list(spread(["CUDA_VISIBLE_DEVICES"] * 2)) == ["-1"] * 2


def test_what_workers_cannot_share_is_said_before_they_start(npz, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "joined", None)
    with refuses(ConfigError, "3"):
        cluster.train(npz, "quick", workers=3, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_more_workers_than_processors(two):
    with refuses(RunError, "2", "3"), team(dict, (), 3):
        pass


def test_a_cluster_that_is_not_there(monkeypatch):
    """Ray is not called, which would try for minutes."""
    monkeypatch.setattr("ray.init", None)
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1"):
        with refuses(RunError, "1", "--head"):
            our_ray._connect(address, {})


@pytest.mark.proof
def test_somebody_else_listens_at_the_address(tmp_path, npz, command):
    """Left alone, Ray tries for more than six minutes; now it takes one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        run = tmp_path / "run"
        done = command("train", npz, "--run", run, "--workers", 2, "--address", address)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: no Ray cluster at {address} (")
    assert not run.exists()


def test_an_address_without_workers(tmp_path, npz, here):
    done = here("train", npz, "--address", "127.0.0.1:1", "--run", tmp_path / "run")
    assert done.returncode == 2 and "--workers" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_the_extra(monkeypatch, npz, tmp_path):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for call in (
        lambda: cluster.train(npz, "quick", run=tmp_path / "run", workers=2),
        lambda: cluster.check_installed(),
    ):
        with refuses(MissingExtra, "'ganvas[cluster]'"):
            call()


# --- kills --------------------------------------------------------------------------------------


def start(*words) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ganvas", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def below(pid: int) -> dict[int, str]:
    """Processes that a process started, and those that they did: pid -> command line."""
    parents, words = {}, {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            number = int(entry.name)
            parents[number] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words[number] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()

    def within(one: int) -> bool:
        while one in parents and one != pid:
            one = parents[one]
        return one == pid

    return {one: words[one] for one in parents if one != pid and within(one) and one in words}


def workers_of(process: subprocess.Popen, name: str) -> list[int]:
    return [pid for pid, words in below(process.pid).items() if f"ray::{name}" in words]


def wait_for(condition, process: subprocess.Popen, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def kill(process: subprocess.Popen) -> None:
    """Of the command itself; wait until what it started has seen it."""
    children = below(process.pid)
    process.kill()
    process.communicate()
    end = time.monotonic() + 150  # two of Ray's helpers look for their parent only now and then
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < end:
        time.sleep(0.2)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children), "Ray ends with the command"


def finish(process: subprocess.Popen, code: int = 0) -> str:
    _, errors = process.communicate(timeout=400)
    assert process.returncode == code, errors
    assert "Traceback" not in errors and "Ray" not in errors, errors
    return errors


@pytest.mark.proof
@pytest.mark.parametrize("form", [[], ["--shards"]])
def test_a_killed_worker_of_a_draw(form, run, tmp_path):
    words = ["sample", run.folder, "-n", 60_000, "--workers", 4, *form, "--out"]
    out = tmp_path / "killed"
    process = start(*words, out)
    wait_for(lambda: len(list(out.glob(".parts/*.npz"))) >= 2, process)
    os.kill(workers_of(process, "_Worker")[0], signal.SIGKILL)
    finish(process)
    whole = tmp_path / "whole"
    cluster.draw(run, whole, 60_000, shards=bool(form))
    assert contents(out) == contents(whole)


@pytest.mark.proof
def test_a_killed_draw_goes_on(run, tmp_path):
    words = ["sample", run.folder, "-n", 60_000, "--workers", 4, "--shards", "--out"]
    out = tmp_path / "killed"
    process = start(*words, out)
    wait_for(lambda: len(list(out.glob(".parts/*.npz"))) >= 2, process)
    kill(process)
    process = start(*words, out)
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0 and "existed already" in said, errors
    cluster.draw(run, tmp_path / "whole", 60_000, shards=True)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.fixture
def many(photos, tmp_path) -> Path:
    """Enough to pack that a kill comes midway."""
    folder = tmp_path / "many"
    folder.mkdir()
    for i, path in enumerate(sorted(photos.rglob("*.*"))):
        for copy in range(6):
            (folder / f"{copy}-{i:05d}{path.suffix}").hardlink_to(path)
    return folder


def start_packing(data: Path, out: Path) -> subprocess.Popen:
    return start("prepare", data, "--to", out, "--size", 64, "--shard-mb", 4, "--workers", 4)


@pytest.mark.proof
def test_a_killed_worker_of_a_packing(many, tmp_path):
    ganvas.prepare(many, tmp_path / "alone", Options(size=64), shard_mb=4)
    process = start_packing(many, tmp_path / "out")
    wait_for(lambda: list(tmp_path.glob(".out.packing/checked/*.npz")), process)
    os.kill(workers_of(process, "_Worker")[0], signal.SIGKILL)
    finish(process)
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


@pytest.mark.proof
@pytest.mark.parametrize("midway", ["checked", "written"])
def test_a_killed_packing_goes_on(midway, many, tmp_path):
    ganvas.prepare(many, tmp_path / "alone", Options(size=64), shard_mb=4)
    out = tmp_path / "out"
    process = start_packing(many, out)
    wait_for(lambda: len(list(tmp_path.glob(f".out.packing/{midway}/*.npz"))) >= 2, process)
    kill(process)
    assert not out.exists() and (tmp_path / ".out.packing").is_dir()
    finish(start_packing(many, out))
    assert contents(out) == contents(tmp_path / "alone")
    assert not list(tmp_path.glob(".*")), "no scratch is left"


@pytest.mark.proof
@pytest.mark.parametrize("rank", [0, 3])
def test_a_killed_worker_of_a_training(rank, npz, sets, tmp_path):
    words = ["train", npz, *sets, "--set", "train.kimg=0.768", "--workers", 4, "--run"]
    for key, value in PLAIN.items():
        words[2:2] = ["--set", f"{key}={value}"]
    finish(start(*words, tmp_path / "straight"))
    killed = Run(tmp_path / "killed")
    process = start(*words, killed.folder)
    wait_for(lambda: len(killed.rows()) >= 2, process)
    pids = sorted(workers_of(process, "RayTrainWorker") or workers_of(process, "TrainWorker"))
    assert len(pids) == 4
    os.kill(pids[rank], signal.SIGKILL)
    errors = finish(process)
    assert errors.count("restart from the last tick") == 1, errors
    straight, again = Run(tmp_path / "straight").load_state(), killed.load_state()
    for name, array in straight.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


@pytest.mark.proof
def test_stopping_a_training(npz, sets, tmp_path):
    run = Run(tmp_path / "run")
    process = start("train", npz, *sets, "--set", "train.kimg=4000", "--workers", 2, "--run",
                    run.folder)  # fmt: skip
    wait_for(lambda: len(run.rows()) >= 2, process)
    children = below(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
    errors = finish(process, 130)
    assert "resume: ganvas resume" in errors and run.status() == "interrupted"
    assert not any(Path(f"/proc/{pid}").exists() for pid in children), "no Ray is left"
    assert not [p for p in children.values() if "--workers" in p]
