"""Sheets and films that people look at."""

import subprocess

import numpy as np
import pytest
from PIL import Image

from ganvas.base.own_files import is_own
from ganvas.errors import MissingExtra, UsageError
from ganvas.images import films, grid
from ganvas.images.films import format_of, write_film
from ganvas.images.sheets import LINE, enlarged, factor, named, sheet, side_by_side
from refusals import refuses


def pictures(count, side=8, channels=1):
    rng = np.random.default_rng(0)
    return rng.integers(0, 200, (count, side, side, channels)).astype(np.uint8)


def test_small_images_are_drawn_by_whole_factors():
    assert [factor(w) for w in (28, 298, 338, 528, 539, 540, 2000)] == [20, 2, 2, 2, 2, 1, 1]
    images = pictures(9)
    made = sheet(images, 3)
    times = factor(3 * 10 - 2)
    assert np.array_equal(made, enlarged(grid(images, 3, 2), times)), "nearest neighbour"
    assert made.shape[1] >= 540


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_names_stand_below_images_and_beside_rows(channels):
    images = pictures(6, 32, channels)
    plain = sheet(images, 3)
    below = sheet(
        images, 3, captions=["cat", "dog", "a name that is longer than its image", *"xyz"]
    )
    assert below.shape[0] == plain.shape[0] + 2 * LINE and below.shape[1:] == plain.shape[1:]
    beside = sheet(images, 3, rows=["cat", "dog"])
    left = beside.shape[1] - plain.shape[1]
    assert left > 10 and np.array_equal(beside[:, left:], plain)
    margin = beside[:, :left, 0]
    assert (margin < 100).any() and (margin[:3] == 255).all()
    if channels in (2, 4):
        assert (beside[:, :left, -1] == 255).all(), "opaque"
    wide = sheet(images, 3, rows=["very " * 30, "dog"])
    assert wide.shape[1] < plain.shape[1] + 180


def test_a_name_that_the_font_lacks_is_a_number():
    names = ["cat", "猫", "\x1b[31m"]
    assert [named(label, names) for label in range(3)] == ["cat", "1", "2"]


def test_films_side_by_side():
    films = np.stack([pictures(6), pictures(6)])
    assert np.array_equal(side_by_side(films, 3)[1], grid(films[1], 3))


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 4])
def test_a_film(tmp_path, kind, channels):
    path = tmp_path / "new" / f"a.{kind}"
    write_film(path, pictures(10, 16, channels), 1.0)
    with Image.open(path) as film:
        assert film.n_frames == 10 and film.size == (16, 16) and film.info["loop"] == 0
        film.load()
        assert film.info["duration"] == 100
    assert is_own(path)


def test_the_format_of_a_film(tmp_path, monkeypatch):
    assert format_of(tmp_path / "a.GIF") == "gif"
    with refuses(UsageError, ".gif, .webp, .mp4"):
        format_of(tmp_path / "a.png")
    with refuses(UsageError, "ends in .webp"):
        format_of(tmp_path / "a.gif", "webp")
    monkeypatch.setattr(films.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with refuses(MissingExtra, "pip install 'ganvas[film]'"):
        format_of(tmp_path / "a.mp4")


def test_ffmpeg_is_sent_all_frames_with_even_sides(tmp_path, monkeypatch):
    calls = []

    def run(command, input, **options):
        calls.append((command, len(input)))
        (tmp_path / command[-1]).write_bytes(b"film")
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(films.shutil, "which", lambda name: "/usr/bin/ffmpeg")
    monkeypatch.setattr(films.subprocess, "run", run)
    write_film(tmp_path / "a.mp4", pictures(5, 15), 2.0)
    [(command, size)] = calls
    assert "16x16" in command and "2.500000" in command and size == 5 * 16 * 16 * 3
    assert (tmp_path / "a.mp4").read_bytes().startswith(b"film\0")
    monkeypatch.setattr(
        films.subprocess, "run",
        lambda command, **options: subprocess.CompletedProcess(command, 1, b"", b"x\nno codec"),
    )  # fmt: skip
    with refuses(UsageError, "no codec"):
        write_film(tmp_path / "b.mp4", pictures(5, 15), 2.0)
    assert not (tmp_path / "b.mp4").exists()
