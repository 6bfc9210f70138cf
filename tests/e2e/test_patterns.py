"""`ganvas patterns` from the command line: its files, its resume, its refusals."""

from __future__ import annotations

import hashlib
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.cli import run_command
from ganvas.images import provenance
from ganvas.kits import patterns
from ganvas.kits.patterns import tiles as tile_drawing, tiling
from ganvas.kits.patterns.marks import read_marks
from refusals import refuses

TINY = {
    "networks.width": 4, "networks.discriminator_width": 4, "networks.max_width": 8,
    "train.tick_kimg": 0.08, "train.steps_per_execution": 2, "watch.tensorboard": False,
    "watch.signals": False, "penalties": [],
}  # fmt: skip
SETS = [word for key, value in TINY.items() for word in ("--set", f"{key}={str(value).lower()}")]


def opened(path):
    """A picture, its file closed."""
    with Image.open(path) as picture:
        picture.load()
        return picture


@pytest.fixture(scope="module")
def textures(tmp_path_factory):
    """Two texture files: waves, and noise that has a grain."""
    folder = tmp_path_factory.mktemp("textures")
    y, x = np.mgrid[0:96, 0:96]
    rng = np.random.default_rng(0)
    for name, grey in (("waves", np.sin(x / 7 + np.sin(y / 9))), ("grain", np.sin(x / 3 + y / 5))):
        wide = 128 + 60 * grey[..., None] * [1, 0.6, 0.3] + rng.normal(0, 8, (96, 96, 3))
        Image.fromarray(np.clip(wide, 0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def icons(tmp_path_factory):
    """120 discs and squares in red and blue, as a file."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:16, 0:16]
    images = []
    for i in range(120):
        a, b, r = rng.uniform(5, 11), rng.uniform(5, 11), rng.uniform(3, 6)
        away = np.maximum(abs(y - a), abs(x - b)) if i % 2 else np.hypot(y - a, x - b)
        paint = (215, 35, 45) if i % 4 < 2 else (30, 80, 210)
        images.append(np.where((away < r)[..., None], paint, 255))
    path = tmp_path_factory.mktemp("icons") / "icons.npz"
    np.savez(path, x=np.stack(images).astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def tiled(textures, tmp_path_factory, forked):
    """A folder that the command line wrote, and what it printed."""
    out = tmp_path_factory.mktemp("tiles") / "out"
    done = forked(*tile_words(textures, out), "--kimg", 0.16, "--json")
    printed, errors = done.communicate()
    assert done.returncode == 0, errors
    return out, json.loads(printed)


def tile_words(textures, out):
    words = ["patterns", "tile", textures / "waves.png", "--morph", textures / "grain.png",
             "--out", out, "--size", "64x96", "-n", 2, *SETS]  # fmt: skip
    return list(map(str, words))


def test_tiles_are_written(tiled):
    out, result = tiled
    assert result == json.loads((out / "tiles.json").read_text())
    assert [one["texture"] for one in result["tiles"]] == ["waves"] * 2 + ["grain"] * 2
    for one in result["tiles"]:
        assert opened(out / one["file"]).size == (96, 64)
    first = opened(out / "tiles" / "waves-0000.png")
    assert first.info["seed"] == "0" and len(first.info["model_sha256"]) == 64
    assert opened(out / "previews" / "waves-0000.png").size == (192, 128)
    for name in ("wallpaper.png", "fabric.png", "morph.png", "morph.gif", "tiles.json"):
        assert (out / name).is_file(), name


def test_tiles_are_resumed(tiled, textures, tmp_path, capsys):
    out, _ = tiled
    pixels = np.asarray(opened(out / "tiles" / "waves-0000.png"))
    model = sha256(ganvas.Run(out / "run").model("last"))
    shutil.copytree(out, tmp_path / "out")
    out = tmp_path / "out"
    words = tile_words(textures, out)
    assert run_command([*words, "--kimg", "0.16"]) == 0
    assert ganvas.Run(out / "run").rows()[-1]["kimg"] == pytest.approx(0.16)  # not trained again
    assert sha256(ganvas.Run(out / "run").model("last")) == model
    np.testing.assert_array_equal(np.asarray(opened(out / "tiles" / "waves-0000.png")), pixels)
    files = [textures / "waves.png", textures / "grain.png"]
    patterns.learn_tiles(files, out, kimg=0.24, overrides=TINY, progress=False)
    assert ganvas.Run(out / "run").rows()[-1]["kimg"] == pytest.approx(0.24)
    capsys.readouterr()
    other = ["patterns", "tile", str(textures / "grain.png"), "--out", str(out), *SETS]
    assert run_command(other) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "another value of textures.waves" in error


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_several_textures_are_learnt_each_by_itself(textures, tmp_path, monkeypatch):
    """The second is interrupted: what was learnt is drawn, and the status says so."""
    learnt, seen = [], iter(["finished", "interrupted"])

    class Learnt:
        def __init__(self, paths, place, **options):
            learnt.append((paths, place))
            self.names, status = [paths[0].stem], next(seen)
            self.run = SimpleNamespace(
                folder=place / "run", status=lambda: status, model=lambda which: None,
                rows=lambda: [{"seconds": 1.0}],
            )  # fmt: skip

        def draw(self, size, name, seed):
            return np.random.default_rng(seed).integers(0, 255, (*size, 3)).astype(np.uint8)

        def about(self, name, seed):
            return {}

    monkeypatch.setattr(tiling, "learn_tiles", Learnt)
    result = patterns.make_tiles(
        [textures], tmp_path / "out", engine="gan", size=(32, 32), n=1, progress=False
    )
    assert [place.name for _, place in learnt] == ["grain", "waves"]
    assert [paths for paths, _ in learnt] == [[textures / "grain.png"], [textures / "waves.png"]]
    assert [one.file for one in result.tiles] == ["tiles/grain-0000.png", "tiles/waves-0000.png"]
    assert result.status == "interrupted"
    assert json.loads((tmp_path / "out" / "tiles.json").read_text()) == result.to_dict()


def test_blocks_are_laid_without_training(textures, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["patterns", "tile", str(textures), "--out", str(out), "--size", "100x130", "-n", "2"]
    assert run_command([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((out / "tiles.json").read_text())
    assert (result["engine"], result["runs"], result["status"]) == ("patch", [], "finished")
    assert [one["texture"] for one in result["tiles"]] == ["grain"] * 2 + ["waves"] * 2
    assert result["repeats"] > 0.95, "the view shows a small tile again and again"
    first = out / "tiles" / "waves-0000.png"
    assert opened(first).size == (130, 100) and len(opened(first).info["texture_sha256"]) == 64
    assert provenance.read(first) is None, "no trained model has made it"
    pixels = np.asarray(opened(first))
    assert {tuple(p) for p in pixels.reshape(-1, 3)} <= {
        tuple(p) for p in np.asarray(opened(textures / "waves.png")).reshape(-1, 3)
    }
    assert run_command(words) == 0
    assert "structure" in capsys.readouterr().out
    np.testing.assert_array_equal(np.asarray(opened(first)), pixels)
    assert run_command([*words, "--kimg", "1"]) == 2, "the folder belongs to the other engine"
    assert run_command([*words, "--engine", "patch", "--kimg", "1"]) == 2
    assert "trains nothing, got kimg" in capsys.readouterr().err


def test_tiles_are_drawn_by_seed_size_and_name(tiled, textures, monkeypatch):
    files = [textures / "waves.png", textures / "grain.png"]  # learnt already
    drawer = patterns.learn_tiles(files, tiled[0], kimg=0.16, overrides=TINY, progress=False)
    assert drawer.names == ["waves", "grain"]
    tile = drawer.draw((64, 96), "waves", seed=3)
    assert tile.shape == (64, 96, 3)
    np.testing.assert_array_equal(drawer.draw((64, 96), 0, seed=3), tile)
    assert not np.array_equal(drawer.draw((64, 96), 0, seed=4), tile)
    assert drawer.frames((32, 32), 0, 1, count=3).shape == (3, 32, 32, 3)
    whole, half = drawer.frames((32, 32), 0, 1, count=2)  # there and back
    np.testing.assert_array_equal(whole, drawer.draw((32, 32), 0))
    np.testing.assert_array_equal(half, drawer.draw((32, 32), 1))
    monkeypatch.setattr(tile_drawing, "PIECE", 2)  # a large tile is drawn in pieces
    assert np.abs(drawer.draw((64, 96), "waves", seed=3).astype(int) - tile).max() <= 1
    with refuses(ganvas.UsageError, "16", "4096", "64", "70"):
        drawer.draw((70, 64))
    with refuses(ganvas.UsageError, "'wave'", "'waves'"):
        drawer.draw((64, 64), "wave")


@pytest.fixture(scope="module")
def logos(icons, tmp_path_factory):
    values = {**TINY, "train.batch": 8}
    folder = tmp_path_factory.mktemp("logos") / "out"
    return patterns.learn_logos(icons, folder, size=16, kimg=0.16, overrides=values, progress=False)


def test_logos_have_the_requested_colours(logos):
    drawn = logos.draw(8, ["#2e9e3e", "#8232b4"], seed=1)
    assert drawn.images.shape == (8, 16, 16, 3)
    assert [own[0] for own in drawn.colours] == ["#2e9e3e", "#8232b4"] * 4
    again = logos.draw(8, ["#2e9e3e", "#8232b4"], seed=1)
    np.testing.assert_array_equal(drawn.images, again.images)


def test_only_kinds_of_the_requested_colour_are_drawn(logos):
    drawn = logos.draw(12, ["#d7232d", "#1e50d2"], exact=False)
    mains = [logos.kinds[label].partition("/")[0] for label in drawn.labels]
    assert mains == ["red", "blue"] * 6
    assert {logos.kinds[i] for i in logos.draw(6, kind="blue").labels} <= {
        kind for kind in logos.kinds if kind.startswith("blue")
    }
    with refuses(ganvas.UsageError, "'bleu'", "'blue'"):
        logos.draw(4, kind="bleu")


def test_near_copies_are_refused(logos, icons, monkeypatch):
    """A generator that gives training images back has all of them refused."""
    originals = read_marks(icons, 16).pixels
    monkeypatch.setattr(logos.sampler, "decode", lambda noise, labels: originals[: len(noise)])
    with refuses(ganvas.UsageError):
        logos.draw(4)
    drawn = logos.finish(np.zeros((5, 64), np.float32), np.zeros(5, np.int32), [[]] * 5)
    np.testing.assert_array_equal(drawn.nearest, range(5))
    np.testing.assert_allclose(drawn.distance, 0, atol=0.1)  # rounded squares


def test_variations_begin_with_the_chosen_one(logos):
    drawn = logos.draw(4)
    near = logos.variations(drawn, 2, n=3, strength=0.2)
    np.testing.assert_array_equal(near.shapes[0], drawn.shapes[2])
    np.testing.assert_allclose(
        np.linalg.norm(near.noise, axis=1), np.linalg.norm(drawn.noise[2]), rtol=1e-3
    )
    angle = (near.noise[1:] @ drawn.noise[2]) / np.linalg.norm(drawn.noise[2]) ** 2
    assert (angle > 0.9).all() and (angle < 0.9999).all()
    same = logos.variations(drawn, 2, n=1, strength=0.0)
    np.testing.assert_allclose(same.noise[1], drawn.noise[2], atol=1e-2)


def test_a_walk_closes(logos):
    frames = logos.walk(logos.draw(4), seconds=2, fps=20).astype(int)
    steps = np.abs(np.roll(frames, -1, 0) - frames).mean(axis=(1, 2, 3))
    assert len(frames) == 40
    assert steps[-1] <= 3 * steps.mean() + 1


def test_logos_from_the_command_line(logos, icons, tmp_path, capsys):
    out = logos.run.folder.parent
    words = ["patterns", "logos", str(icons), "--out", str(out), "--size", "16", "-n", "6"]
    sets = [*SETS, "--set", "train.batch=8", "--kimg", "0.16", "--no-judge", "--json"]
    extras = ["--palette", "#e63946,navy"]
    assert run_command([*words, *sets, *extras]) == 2
    assert "unknown colour 'navy'" in capsys.readouterr().err
    extras = ["--palette", "#e63946,blue", "--variations", "1", "--walk", "--directions"]
    code, printed = run_command([*words, *sets, *extras]), capsys.readouterr()
    assert code == 0, printed.err
    result = json.loads(printed.out)
    assert result == json.loads((out / "logos.json").read_text())
    assert [one["main"] for one in result["logos"]] == ["#e63946", "#1e50d2"] * 3
    assert all(one["distance"] > 0 and not one["near_copy"] for one in result["logos"])
    for name in ("logos.png", "nearest.png", "variations.png", "walk.gif", "directions.png"):
        assert (out / name).is_file(), name
    picture = opened(out / "logos" / "0003.png")
    assert picture.size == (128, 128)
    assert picture.info["nearest"].startswith("nearest is item ")


BAD = {
    "no texture": (["tile", "none.png"], "none.png does not exist"),
    "size": (["tile", "waves.png", "--size", "big"], "must be HxW in pixels"),
    "size off": (["tile", "waves.png", "--size", "70", "--engine", "gan"], "multiples of 16"),
    "repeat": (["tile", "waves.png", "--repeat", "9"], "repeat"),
    "networks": (["tile", "waves.png", "--set", "networks.name=dcgan"], "got DCGAN"),
    "logo networks": (["logos", "icons.npz", "--set", "networks.width=-1"], "got -1"),
    "morph itself": (["tile", "waves.png", "--morph", "waves.png"], "is one of the textures"),
    "unknown colour": (["logos", "icons.npz", "--palette", "teel"], "unknown colour 'teel'"),
    "empty palette": (["logos", "icons.npz", "--palette", ""], "the palette is empty"),
    "no such logo": (["logos", "icons.npz", "-n", "4", "--variations", "4"], "0 to 3, got 4"),
    "truncation": (["logos", "icons.npz", "--truncation", "0"], "must be above 0"),
    "one image": (["logos", "waves"], "1 readable image"),
    "preview": (["tile", "waves.png", "--size", "4096", "--repeat", "8"], "a preview at most"),
    "unknown kind": (["logos", "icons.npz", "--size", "16", "--kind", "bleu"], "mean 'blue'"),
    "folder in use": (["tile", "waves.png", "--out", "used"], "holds other files"),
    "svg": (["logos", "icons.npz", "--svg"], "needs vtracer"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name, textures, icons, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "vtracer", None)
    (tmp_path / "waves.png").write_bytes((textures / "waves.png").read_bytes())
    (tmp_path / "icons.npz").write_bytes(icons.read_bytes())
    (tmp_path / "waves").mkdir()
    (tmp_path / "waves" / "one.png").write_bytes((textures / "waves.png").read_bytes())
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "letter.txt").write_text("mine")
    words, sentence = BAD[name]
    out = [] if "--out" in words else ["--out", "out"]
    before = sorted(p.name for p in tmp_path.rglob("*"))
    assert run_command(["patterns", *words, *out]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert sentence in printed.err
    assert sorted(p.name for p in tmp_path.rglob("*")) == before  # nothing was begun
