"""Several devices, or workers of a cluster (here processes over loopback), train one run."""

from __future__ import annotations

import json
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ganvas
from ganvas.base.workers import local_workers, task
from ganvas.config import parse
from ganvas.data import Options, memory
from ganvas.errors import ConfigError, UsageError
from ganvas.storage.run import Run
from ganvas.training import replicas
from refusals import refuses

PLAIN = {  # nothing that is drawn or normalised within a replica: the curves are the same
    "train.kimg": 0.256, "train.tick_kimg": 0.128,
    "networks.minibatch": "none", "networks.norm": "none", "watch.signals": "false",
    "train.steps_per_execution": 2, "train.discriminator_steps": 2,
}  # fmt: skip
SHORT = PLAIN | {"train.kimg": 0.128, "train.tick_kimg": 0.064, "penalties": "[]"}

TWO_CPUS = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from ganvas.__main__ import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def start_workers(cluster, forked):
    """(*words) -> two workers of `ganvas` that run."""
    return lambda *words: [forked(*words, TF_CONFIG=task) for task in cluster(2)]


def end(processes) -> list[tuple[int, str]]:
    ended = []
    for process in processes:
        _, errors = process.communicate(timeout=300)
        ended.append((process.returncode, errors))
    return ended


def succeed(processes) -> None:
    for code, errors in end(processes):
        assert code == 0, errors


def words_of(values: dict) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def words(npz, sets) -> list:
    """What trains a run of two ticks, but for its name."""
    return ["train", npz, *sets, *words_of(SHORT), "--run"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def alone(npz, few_steps, folder) -> Run:
    """By this process, on one device."""
    values = {**few_steps, **SHORT, "penalties": [], "watch.signals": False}
    return ganvas.train(npz, "quick", run=folder / "alone", overrides=values, progress=False)


@pytest.fixture(scope="module")
def mirrored(words, folder, forked) -> Run:
    """By one process on two devices."""
    script = folder / "two_cpus.py"
    script.write_text(TWO_CPUS)
    mirrored = ["--set", "train.strategy=mirrored"]
    succeed([forked(*words, folder / "mirrored", *mirrored, script=script)])
    return Run.open(folder / "mirrored")


@pytest.fixture(scope="module")
def two(words, folder, start_workers) -> Run:
    """By two workers."""
    succeed(start_workers(*words, folder / "two"))
    return Run.open(folder / "two")


def curves(run: Run, *names: str) -> dict[str, list[float]]:
    return {name: [row[name] for row in run.rows()] for name in names}


def check_alike(run: Run, other: Run, rtol: float, atol: float, *names: str) -> None:
    ours, theirs = (curves(one, *names) for one in (run, other))
    for name in names:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=rtol, atol=atol, err_msg=name)


def test_a_mirrored_run_is_what_one_device_makes(mirrored, alone):
    """Several steps between two looks, as recipes have it."""
    assert [row["step"] for row in mirrored.rows()] == [row["step"] for row in alone.rows()]
    check_alike(mirrored, alone, 1e-3, 0, "discriminator", "generator")


def test_two_workers_train_as_one_does(two, alone):
    assert [row["step"] for row in two.rows()] == [row["step"] for row in alone.rows()]
    check_alike(two, alone, 0.02, 0.02, "discriminator", "real", "fake")


def test_each_goes_on_with_the_others_run(two, mirrored, tmp_path, here, start_workers):
    """One device with a run of two workers; two workers with a run of one process."""
    for run in (two, mirrored):
        shutil.copytree(run.folder, tmp_path / run.folder.name)
    two, mirrored = (Run.open(tmp_path / run.folder.name) for run in (two, mirrored))
    longer = ["--set", "train.kimg=0.192"]
    workers = start_workers("resume", mirrored.folder, *longer, "--set", "train.strategy=auto")
    done = here("resume", two.folder, *longer)
    assert done.returncode == 0, done.stderr
    succeed(workers)
    assert [row["kimg"] for row in two.rows()] == [0.064, 0.128, 0.192]
    assert [row["step"] for row in two.rows()] == [row["step"] for row in mirrored.rows()]
    check_alike(two, mirrored, 0.02, 0.02, "discriminator", "real", "fake")


@pytest.mark.proof
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_dies_ends_all_and_nothing_but_the_tick_is_lost(
    victim, npz, sets, tmp_path, start_workers
):
    words = ["train", npz, *sets, *words_of(PLAIN), "--set", "train.kimg=1.28", "--go-on", "--run"]
    for code, errors in end(start_workers(*words, tmp_path / "straight")):
        assert code == 0, errors
    killed = Run(tmp_path / "killed")
    workers = start_workers(*words, killed.folder)
    while len(killed.rows()) < 4:
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.05)
    workers[victim].kill()
    ended = end(workers)
    assert ended[victim][0] == -signal.SIGKILL
    code, errors = ended[1 - victim]
    assert code == 2 and "another worker is gone" in errors
    for code, errors in end(start_workers(*words, killed.folder)):  # the same words again
        assert code == 0, errors
    straight, again = Run.open(tmp_path / "straight").load_state(), killed.load_state()
    for name, array in straight.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


