"""What is found below a folder or in an archive, and what is said of everything else."""

import gzip
import io
import os
import socket
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.config import Config, parse, parse_set
from ganvas.data import Options, archives, header, load, prepare
from ganvas.data.groups import group
from ganvas.data.listing import content_hash, split
from ganvas.data.parallel import mapped
from ganvas.data.walk import find
from ganvas.errors import ConfigError, DataError
from ganvas.images import formats, is_image
from ganvas.kits.defects import good_images
from ganvas.storage.run import Run
from refusals import refuses


def spot(number):
    """A grey image of black and white pixels that differs for each number."""
    return np.random.default_rng(number).integers(0, 2, (16, 16), np.uint8) * 255


SPOT = spot(999)


def fill(folder, count=12, suffix=".png", first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(spot(number)).save(folder / f"{number:03d}{suffix}")
    return folder


def names(folder):
    paths, left_out, _ = find(folder)
    return [Path(path).relative_to(folder).as_posix() for path in paths], left_out


def warned(source, *words):
    return any(all(word in note for word in words) for note in source.report.warnings)


class TestSuffixes:
    def test_all_that_pillow_reads(self, tmp_path):
        fill(tmp_path, 4)
        for number, suffix in enumerate([".pgm", ".jfif", ".avif", ".jp2", ".TIF", ".tga", ".bmp"]):
            Image.fromarray(spot(40 + number)).save(tmp_path / f"a{suffix}")
        (tmp_path / "a.avif").rename(tmp_path / "avif")
        (tmp_path / "a.jfif").rename(tmp_path / "IM.0001")
        for other in ("a.pdf", "a.eps", "a.h5", "a.mpg", "b.txt", "c.txt", "README"):
            (tmp_path / other).write_bytes(b"%!PS-Adobe-3.0 EPSF")
        source = load(tmp_path)
        assert source.count == 11 and not source.report.unreadable
        kinds = {one["what"]: one["count"] for one in source.report.left_out}
        assert kinds == {".txt": 2, ".pdf": 1, ".eps": 1, ".h5": 1, ".mpg": 1, "without suffix": 1}
        assert source.report.ignored == 7

    def test_postscript_under_another_name_is_not_run(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n")
        with refuses(DataError, "PostScript"):
            load(tmp_path)

    def test_what_needs_a_plug_in_is_counted_with_its_command(self, tmp_path, monkeypatch):
        known = formats.known()._replace(suffixes=frozenset({".png"}))
        monkeypatch.setattr(formats, "known", lambda: known)
        monkeypatch.setattr("ganvas.data.walk.known", lambda: known)
        fill(tmp_path)
        for name in ("a.HEIC", "b.heic", "c.jxl"):
            (tmp_path / name).touch()
        source = load(tmp_path)
        lines = " ".join(" ".join(header.header(source)).split())
        assert "2 .heic files (pip install pillow-heif)" in lines
        assert "1 .jxl file (pip install pillow-jxl-plugin)" in lines
        for path in tmp_path.glob("*.png"):
            path.unlink()
        with refuses(DataError, 2, "pip install pillow-heif"):
            load(tmp_path)

    def test_content_of_another_kind_is_named(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
        (tmp_path / "b.jpg").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
        (tmp_path / "c.jpg").write_bytes(b"<!DOCTYPE html><html>")
        fill(tmp_path)
        why = {one["path"]: one["why"] for one in load(tmp_path).report.unreadable}
        assert "git lfs pull" in why["b.jpg"] and "web page" in why["c.jpg"]
        assert ".heic" in formats.known().suffixes or "pillow-heif" in why["a.jpg"]

    @pytest.mark.parametrize(
        ("name", "word"),
        [("a.png", "one image of 16×16"), ("a.tfrecord", "ganvas prepare"), ("a.h5", "HDF5"),
         ("a.parquet", "columns"), ("a.csv", "text file"), ("a.mat", "MATLAB"),
         ("a.pdf", "document"), ("a.mp4", "video"), ("a.rar", "unpack"), ("a.xyz", "not read")],
    )  # fmt: skip
    def test_a_single_file_is_told_what_it_is(self, tmp_path, name, word):
        path = tmp_path / name
        path.write_bytes(b"content")
        if name == "a.png":
            Image.fromarray(SPOT).save(path)
        with refuses(DataError, name, word):
            load(path)


class TestWalk:
    def test_a_loop_of_links_is_not_followed(self, tmp_path):
        folder = fill(tmp_path / "a")
        (folder / "self").symlink_to(".")
        (folder / "up").symlink_to("..")
        found, left_out = names(folder)
        assert found == [f"{n:03d}.png" for n in range(12)]
        assert left_out["link", "to a folder that is read already"] == 2

    def test_each_file_counts_once(self, tmp_path):
        """The path without a link is taken, else the first by name; links out of it work."""
        folder, outside = fill(tmp_path / "a" / "m", 2).parent, fill(tmp_path / "b", 2, first=20)
        (folder / "a.png").symlink_to("m/000.png")
        os.link(folder / "m" / "001.png", folder / "b.png")
        (folder / "c.png").symlink_to(outside / "020.png")
        (folder / "d.png").symlink_to(outside / "020.png")
        (folder / "out").symlink_to(outside)
        (folder / "out-again").symlink_to(outside)
        found, left_out = names(folder)
        assert found == ["b.png", "c.png", "m/000.png", "out/021.png"]
        assert left_out["link", "to a file that is read already"] == 4
        assert left_out["link", "to a folder that is read already"] == 1

    def test_pipes_and_sockets_are_never_opened(self, tmp_path, monkeypatch):
        fill(tmp_path, 4)
        os.mkfifo(tmp_path / "pipe.png")
        (tmp_path / "to-pipe.png").symlink_to("pipe.png")
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s.png")
            source = load(tmp_path)
        counts = Counter({one["what"]: one["count"] for one in source.report.left_out})
        assert (source.count, counts) == (4, {"pipe": 2, "socket": 1})
        assert "2 pipes (no regular file)" in " ".join(header.header(source))
        assert len(good_images.files(tmp_path)) == 4
        with refuses(DataError, "pipe"):
            load(tmp_path / "pipe.png")

    def test_a_broken_link_is_listed(self, tmp_path):
        fill(tmp_path)
        (tmp_path / "gone.png").symlink_to("nowhere.png")
        assert [one["path"] for one in load(tmp_path).report.unreadable] == ["gone.png"]

    def test_equal_pixels_are_in_one_part(self, tmp_path):
        """As files of two formats, or of two ways to compress."""
        folder = fill(tmp_path / "a", 300)
        for number in range(0, 300, 3):
            Image.fromarray(spot(number)).save(folder / f"{number:03d}.bmp")
            Image.fromarray(spot(number)).save(folder / f"{number:03d}.tif")
        source = load(folder, Options(holdout=0.3))
        assert (source.report.used, source.report.duplicates) == (500, 200)
        trained = {source.pixels(source.rows[i : i + 1]).tobytes() for i in range(source.count)}
        held = source.held_out()
        assert held.count > 100
        assert not trained & {
            held.pixels(held.rows[i : i + 1]).tobytes() for i in range(held.count)
        }

    def test_files_that_differ_have_the_fingerprint_of_before(self, tmp_path):
        """Existing runs go on: the hash of a file is that of its bytes."""
        source = load(fill(tmp_path))
        expected = [content_hash(path.read_bytes()) for path in sorted(tmp_path.iterdir())]
        assert source.hashes.tolist() == expected

    @pytest.mark.parametrize("clusters", [0, 3])
    def test_a_run_of_older_versions_keeps_its_holdout(self, tmp_path, clusters):
        """They regarded files, not pixels."""
        folder = fill(tmp_path, 200)
        for number in range(200):
            Image.fromarray(spot(number)).save(folder / f"{number:03d}.bmp")
        source = load(folder)
        now = load(folder, Options(clusters=clusters)).fingerprint
        files = [path.read_bytes() for path in sorted(folder.iterdir())]
        source.hashes = np.array([content_hash(one) for one in files], np.uint64)
        source.rows, held = split(source.hashes, 0.05)
        if clusters:
            source.options = Options(clusters=clusters)
            group(source)
        options = Options(clusters=clusters, known=source.fingerprint)
        old = load(folder, options)
        assert old.fingerprint == source.fingerprint != now
        assert (old.held_count, old.report.duplicates) == (len(held), 200)
        assert np.array_equal(old.labels, source.labels)
        assert load(folder, replace(options, known="another")).fingerprint == now


class TestStopped:
    def test_nothing_is_begun_after_an_interrupt(self):
        begun = []

        def work(number):
            begun.append(number)
            time.sleep(0.01)
            if number == 40:
                raise KeyboardInterrupt
            return number

        with pytest.raises(KeyboardInterrupt):
            list(mapped(work, range(10_000)))
        assert len(begun) < 300

    def test_results_are_in_order_and_few_wait(self):
        results = mapped(lambda number: number, range(1000))
        assert next(results) == 0
        assert list(results) == list(range(1, 1000))


def packed(folder, path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob("*"), reverse=True):
                archive.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
            archive.add(folder, folder.name)
    return path


def in_zip(path, **content):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in content.items():
            archive.writestr(name, file)
    return path


def png(number):
    buffer = io.BytesIO()
    Image.fromarray(spot(number)).save(buffer, "png")
    return buffer.getvalue()


class TestArchives:
    @pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz"])
    def test_it_is_the_folder(self, tmp_path, name):
        folder = fill(tmp_path / "photos" / "cat", 5).parent
        fill(folder / "dog", 6, first=50)
        (folder / "cat" / "notes.txt").touch()
        (folder / ".DS_Store").touch()
        archive, plain = load(packed(folder, tmp_path / name)), load(folder)
        assert (archive.names, archive.places) == (("cat", "dog"), plain.places)
        assert archive.fingerprint == plain.fingerprint
        np.testing.assert_array_equal(archive.pixels(archive.rows), plain.pixels(plain.rows))
        assert archive.report.left_out == plain.report.left_out
        small = load(tmp_path / name, Options(size=20, cache_gb=0))
        assert small.pixels(small.rows).shape == (11, 20, 20, 1)
        assert good_images.read(tmp_path / name).pixels.shape == (11, 16, 16, 1)

    def test_its_layout_is_that_of_the_folder(self, tmp_path):
        """With labels in a file, and without what ganvas or a system has written."""
        folder = fill(tmp_path / "photos", 12)
        lines = [f"{n:03d}.png,{'ab'[n % 2]}" for n in range(12)]
        (folder / "labels.csv").write_text("\n".join(["path,label", *lines]))
        fill(folder / "__MACOSX", 2)
        samples = fill(folder / "drawn", 3)
        (samples / ".request.json").write_text('{"n": 3}')
        archive = load(packed(folder, tmp_path / "photos.zip"))
        plain = load(folder)
        assert archive.names == ("a", "b") and archive.count == 12
        assert (archive.fingerprint, archive.places) == (plain.fingerprint, plain.places)
        assert archive.report.left_out == plain.report.left_out
        assert archive.report.layout[0].startswith("photos.zip, which is unpacked")
        labels = (folder / "labels.csv").rename(tmp_path / "mine.csv")
        archive = load(packed(folder, tmp_path / "b.zip"), Options(labels=str(labels)))
        assert archive.names == ("a", "b")

    def test_a_folder_in_it(self, tmp_path):
        """Messages name it as a path, which is accepted."""
        folder = tmp_path / "set"
        for name in ("train", "val"):
            fill(folder / name, 4, first=10 * len(name))
        archive = packed(folder, tmp_path / "set.zip")
        [_, sentence] = load(archive).report.layout
        given = sentence.split()[-1]
        assert given == f"{archive}/val"
        assert load(given).fingerprint == load(folder / "val").fingerprint
        assert len(good_images.read(given).paths) == 4
        for wrong in (f"{archive}/test", f"{archive}/train/.."):
            with refuses(DataError, wrong.removeprefix(str(archive))[1:]):
                load(wrong)

    def test_packed_into_shards(self, tmp_path):
        file = packed(fill(tmp_path / "photos"), tmp_path / "photos.zip")
        assert load(prepare(file, tmp_path / "out")).count == 12

    def test_names_that_lead_out_links_and_locked_files_are_left_out(self, tmp_path):
        files = {f"a/{n}.png": png(n) for n in range(3)}
        path = in_zip(
            tmp_path / "a.zip", **files, **{"../x.png": b"", "/y.png": b"", "b\\4.png": png(4)}
        )
        with zipfile.ZipFile(path, "a") as archive:
            link = zipfile.ZipInfo("link.png")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        source = load(path)
        assert source.places == ("a/0.png", "a/1.png", "a/2.png", "b/4.png")
        whys = {one["why"]: one["count"] for one in source.report.left_out}
        assert whys == {
            "name leads out of the archive": 2,
            "link, or no regular file": 1,
        }
        assert not (tmp_path / "x.png").exists() and not Path("/y.png").exists()
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            for name, content in files.items():
                about = tarfile.TarInfo(name)
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
            for name, kind in (
                ("l.png", tarfile.SYMTYPE),
                ("h.png", tarfile.LNKTYPE),
                ("p.png", tarfile.FIFOTYPE),
            ):
                about = tarfile.TarInfo(name)
                about.type, about.linkname = kind, "/etc/passwd"
                archive.addfile(about)
        source = load(tmp_path / "a.tar")
        assert (source.count, source.report.left_out[0]["count"]) == (3, 3)

    def test_a_header_that_takes_much_memory_is_refused(self, tmp_path):
        about = tarfile.TarInfo("long")
        about.type, about.size = tarfile.XHDTYPE, 2**26
        with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
            file.write(about.tobuf() + bytes(2**26))
        with refuses(DataError, "header"):
            load(tmp_path / "a.tar.gz")

    def test_bombs_are_bounded(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archives, "MOST_BYTES", 2**20)
        path = in_zip(tmp_path / "a.zip", **{f"{n}.bmp": bytes(2**20) for n in range(8)})
        with refuses(DataError, "a.zip", "space"):
            load(path)
        monkeypatch.setattr(archives, "MOST_FILES", 3)
        with refuses(DataError, "more than 3 files"):
            load(in_zip(tmp_path / "b.zip", **{f"{n}.png": png(n) for n in range(8)}))
        monkeypatch.setattr(archives, "MOST_FILE_BYTES", 50)
        with refuses(DataError, "no images"):
            load(in_zip(tmp_path / "c.zip", **{f"{n}.png": png(n) for n in range(3)}))

    def test_encrypted_files_are_named(self, tmp_path):
        content = bytearray(in_zip(tmp_path / "a.zip", **{"a.png": png(1)}).read_bytes())
        for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            content[content.index(start) + flags] |= 1
        (tmp_path / "a.zip").write_bytes(content)
        with refuses(DataError, "a.zip", "encrypted"):
            load(tmp_path / "a.zip")

    def test_damage(self, tmp_path):
        content = packed(fill(tmp_path / "p"), tmp_path / "p.zip").read_bytes()
        (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
        with refuses(DataError, "cut.zip", "incomplete"):
            load(tmp_path / "cut.zip")
        flipped = bytearray(content)
        flipped[len("p/011.png") + 50] ^= 255
        (tmp_path / "flip.zip").write_bytes(flipped)
        source = load(tmp_path / "flip.zip")
        assert source.count == 11 and "damaged" in source.report.left_out[0]["why"]
        for name in ("p.tar", "p.tar.gz"):
            content = packed(tmp_path / "p", tmp_path / name).read_bytes()
            (tmp_path / name).write_bytes(content[: len(content) // 3])
            with refuses(DataError, name, "incomplete"):
                load(tmp_path / name)
        (tmp_path / "empty.zip").write_bytes(b"")
        with refuses(DataError, "empty.zip"):
            load(tmp_path / "empty.zip")

    def test_no_temporary_folder_is_left(self, tmp_path):
        file = packed(fill(tmp_path / "p"), tmp_path / "p.zip")
        (tmp_path / "t").mkdir()
        script = (
            "import pathlib, sys; from ganvas.data.archives import unpacked;"
            "assert len(list(unpacked(pathlib.Path(sys.argv[1])).folder.iterdir())) == 12"
        )
        environment = {**os.environ, "TMPDIR": str(tmp_path / "t")}
        subprocess.run([sys.executable, "-c", script, file], env=environment, check=True)
        assert list((tmp_path / "t").iterdir()) == []


class TestLevels:
    @pytest.fixture
    def deep(self, tmp_path):
        """12-bit values in 16-bit files."""
        folder = tmp_path / "deep"
        folder.mkdir()
        for number in range(12):
            values = spot(number).astype(np.uint16) * 16 + 5
            Image.fromarray(values).save(folder / f"{number:02d}.png")
        return folder

    def test_twelve_bits_are_noticed_and_stretched(self, deep):
        source = load(deep)
        assert (source.levels, source.report.levels, source.report.wide) == ((0, 4095),) * 2 + (12,)
        assert warned(source, "0 becomes black and 4095 white")
        assert source.pixels(source.rows).max() == 254
        assert source.pixels(source.rows)[0, 2:].max() == 254
        as_before = load(deep, Options(levels="full"))
        assert as_before.pixels(as_before.rows).max() == 16
        assert load(deep, Options(levels=(0, 4095))).fingerprint == source.fingerprint
        assert as_before.fingerprint != source.fingerprint
        part = load(deep, Options(private=True))
        assert part.levels == "full" and warned(part, "private")

    def test_the_levels_of_a_model_are_those_of_later_images(self, deep, tmp_path):
        good = good_images.read_good(deep)
        assert good.levels == (0, 4095) and good.pixels.max() == 254
        named = good_images.read(deep, good.pixels.shape[1:], good.levels)
        np.testing.assert_array_equal(named.pixels, good.pixels)
        shards = load(prepare(deep, tmp_path / "out"))
        assert shards.levels == (0, 4095) and shards.pixels(shards.rows).max() == 254
        assert load(tmp_path / "out", Options(levels=(0, 4095))).count == 12
        with refuses(DataError, "data.levels", 4095):
            load(tmp_path / "out", Options(levels="full"))

    def test_a_run_keeps_the_two_numbers(self, deep):
        from ganvas.data import options_of
        from ganvas.training.preparing import prepare as prepare_run

        config, source = prepare_run(str(deep), "quick", None)
        assert config.data.levels == (0, 4095)
        stored = parse(tomllib.loads(config.toml()))
        assert load(deep, options_of(stored)).fingerprint == source.fingerprint
        Image.fromarray(np.full((16, 16), 60_000, np.uint16)).save(deep / "bright.png")
        assert options_of(stored).levels == load(deep, options_of(stored)).levels == (0, 4095)
        assert load(deep).levels == "full"

    def test_a_test_part_is_read_as_the_training_part(self, deep, tmp_path):
        """Though its own values would give other levels."""
        from ganvas.kits.rare_class.parts import gather
        from ganvas.kits.rare_class.plan import Plan

        for part, scale in (("train", 16), ("test", 1)):
            for number in range(40):
                folder = tmp_path / part / "ab"[number % 2]
                folder.mkdir(parents=True, exist_ok=True)
                values = spot(number + 100 * scale).astype(np.uint16) * scale
                Image.fromarray(values).save(folder / f"{number}.png")
        found = gather(str(tmp_path / "train"), Plan(("b",)), test=str(tmp_path / "test"))
        assert (found.learn.images.max(), found.test.images.max()) == (254, 16)

    def test_eight_bits_stay_as_they_are(self, tmp_path):
        plain, other = load(fill(tmp_path)), load(tmp_path, Options(levels="full"))
        assert plain.levels == "full" and plain.fingerprint == other.fingerprint

    def test_a_run_made_before_reads_as_before(self, tmp_path):
        (tmp_path / "config.toml").write_text('[data]\nsource = "x"\n')
        assert Run(tmp_path).config.data.levels == "full"

    @pytest.mark.parametrize("levels", ["bright", (5, 5)])
    def test_refused(self, levels):
        with refuses(DataError, "levels must be"):
            Options(levels=levels)
        with refuses(ConfigError, "data.levels"):
            Config().with_values({"data.levels": levels})

    def test_the_recipe_keeps_them(self):
        config = Config().with_values(parse_set(["data.levels=[-160, 240]"]))
        assert parse(tomllib.loads(config.toml())).data.levels == (-160, 240)
        assert Config().data.levels == "auto"

    def test_grey_stored_in_colour_is_said_and_stays(self, tmp_path):
        for number in range(12):
            Image.fromarray(spot(number)).convert("RGB").save(tmp_path / f"{number}.jpg")
        source = load(tmp_path)
        assert source.shape == (16, 16, 3) and source.report.grey_as_colour
        assert warned(source, "data.channels=1 trains on one channel")
        assert not load(tmp_path, Options(channels=3)).report.grey_as_colour
        Image.fromarray(np.dstack([SPOT, SPOT + 9, SPOT])).save(tmp_path / "c.png")
        assert not load(tmp_path).report.grey_as_colour


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.NEF", b"II*\0", "raw photographs: convert them to TIFF or JPEG"),
        ("data_batch_1", b"\x80\x04\x95", "keras:cifar10"),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "videos: save their frames"),
        ("a.svg", b"<svg/>", "drawings"),
        ("a.npy", b"", "arrays: give such a file itself"),
        ("IM1", bytes(20) + b"\xff\x0a", ""),
        ("IM1", b"\xff\x0a" + bytes(20), "pip install pillow-jxl-plugin"),
    ],
)
def test_pictures_that_are_not_read_are_said(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    found = find(tmp_path)
    assert not found.paths and len(found.left_out) == 1
    assert words in next(iter(found.left_out))[1]
    if words:
        with refuses(DataError, words):
            load(tmp_path)


def test_panoramas_are_said(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (16, 80 if number else 16), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    assert warned(load(tmp_path), "3 of 4 images lose more than half of their pixels")
    for options in (Options(fit="pad"), Options(size=(16, 80))):
        assert not warned(load(tmp_path, options), "lose more than half")


def test_a_folder_of_tables_says_what_to_give(tmp_path):
    (tmp_path / "train-00000.parquet").write_bytes(b"PAR1")
    with refuses(DataError, "(1 other file: .parquet)", "a table of columns"):
        load(tmp_path)


def test_a_file_of_many_pages_is_one_image(tmp_path):
    pages = [Image.fromarray(spot(number)) for number in range(3)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    with refuses(DataError, "save the frames or pages of each file"):
        load(tmp_path)
    with refuses(DataError, "save its pages as PNG files"):
        load(tmp_path / "stack.tif")


def test_numbers_are_no_suffix(tmp_path):
    Image.fromarray(SPOT).save(tmp_path / "a.png")
    path = (tmp_path / "a.png").rename(tmp_path / "1.2.840.10008")
    assert is_image(path)
