"""Scores as a user sees them: while a run trains, and by `ganvas evaluate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.data.mnist import mnist
from ganvas.storage.run import Run

SCORED = {
    "train.kimg": 3.2,
    "train.batch": 16,
    "train.tick_kimg": 0.8,
    "train.steps_per_execution": 10,
    "train.burn_in_kimg": 0,
    "train.ema_kimg": 0.2,
    "penalties": [],
    "networks.width": 8,
    "networks.discriminator_width": 8,
    "networks.noise": 16,
    "data.holdout": 0.25,
    "watch.tensorboard": False,
    "watch.signals": False,
    "scores.times": 4,
    "scores.images": 200,
}


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = mnist("train")
    return images[:1000], labels[:1000]


@pytest.fixture(scope="module")
def others() -> np.ndarray:
    """Digits that no run learns from."""
    return mnist("test")[0][:300]


@pytest.fixture(scope="module")
def digits_npz(digits, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, x=digits[0], y=digits[1])
    return path


@pytest.fixture(scope="module")
def run(digits_npz, tmp_path_factory, cache) -> Run:
    folder = tmp_path_factory.mktemp("scored") / "run"
    values = SCORED | {"watch.signals": True}  # which the report shows
    return ganvas.train(digits_npz, "quick", run=folder, overrides=values, progress=False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("GANVAS_CACHE", str(folder))
        yield folder


def write_folder(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04d}.png")
    return folder


def test_a_run_is_scored_while_it_trains(run):
    scored = [row for row in run.rows() if "score/frechet" in row]
    assert len(scored) == 4
    best = min(scored, key=lambda row: row["score/frechet"])
    assert run.best["step"] == best["step"]
    assert run.best["frechet"] == best["score/frechet"]
    assert (run.best["by"], run.best["features"]) == ("frechet", "digits")
    assert run.best["floor"]["frechet"] < run.best["frechet"]
    assert run.model("best").name == run.best["model"]


def test_the_middle_model_wins_when_the_run_collapses_later(run, tmp_path):
    """In its second half the run learns at a rate at which it collapses."""
    folder = shutil.copytree(run.folder, tmp_path / "run")
    healthy = Run.open(folder)
    before = healthy.best
    wrecked = {"train.kimg": 4.8, "train.learning_rate": 5.0, "scores.times": 6}
    wrecked |= {"watch.signals": False, "train.decay": "none"}
    ganvas.resume(folder, overrides=wrecked, progress=False)
    rows = [row for row in healthy.rows() if "score/frechet" in row]
    assert rows[-1]["score/frechet"] > 1.2 * before["frechet"]
    assert healthy.best == before
    middle = ganvas.load(folder).sample(200)
    assert np.array_equal(middle, ganvas.load(run).sample(200))
    assert not np.array_equal(middle, ganvas.load(folder, "last").sample(200))


@pytest.fixture(scope="module")
def still(digits_npz, tmp_path_factory, cache) -> Run:
    """A run that gets no better, with a gate that it does not pass."""
    own = dict.fromkeys(("train.learning_rate", "train.discriminator_learning_rate"), 1e-12)
    own |= {"networks.norm": "none"}  # the means of batch normalisation change by themselves
    own |= {"train.kimg": 1.28, "train.tick_kimg": 0.32, "scores.patience": 2}
    own |= {"gate.coverage_min": 0.99}
    folder = tmp_path_factory.mktemp("still") / "run"
    return ganvas.train(digits_npz, "quick", run=folder, overrides=SCORED | own, progress=False)


def test_a_run_that_gets_no_better_stops(still):
    assert still.status() == "finished"
    assert [row["kimg"] for row in still.rows()][-1] == pytest.approx(3 * 0.32, rel=0.01)
    assert still.model("last").stem == "000001" and still.model().name.startswith("best-")


def test_evaluate_a_run(run, forked, cache):
    process = forked("evaluate", run.folder, "-n", 300, "--json")
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    result = json.loads(out)
    assert result["features"] == "digits" and len(result["features_sha256"]) == 64
    assert result["n_fake"] == 300 and result["n_real"] == 250
    assert result["gate"] == {"passed": None, "failed": []}
    for name in ("frechet", "kid", "precision", "coverage", "diversity", "near_copies"):
        one = result["scores"][name]
        assert one["value"] is None or one["low"] <= one["value"] <= one["high"], name
    page = (run.folder / "report.html").read_text()
    for section in ("Scores", "Nearest training images", "Health", "Limits"):
        assert f">{section}</h2>" in page, section
    assert all(name in page for name in result["scores"])
    assert (run.folder / "report.md").exists()


def test_a_gate_that_fails_is_exit_1(still, here):
    done = here("evaluate", still.folder, "-n", 200, "--metrics", "coverage")
    assert done.returncode == 1
    assert "below coverage_min = 0.99" in done.stderr


def test_folders_are_scored_side_by_side(others, digits_npz, tmp_path, here, cache):
    real = write_folder(tmp_path / "real", others)
    blank = write_folder(tmp_path / "blank", np.zeros((60, 28, 28), np.uint8))
    words = ("evaluate", real, blank, "--data", digits_npz)
    done = here(*words, "--json")
    assert done.returncode == 0, done.stderr
    good, bad = (json.loads(done.stdout)[str(folder)]["scores"] for folder in (real, blank))
    assert good["kid"]["low"] < 0.05 < bad["kid"]["low"]
    assert good["coverage"]["low"] > bad["coverage"]["high"]
    assert bad["duplicates"]["value"] == 1.0
    table = here(*words, "--metrics", "kid,coverage").stdout
    assert "kid" in table and "coverage" in table and "blank" in table


def test_large_images_are_compared_at_their_own_size(cache):
    """128 px, where training would take 64 by itself; real ones of 160 px are brought to it."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (24, 4, 4, 3)).astype(np.uint8)
    fakes, reals = (np.kron(blocks, np.ones((1, n, n, 1), np.uint8)) for n in (32, 40))
    scores = ganvas.evaluate(fakes, reals, metrics=["near_copies", "precision"]).scores
    assert scores["near_copies"].value == 1.0
    assert scores["precision"].value == 1.0


