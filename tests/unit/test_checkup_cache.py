"""The checkup's cache: nothing is decoded twice, and nothing depends on the cache."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.base import cache
from ganvas.data import Options, checkup_cache, folder as folders, load
from ganvas.data.rows import Remembered

COUNT = 40


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of the cache. Files that were just written are trusted at once."""
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checkup_cache, "SETTLED", -3600.0)
    return tmp_path / "cache" / "checkup"


@pytest.fixture
def photos(tmp_path):
    """Two classes; grey ones, one blank, two equal ones, wide ones, one that is broken."""
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        file = tmp_path / "photos" / "ab"[number % 2] / f"{number:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = rng.integers(0, 255, (16, 20, 3), np.uint8)
        if number in (3, 5):
            picture = np.full_like(picture, 7)
        if number % 10 == 7:
            picture = rng.integers(0, 4000, (16, 20)).astype(np.uint16)
        Image.fromarray(picture).save(file)
    (tmp_path / "photos" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n?")
    return tmp_path / "photos"


@pytest.fixture
def work(monkeypatch):
    """The paths of the headers and of the files that were read."""
    done = {"look": [], "check": []}
    for name, paths in done.items():
        function = getattr(folders, name)

        def counted(path, *args, function=function, paths=paths, **options):
            paths.append(Path(path).name)
            return function(path, *args, **options)

        monkeypatch.setattr(folders, name, counted)
    return done


def facts(images):
    """All that a training reads."""
    return (
        images.shape, images.names, images.places, images.count, images.fingerprint, images.levels,
        images.report.to_dict(), images.hashes.tolist(), images.file_hashes.tolist(),
        images.pixels(np.arange(len(images.hashes))).tobytes(),
        [[np.asarray(part).tobytes() for part in batch] for batch in images.stream(8, 3).take(9)],
    )  # fmt: skip


def read(photos, **options):
    return load(str(photos), Options(size=(16, 16), **options))


@pytest.mark.parametrize("options", [{}, {"cache_gb": 0.0}], ids=["memory", "disk"])
def test_the_second_time_nothing_is_decoded_and_all_is_equal(photos, place, work, options):
    first = facts(read(photos, **options))
    assert len(work["look"]) == COUNT + 1
    assert len(work["check"]) == COUNT
    for paths in work.values():
        paths.clear()
    again = read(photos, **options)
    assert work == {"look": ["broken.png"], "check": []}, "only what failed is read again"
    assert facts(again) == first
    assert len(list(place.iterdir())) == 2


def test_only_changed_and_new_files_are_checked(photos, place, work):
    read(photos)
    before = (photos / "a" / "00.png").stat()
    Image.new("RGB", (20, 16), "red").save(photos / "a" / "new.png")
    content = bytearray((photos / "a" / "02.png").read_bytes())
    (photos / "a" / "02.png").write_bytes(content)  # its times alone
    os.utime(photos / "a" / "00.png", ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    (photos / "b" / "01.png").unlink()
    for paths in work.values():
        paths.clear()
    images = read(photos)
    assert sorted(work["look"]) == ["00.png", "02.png", "broken.png", "new.png"]
    assert sorted(work["check"]) == ["00.png", "02.png", "new.png"]
    found = facts(images)
    for file in place.iterdir():
        file.unlink()
    assert facts(read(photos)) == found


def test_a_changed_file_is_seen_whatever_its_size_and_time(photos, place, work):
    """Tools that copy may set the time of a file back; its status has a time of its own."""
    read(photos)
    file = photos / "a" / "00.png"
    before, content = file.stat(), bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    work["check"].clear()
    read(photos)
    assert work["check"] == ["00.png"]


def test_what_a_result_depends_on(photos, place, work):
    for options in ({}, {"fit": "pad"}, {"channels": 1}, {"levels": (0, 4000)}):
        work["check"].clear()
        read(photos, **options)
        assert len(work["check"]) == COUNT, options
    read(photos, holdout=0.2, labels=False)
    assert len(work["check"]) == COUNT, "neither of these"


def test_a_file_that_has_just_changed_is_not_trusted(photos, place, work, monkeypatch):
    monkeypatch.setattr(checkup_cache, "SETTLED", 3600.0)
    for _ in range(2):
        read(photos)
    assert len(work["check"]) == 2 * COUNT
    assert not place.exists()


def torn(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def other(path):
    np.savez(path, names=np.zeros(3, np.uint8), stamps=np.zeros((1, 3)), rows=np.ones(9))


def objects(path):
    np.savez(path, names=np.array([{}], object), allow_pickle=True)


@pytest.mark.parametrize("damage", [torn, empty, other, objects])
def test_a_damaged_cache_is_made_anew(photos, place, work, damage):
    first = facts(read(photos))
    for path in place.iterdir():
        damage(path)
    work["check"].clear()
    assert facts(read(photos)) == first
    assert len(work["check"]) == COUNT
    work["check"].clear()
    read(photos)
    assert not work["check"]


@pytest.mark.parametrize("kind", ["no home", "file", "read-only"])
def test_without_a_place_for_the_cache(photos, place, work, monkeypatch, kind):
    if kind == "no home":
        for name in ("GANVAS_CACHE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(cache, "home", lambda: None)
    elif kind == "file":
        place.parent.write_text("")
    else:

        def refused(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(checkup_cache.tempfile, "mkstemp", refused)
    for _ in range(2):
        assert read(photos).count > 30
    assert len(work["check"]) == 2 * COUNT


def test_processes_share_it(photos, place):
    """Each writes a file of its own, and the last one stays."""
    first = facts(read(photos))
    for path in place.iterdir():
        path.unlink()
    found = []
    threads = [threading.Thread(target=lambda: found.append(read(photos))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(facts(images) == first for images in found)
    assert [path.suffix for path in place.iterdir()] == [".npz"] * 2


def test_tables_that_were_used_last_stay(photos, place, monkeypatch):
    monkeypatch.setattr(checkup_cache, "MOST", 3)
    read(photos)
    for path in place.iterdir():
        os.utime(path, (1, 1))
    kept = sorted(path for path in place.iterdir())
    read(photos)  # uses both
    for path in kept:
        assert path.stat().st_mtime > 1
    read(photos, fit="pad")
    read(photos, fit="paper")
    assert len(list(place.iterdir())) == 3


def test_images_are_decoded_when_they_are_first_read():
    read = []

    def decode(row):
        read.append(row)
        return np.full((2, 2, 1), row, np.uint8)

    kept = np.zeros((200, 2, 2, 1), np.uint8)
    kept[0] = 99
    images = Remembered(decode, kept, np.arange(200) == 0)
    for _ in range(2):
        assert images.several(np.array([3, 0, 3, 5]))[:, 0, 0, 0].tolist() == [3, 99, 3, 5]
    assert sorted(set(read)) == [3, 5]
    assert images(7)[0, 0, 0] == 7
    read.clear()
    assert images.several(np.arange(200))[1:, 0, 0, 0].tolist() == list(range(1, 200))
    assert sorted(read) == sorted(set(range(1, 200)) - {3, 5, 7})