@pytest.mark.proof
@pytest.mark.parametrize("told", [0, 1])
def test_a_signal_to_one_worker_stops_all_after_the_tick(told, npz, sets, tmp_path, start_workers):
    words = ["train", npz, *sets, *words_of(PLAIN), "--set", "train.kimg=64", "--go-on", "--run"]
    run = Run(tmp_path / "run")
    workers = start_workers(*words, run.folder)
    while len(run.rows()) < 2:
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.05)
    workers[told].send_signal(signal.SIGTERM)
    ended = end(workers)
    assert [code for code, _ in ended] == [130, 130], ended  # else a scheduler takes one for done
    rows = run.rows()
    assert rows[-1]["step"] % rows[0]["step"] == 0, "a whole tick"
    assert int(run.load_state()["step"]) == rows[-1]["step"]
    assert Run.open(run.folder).info["status"] == "interrupted"


@pytest.mark.parametrize(
    "text, answer",
    [
        ("", (0, 1)),
        ('{"cluster": {}}', (0, 1)),
        ('{"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 1}}', (1, 2)),
        ('{"cluster": {"chief": ["c"], "worker": ["a", "b"]}, '
         '"task": {"type": "worker", "index": 1}}', (2, 3)),
        ('{"cluster": {"chief": ["c"], "worker": ["a"]}, "task": {"type": "chief", "index": 0}}',
         (0, 2)),
    ],
)  # fmt: skip
def test_which_worker_this_is(monkeypatch, text, answer):
    monkeypatch.setenv("TF_CONFIG", text)
    assert task() == answer


@pytest.mark.parametrize(
    "hosts, mine, count",
    [
        (["a:1", "a:2", "b:1"], 0, 2),
        (["a:1", "a:2", "b:1"], 2, 1),
        (["[::1]:1", "[::1]:2"], 1, 2),
    ],
)
def test_workers_of_one_machine_share_its_memory(monkeypatch, hosts, mine, count):
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * 1200)
    assert memory.fits(1200, (1, 1, 1), Options())
    text = json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": mine}})
    monkeypatch.setenv("TF_CONFIG", text)
    assert memory.fits(1200 // count, (1, 1, 1), Options())
    assert not memory.fits(1200 // count + 1, (1, 1, 1), Options())


def test_what_is_not_understood_is_no_neighbour(monkeypatch):
    """Who only reads images need not be a worker."""
    monkeypatch.setenv("TF_CONFIG", "{")
    assert local_workers() == 1


@pytest.mark.parametrize("turns, count", [(1, 1), (1, 4), (2, 2), (5, 4)])
def test_a_turn_is_of_the_same_images_however_many_share_it(turns, count):
    hands = replicas.rows_of_replicas(8, turns, count).reshape(count, turns, -1)
    for turn in range(turns):
        np.testing.assert_array_equal(hands[:, turn].ravel(), np.arange(8) + 8 * turn)


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"cluster": {"worker": ["a"]}}',
        '{"cluster": {"ps": ["a"], "worker": ["b"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["b"]}, "task": {"type": "evaluator", "index": 0}}',
        '{"cluster": {"worker": ["b"]}, "task": {"type": "worker", "index": 4}}',
    ],
)  # fmt: skip
def test_a_cluster_that_is_not_understood(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with refuses(UsageError, "TF_CONFIG"):
        task()


def test_several_workers_without_a_folder_for_all(here, npz, monkeypatch):
    cluster = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}
    text = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    monkeypatch.setenv("TF_CONFIG", text)
    done = here("train", npz)
    assert done.returncode == 2 and "give --run" in done.stderr


def test_a_strategy_that_finds_no_cluster(here, npz, tmp_path):
    words = ["--set", "train.strategy=multiworker", "--run", tmp_path / "run"]
    done = here("train", npz, *words)
    assert done.returncode == 2 and "TF_CONFIG" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "name, why", [("heal", "works in one process"), ("jit", "works on one device")]
)
def test_what_several_workers_cannot_do(name, why):
    config = parse({"train": {name: True}})
    with pytest.raises(ConfigError, match=f"train.{name} {why}"):
        replicas.check(config, 2, 2)


@pytest.mark.parametrize("word", ["single", "mirrored"])
def test_a_strategy_of_one_process_among_several(word):
    config = parse({"train": {"strategy": word}})
    replicas.check(config, 2, 1)
    with refuses(ConfigError, "3"):
        replicas.check(config, 1, 3)


FREED = """
import resource, sys, threading
from ganvas.base.workers import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
def work():
    for _ in range(12):
        bytearray(40 << 20)[::4096] = b"1" * 10240
thread = threading.Thread(target=work)
thread.start(); thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_a_worker_keeps_the_memory_that_it_frees():
    """Else each page comes from the kernel anew."""
    faults = {
        word: int(subprocess.check_output([sys.executable, "-c", FREED, word]))
        for word in ("keep", "free")
    }
    assert faults["keep"] < faults["free"] / 4, faults
