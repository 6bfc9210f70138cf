"""What a run does when its images, its disk or its process are not as before."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganvas
from conftest import draw
from ganvas.base.own_files import is_own
from ganvas.errors import Advice, Diverged, RunError, UsageError
from ganvas.storage.run import Run
from refusals import refuses

PAIR = {"train.kimg": 0.032, "train.tick_kimg": 0.016}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """120 small images in two classes, named so that their names are the other's indices."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    for number, (picture, label) in enumerate(zip(*draw(120), strict=True)):
        place = folder / "10" if label else folder / "1"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def trained(photos, few_steps, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "photos"
    values = {**few_steps, **PAIR, "scores.times": 1, "scores.images": 100}
    return ganvas.train(photos, "quick", run=place, overrides=values, progress=False).folder


@pytest.fixture
def moved(photos, trained, tmp_path) -> tuple[Path, Path]:
    """A run whose images are elsewhere, and that place."""
    place = shutil.copytree(photos, tmp_path / "elsewhere")
    run = shutil.copytree(trained, tmp_path / "run")
    config = run / "config.toml"
    config.write_text(config.read_text().replace(str(photos), str(tmp_path / "gone")))
    return run, place


def one_line(done, *parts):
    assert done.returncode == 2 and done.stderr.count("error: ") == 1, done.stderr
    assert all(str(part) in done.stderr for part in parts), done.stderr


def test_a_run_resumes_with_images_that_have_moved(moved, here):
    folder, place = moved
    one_line(here("resume", folder, "--set", "train.kimg=0.048"), "gone", "ganvas resume", "DATA")
    other = place.parent / "other"
    shutil.copytree(place / "1", other / "1")
    shutil.copytree(place / "1", other / "10")
    one_line(here("resume", folder, other, "--set", "train.kimg=0.048"), "changed", other)
    assert "gone" in Run(folder).config.data.source
    done = here("resume", folder, os.path.relpath(place), "--set", "train.kimg=0.048", cwd=Path())
    assert done.returncode == 0, done.stderr
    run = Run.open(folder)
    assert run.config.data.source == run.info["data"]["source"]
    assert Path(run.config.data.source).is_absolute()
    assert Path(run.config.data.source).resolve() == place.resolve()
    assert run.rows()[-1]["kimg"] == 0.048
    assert here("resume", folder, "--set", "train.kimg=0.064").returncode == 0


def test_a_finished_run_is_told_the_new_place(moved, here):
    folder, place = moved
    assert here("resume", folder, place).returncode == 0
    assert Run(folder).config.data.source == str(place)


def test_evaluate_knows_the_images_of_a_run_by_their_content(moved, here):
    folder, place = moved
    one_line(here("evaluate", folder, "-n", 50), "gone", "--data")
    own = ganvas.evaluate(folder, str(place), metrics=["near_copies"], n=50, features="digits")
    assert own.scores["near_copies"].value is not None, "its training images are known"
    other = place.parent / "other"
    shutil.copytree(place / "1", other)
    with pytest.warns(Advice, match="copies of training images are not searched for"):
        found = ganvas.evaluate(folder, str(other), metrics=["kid"], n=50, features="digits")
    assert found.n_real == 50
    assert "gone" in Run(folder).config.data.source, "evaluating changes no recipe"


def test_a_damaged_run_json_is_written_again(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "run")
    before = Run(folder).images
    (folder / "run.json").write_text("[1")
    with pytest.warns(Advice, match=r"run\.json is damaged, and is written again"):
        ganvas.resume(folder, progress=False)
    assert Run(folder).images == before and Run(folder).status() == "finished"


def test_grids_and_labels_of_numeric_classes(trained):
    sampler = ganvas.load(trained)
    assert sampler.names == ["1", "10"]
    assert sampler.labels(4, [0, 1, "1", "10"], 0).tolist() == [0, 1, 0, 1]


def test_no_state_is_promised_that_does_not_exist(npz, few_steps, tmp_path):
    rates = {"train.learning_rate": 1e30, "train.discriminator_learning_rate": 1e30}
    with refuses(Diverged, "first tick", "train again"):
        ganvas.train(
            npz, "quick", run=tmp_path / "run", overrides={**few_steps, **rates}, progress=False
        )  # fmt: skip
    assert not Run(tmp_path / "run").states()


# --- processes ---------------------------------------------------------------------------------


def test_without_a_home_folder(trained, here, monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    for name in ("GANVAS_CACHE", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    done = here("info")
    assert done.returncode == 0 and "none: there is no home folder" in done.stdout, done.stderr
    result = ganvas.evaluate(trained, metrics=["kid"], n=50, features="digits")
    assert result.scores["kid"].value is not None


def test_closed_streams(trained, tmp_path):
    """A file that is opened next must not take the number of a closed stream."""
    code = (
        "import os, sys\nfor n in (1, 2): os.close(n)\nsys.stdout = sys.stderr = None\n"
        "from ganvas.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    )
    words = ["sample", trained, "-n", "4", "--out", tmp_path / "a.png"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], check=False)
    assert done.returncode == 0
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()


def test_another_backend_of_keras(command, tmp_path, monkeypatch):
    """The command chooses TensorFlow for its own process; Python says what to set."""
    code = "import ganvas\ntry:\n    ganvas.load\nexcept ganvas.UsageError as e:\n    print(e)"
    environment = dict(os.environ) | {"KERAS_BACKEND": "nobackend"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert "set KERAS_BACKEND=tensorflow" in done.stdout
    monkeypatch.setenv("KERAS_BACKEND", "nobackend")
    done = command("sample", tmp_path)
    assert "is not a run" in done.stderr


def test_keras_on_another_library_is_refused(trained, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with refuses(UsageError, "jax"):
        ganvas.load(trained)
    with refuses(UsageError, "jax"):
        ganvas.load_game(trained)


# --- files of others ---------------------------------------------------------------------------


def test_files_of_others_are_not_replaced(trained, here, tmp_path):
    for words, out in (
        (["sample", trained, "-n", 4], "grid.png"),
        (["morph", trained, "--seconds", 0.2], "film.gif"),
    ):
        path = tmp_path / out
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
        before = path.read_bytes()
        one_line(here(*words, "--out", path), path, "another name")
        assert path.read_bytes() == before
        path.unlink()
        for _ in range(2):  # the command's own file may be written again
            assert here(*words, "--out", path).returncode == 0
        assert is_own(path)
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "000002.png").write_text("mine")
    one_line(here("sample", trained, "-n", 4, "--out", folder), "000002.png")
    assert [path.name for path in folder.iterdir()] == ["000002.png"]


def test_a_report_of_others_is_not_replaced(trained, here, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "run")
    (folder / "report.html").write_text("<p>My notes on ganvas</p>")
    one_line(here("evaluate", folder, "-n", 50, "--metrics", "kid"), "report.html")
    (folder / "report.html").unlink()
    for _ in range(2):
        done = here("evaluate", folder, "-n", 50, "--metrics", "kid", "--features", "digits")
        assert done.returncode == 0, done.stderr
    assert is_own(folder / "report.html") and is_own(folder / "report.md")


def test_a_png_of_an_older_version_is_known_by_its_fields(tmp_path):
    about = {"model": "runs/x", "seed": "0", "truncation": "1.0"}
    ganvas.images.write_png(tmp_path / "a.png", np.zeros((4, 4, 1), np.uint8), about)
    ganvas.images.write_png(tmp_path / "b.png", np.zeros((4, 4, 1), np.uint8), {"seed": "0"})
    assert is_own(tmp_path / "a.png") and not is_own(tmp_path / "b.png")


def test_a_run_that_is_gone(tmp_path):
    with refuses(RunError):
        ganvas.resume(tmp_path / "gone", data="mnist")
