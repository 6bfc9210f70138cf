"""Two replicas play the game that one plays with the whole batch; two processes play it too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("replicas.py")


@pytest.fixture(scope="module")
def played(tmp_path_factory, cluster, forked):
    """(mode, kind) -> arrays of each process."""
    folder = tmp_path_factory.mktemp("replicas")
    done = {}

    def start(mode: str, kind: str) -> list[Path]:
        outs = [folder / f"{mode}-{kind}-{i}.npz" for i in range(2 if mode == "worker" else 1)]
        # In processes of their own: devices are chosen before TensorFlow starts.
        tasks = cluster(2) if mode == "worker" else ["{}"]
        processes = [
            forked(mode, kind, out, script=SCRIPT, TF_CONFIG=task)
            for out, task in zip(outs, tasks, strict=True)
        ]
        for process in processes:
            _, errors = process.communicate(timeout=180)
            assert process.returncode == 0, errors[-3000:]
        return outs

    def play(mode: str, kind: str) -> list[dict[str, np.ndarray]]:
        if (mode, kind) not in done:
            done[mode, kind] = [dict(np.load(out)) for out in start(mode, kind)]
        return done[mode, kind]

    return play


def test_two_virtual_cpus_play_what_one_plays(played):
    """Weights, their average, and the state of the optimizer."""
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
