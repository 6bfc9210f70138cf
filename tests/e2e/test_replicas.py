"""Two replicas play the game that one plays with the whole batch; two processes play it too."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """(mode, kind) -> arrays of each process."""
    folder = tmp_path_factory.mktemp("replicas")
    done = {}

    def play(mode: str, kind: str) -> list[dict[str, np.ndarray]]:
        if (mode, kind) not in done:
            outs = [folder / f"{mode}-{kind}-{i}.npz" for i in range(2 if mode == "worker" else 1)]
            if mode == "worker":
                hosts = [f"127.0.0.1:{port}" for port in free_ports(2)]
                tasks = [{"cluster": {"worker": hosts}, "task": {"type": "worker", "index": i}}
                         for i in range(2)]  # fmt: skip
                end(*(start(mode, kind, out, TF_CONFIG=json.dumps(task))
                      for out, task in zip(outs, tasks, strict=True)))  # fmt: skip
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


def test_two_processes_play_what_one_plays(played):
    (alone,), (worker, _) = played("alone", "plain"), played("worker", "plain")
    np.testing.assert_allclose(worker["curve"], alone["curve"], rtol=1e-3)
