"""Two replicas play the game that one plays with the whole batch; two processes play it too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganvas.runs import Run

SCRIPT = Path(__file__).with_name("replicas.py")


def start(mode: str, kind: str, out: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), mode, kind, str(out)],
        env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(*processes: subprocess.Popen) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors[-3000:]


@pytest.fixture(scope="module")
def played(tmp_path_factory, cluster):
    """(mode, kind) -> arrays of each process."""
    folder = tmp_path_factory.mktemp("replicas")
    done = {}

    def play(mode: str, kind: str) -> list[dict[str, np.ndarray]]:
        if (mode, kind) not in done:
            outs = [folder / f"{mode}-{kind}-{i}.npz" for i in range(2 if mode == "worker" else 1)]
            if mode == "worker":
                end(*(start(mode, kind, out, TF_CONFIG=task)
                      for out, task in zip(outs, cluster(2), strict=True)))  # fmt: skip
            else:
                end(start(mode, kind, outs[0]))
            done[mode, kind] = [dict(np.load(out)) for out in outs]
        return done[mode, kind]

    return play


def test_two_virtual_cpus_play_what_one_plays(played):
    (alone,), (two,) = played("alone", "plain"), played("mirrored", "plain")
    np.testing.assert_allclose(two["curve"], alone["curve"], rtol=1e-3)
    assert np.ptp(alone["curve"]) > 0.01, "the curve moves"
    for name, array in alone.items():
        if name.startswith("weight"):
            np.testing.assert_allclose(two[name], array, rtol=1e-2, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("kind", ["plain", pytest.param("full", marks=pytest.mark.proof)])
def test_replicas_keep_the_same_weights(played, kind):
    (arrays,) = played("mirrored", kind)
    pairs = [name for name in arrays if name.endswith("-0")]
    assert len(pairs) > 20
    for name in pairs:
        assert np.isfinite(arrays[name]).all()
        np.testing.assert_array_equal(arrays[name], arrays[name[:-1] + "1"], err_msg=name)


@pytest.mark.parametrize("kind", ["plain", pytest.param("full", marks=pytest.mark.proof)])
def test_two_processes_keep_the_same_weights(played, kind):
    one, other = played("worker", kind)
    for name, array in one.items():
        if name != "curve":
            np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_two_processes_meet_for_gradients_and_means_alone(played):
    """Once for each player and once for a tick's means; no log and no label costs more."""
    assert [one["meetings"] for one in played("worker", "plain")] == [3, 3]
    assert played("alone", "plain")[0]["meetings"] == 0


def test_two_processes_play_what_one_plays(played):
    (alone,), (worker, _) = played("alone", "plain"), played("worker", "plain")
    np.testing.assert_allclose(worker["curve"], alone["curve"], rtol=1e-3)


TWO_CPUS = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from ganvas.__main__ import main
sys.exit(main())
"""


def test_a_mirrored_run_is_what_one_device_makes_and_goes_on_there(npz, sets, tmp_path, here):
    """Several steps between two looks, as recipes have it."""
    plain = ["--set", "networks.norm=none", "--set", "networks.minibatch=none"]
    plain += ["--set", "train.discriminator_steps=2"]
    words = ["train", npz, *sets, *plain, "--run"]
    mirrored = ["--set", "train.strategy=mirrored", "--set", "train.kimg=0.256"]
    done = subprocess.run(
        [sys.executable, "-c", TWO_CPUS, *map(str, [*words, tmp_path / "two", *mirrored])],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert here(*words, tmp_path / "alone").returncode == 0
    go_on = ["--set", "train.strategy=single", "--set", "train.kimg=0.512"]
    assert here("resume", tmp_path / "two", *go_on).returncode == 0
    alone, two = Run.open(tmp_path / "alone").rows(), Run.open(tmp_path / "two").rows()
    assert [row["step"] for row in two] == [row["step"] for row in alone]
    for name in ("discriminator", "generator"):
        ours, theirs = ([row[name] for row in rows] for rows in (two, alone))
        np.testing.assert_allclose(ours[:2], theirs[:2], rtol=1e-3, err_msg=name)
