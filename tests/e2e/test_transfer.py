"""Runs that begin from other networks: pairs in the package, runs, files."""

import json

import numpy as np
import pytest

import ganvas
from ganvas.errors import ConfigError
from ganvas.pretrained.pairs import bundled
from refusals import refuses

SHORT = {
    "train.kimg": 0.128, "train.tick_kimg": 0.064, "train.batch": 16, "scores.times": 0,
    "train.steps_per_execution": 4, "watch.tensorboard": False, "watch.signals": False,
}  # fmt: skip
WORDS = [word for key, value in SHORT.items() for word in ("--set", f"{key}={value}".lower())]


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Coloured squares on white."""
    random = np.random.default_rng(0)
    images = np.full((64, 32, 32, 3), 255, np.uint8)
    for image in images:
        y, x, side = random.integers(2, 10), random.integers(2, 10), random.integers(8, 20)
        image[y : y + side, x : x + side] = random.integers(0, 256, 3)
    path = tmp_path_factory.mktemp("images") / "squares.npz"
    np.savez(path, images=images)
    return path


@pytest.fixture(scope="module")
def begun(squares, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "begun"
    return ganvas.train(squares, run=folder, overrides=SHORT, progress=False)


def state(run):
    return run.load_state()


def test_ones_own_images_begin_from_the_nearest_pair(squares, begun, here, tmp_path, monkeypatch):
    assert begun.config.recipe == "finetune" and begun.config.parent == "drawings"
    about = begun.info["transfer"]
    assert about["from"] == "pretrained drawings-32" and len(about["generator"]["taken"]) == 9
    assert not begun.info["started_anew"]
    monkeypatch.setattr("ganvas.training.train.fit", lambda *_: None)
    done = here("train", squares, *WORDS, "--run", tmp_path / "run")
    assert "from       pretrained drawings-32; of the layers 13 taken" in done.stderr
    assert "photos" in done.stderr  # the other distance
    done = here("train", squares, *WORDS, "--from", "none", "--run", tmp_path / "noise")
    assert "recipe     quick" in done.stderr and "from       noise" in done.stderr


def test_a_named_recipe_begins_from_noise(squares, here, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.training.train.fit", lambda *_: None)
    run = tmp_path / "run"
    here("train", squares, *WORDS, "--recipe", "finetune", "--run", run)
    assert json.loads((run / "run.json").read_text())["transfer"] is None


def test_an_interrupted_run_from_a_pair_is_exact(squares, begun, tmp_path):
    run = ganvas.train(
        squares, run=tmp_path / "run", overrides=SHORT, progress=False, each_tick=lambda _: True
    )
    assert run.status() == "interrupted"
    run = ganvas.resume(run, progress=False)
    mine, other = state(run), state(begun)
    assert mine.keys() == other.keys() and int(mine["step"]) == 8
    assert all(np.array_equal(mine[name], other[name]) for name in mine)


def test_networks_of_a_run_or_file_are_taken(squares, begun, here, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.training.train.fit", lambda *_: None)
    done = here("pretrained", "--pack", begun.folder, "--out", tmp_path / "own.npz")
    assert done.returncode == 0, done.stderr
    model = next((begun.folder / "models").glob("*.keras"))
    for number, word in enumerate((begun.folder, tmp_path / "own.npz", model)):
        run = tmp_path / str(number)
        done = here("train", squares, *WORDS, "--from", word, "--run", run)
        assert done.returncode == 0, done.stderr
        about = json.loads((run / "run.json").read_text())["transfer"]
        assert len(about["generator"]["taken"]) == 9
        assert len(about["discriminator"]["taken"]) == (0 if word == model else 4)


def test_other_networks_are_refused(squares, here, tmp_path):
    words = ["--recipe", "sngan", "--from", "photos", "--run", tmp_path / "run"]
    done = here("train", squares, *WORDS, *words)
    assert done.returncode == 2 and "other networks" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_chosen_pair_that_does_not_fit_is_left_out(squares, here, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.training.train.fit", lambda *_: None)
    run = tmp_path / "run"
    done = here("train", squares, *WORDS, "--set", "networks=resnet", "--run", run)
    assert done.returncode == 0 and "from       noise; drawings has other networks" in done.stderr
    assert ganvas.Run(run).config.parent == ""


def test_frozen_layers_keep_their_weights(squares, tmp_path):
    values = {**SHORT, "train.freeze": 2}
    run = ganvas.train(
        squares, run=tmp_path / "run", start_from="photos", overrides=values, progress=False
    )
    before, after = bundled("photos", 32).discriminator.get_weights(), state(run)
    kept = [
        np.array_equal(weight, after[f"discriminator/{number:03d}"])
        for number, weight in enumerate(before)
    ]
    assert kept == [True] * 4 + [False] * (len(kept) - 4)
    with refuses(ConfigError, "train.freeze", 9):
        ganvas.train(squares, start_from="photos", overrides={**SHORT, "train.freeze": 9})


def test_the_pairs_are_listed(here, tmp_path):
    done = here("pretrained")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["drawings", "photos"]
    cards = json.loads(here("pretrained", "--json").stdout)
    assert [sorted(card["sha256"]) for card in cards] == [["32", "64"]] * 2
    done = here("pretrained", "photos", "--out", tmp_path / "photos.png")
    assert "CC BY 4.0" in done.stdout and (tmp_path / "photos.png").stat().st_size > 10_000
    for words in (["nothing"], ["--out", "x.png"], ["--pack", "run"], ["--pack", "run", "photos"]):
        done = here("pretrained", *words)
        assert done.returncode == 2 and done.stderr.count("error: ") == 1
