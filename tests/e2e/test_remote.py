"""A machine that is killed, and another one that goes on with its run from remote storage."""

from __future__ import annotations

import importlib.util
import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import ganvas
from ganvas.data import prepare
from ganvas.errors import RunError, UsageError
from ganvas.storage import remote
from ganvas.storage.run import Run
from refusals import refuses

SHELF = Path(__file__).with_name("shelf.py")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("SHELF", str(tmp_path / "shelf"))
    spec = importlib.util.spec_from_file_location("shelf", SHELF)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return tmp_path / "shelf"


def test_another_machine_goes_on_to_the_bit_and_what_it_makes_is_there(
    shelf, npz, few_steps, tmp_path, forked, monkeypatch
):
    """Without penalties: a state with them is compared in test_resume.py."""
    monkeypatch.setitem(remote.PLUGINS, "shelf", "")  # a store that a run may name
    values = {**few_steps, "penalties": [], "scores.features": "digits", "export.images": 100}
    sets = [word for k, v in values.items() for word in ("--set", f"{k}={json.dumps(v)}")]
    prepare(npz, "shelf://set")
    words = ["train", "shelf://set", "--recipe", "quick", *sets, "--run", "shelf://runs/a"]
    process = forked(*words, script=SHELF, TMPDIR=str(tmp_path))
    states = shelf / "runs" / "a" / "state"
    while process.poll() is None:
        if len([*states.glob("*.npz")]) == 2:
            process.kill()
            process.wait()
        time.sleep(0.005)
    assert process.returncode == -signal.SIGKILL, process.communicate()
    before = len((shelf / "runs" / "a" / "log.jsonl").read_text().splitlines())

    far = ganvas.resume("shelf://runs/a", progress=False)
    near = ganvas.train(
        "shelf://set", "quick", run=tmp_path / "near", overrides=values, progress=False
    )
    assert far.status() == "finished" and 2 <= before <= len(far.rows()) == len(near.rows())
    assert [row["discriminator"] for row in far.rows()] == [
        row["discriminator"] for row in near.rows()
    ]
    there = Run(shelf / "runs" / "a")
    assert there.rows() == far.rows() and there.info["status"] == "finished"
    expected = near.load_state()
    for name, array in there.load_state().items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)

    pictures = ganvas.load(near).sample(4)
    np.testing.assert_array_equal(ganvas.load("shelf://runs/a").sample(4), pictures)
    made = ganvas.export("shelf://runs/a", "shelf://m", formats=["saved_model"])
    assert made == "shelf://m/1"
    assert np.abs(ganvas.load("shelf://m").sample(4).astype(int) - pictures).max() <= 1
    facts = json.loads((shelf / "m" / "1" / "manifest.json").read_text())
    assert facts["run"] == "a" and (shelf / "m" / "models.config").is_file()
    with refuses(UsageError, "1"):
        ganvas.export("shelf://runs/a", "shelf://m", version=1)
    with refuses(RunError, "shelf://none"):
        ganvas.resume("shelf://none")