def test_copies_are_found_in_a_folder(digits, others, digits_npz, tmp_path, here, cache):
    """Planted: a tenth of the fakes are training images; the floor comes from those left out."""
    fakes = others.copy()
    fakes[:30] = digits[0][100:130]
    folder = write_folder(tmp_path / "fakes", fakes)
    words = ("evaluate", folder, "--data", digits_npz, "--metrics", "near_copies", "--json")
    found = json.loads(here(*words).stdout)["scores"]["near_copies"]
    assert found["value"] >= 0.1
    assert found["low"] > 0.05 > found["floor"]


@pytest.mark.parametrize(
    "shape, words",
    [((3, 28, 28), "at least 10"), ((20, 32, 32), "28×28"), ((20, 28, 28, 3), "3 channels")],
)
def test_images_that_cannot_be_compared(shape, words, tmp_path, here, digits_npz):
    images = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    folder = write_folder(tmp_path / "fakes", images)
    done = here("evaluate", folder, "--data", digits_npz)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert words in done.stderr


def test_wrong_words(tmp_path, here, digits_npz, run):
    (tmp_path / "empty").mkdir()
    floats = tmp_path / "floats.npz"
    np.savez(floats, x=np.full((20, 28, 28), np.nan, np.float32))
    sizes = write_folder(tmp_path / "sizes", np.random.default_rng(0).integers(
        0, 255, (20, 28, 28)).astype(np.uint8))  # fmt: skip
    Image.new("L", (40, 40), 9).save(sizes / "large.png")
    for words, hint in [
        (("evaluate", tmp_path), "--data"),
        (("evaluate", tmp_path / "empty", "--data", digits_npz), "contains no images"),
        (("evaluate", floats, "--data", digits_npz), "NaN"),
        (("evaluate", sizes, "--data", digits_npz), "one size"),
        (("evaluate", run.folder, "--metrics", "fretchet"), "did you mean 'frechet'"),
        (("evaluate", run.folder, "--features", "lenet"), "features"),
    ]:
        done = here(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert hint in done.stderr
