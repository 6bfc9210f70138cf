"""The zoo as it is shipped: its files, drawing without TensorFlow, a training that begins there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import ganvas
from ganvas.storage import zoo

SITE = Path(__file__).resolve().parents[2] / "zoo" / "src"
LISTED = json.loads((SITE / zoo.PACKAGE / zoo.LIST).read_text())


@pytest.fixture(autouse=True)
def site(monkeypatch):
    monkeypatch.syspath_prepend(str(SITE))


@pytest.mark.parametrize("name", LISTED)
def test_a_model_is_whole_light_and_names_its_source(name):
    place = zoo.folder(name)
    files = {one.relative_to(place).as_posix() for one in place.rglob("*") if one.is_file()}
    assert files == LISTED[name]["files"].keys()
    assert {"pair.npz", "recipe.toml", "1/manifest.json", "1/model_float32.tflite"} <= files
    assert LISTED[name]["bytes"] < 10_000_000
    notice = (SITE.parent / "NOTICE").read_text()
    assert LISTED[name]["license"] in notice and name in notice


def test_digits_are_drawn_without_tensorflow(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(SITE)!r}); from ganvas.__main__ import main; "
        "code = main(['sample', 'zoo:digits', '-n', '10', '--label', '7', '--out', 'x.png']); "
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "x.png") as drawn:
        assert drawn.size[0] > 28 * 3


def test_a_training_begins_from_a_model(tmp_path):
    run = ganvas.train(
        "mnist", start_from="zoo:digits", run=tmp_path / "run", progress=False,
        overrides={"train.kimg": 0.128, "train.tick_kimg": 0.128, "train.batch": 64,
                   "train.steps_per_execution": 2, "scores.times": 0, "watch.grids": 1,
                   "watch.loggers": [], "watch.tensorboard": False},
    )  # fmt: skip
    about = json.loads((run.folder / "run.json").read_text())
    assert about["transfer"]["from"] == "zoo:digits"
    assert not about["transfer"]["generator"]["anew"]
