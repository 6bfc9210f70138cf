"""What became of packed images is mended by the call that packed them."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import cluster
from ganvas.cluster import packer, packing
from ganvas.data import Options, preparing
from ganvas.errors import DataError, RunError
from refusals import refuses


def contents(folder: Path) -> dict[str, str]:
    """Every visible file, by name, as its hash."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("[!.]*"))
    }


@pytest.fixture
def eleven(tmp_path, monkeypatch) -> Path:
    """A folder that makes three shards, whoever packs it."""
    folder = tmp_path / "set"
    folder.mkdir()
    for number in range(11):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20 + number % 3, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    for module in (packing, preparing):
        monkeypatch.setattr(module, "shard_rows", lambda *_: 5)
    return folder


def damage(folder: Path, name: str, how: str) -> None:
    path = folder / name
    content = path.read_bytes()
    if how == "lose":
        path.unlink()
    elif how == "cut":
        os.truncate(path, len(content) // 2)
    else:
        path.write_bytes(content[:-99] + bytes([content[-99] ^ 1]) + content[-98:])


@pytest.mark.parametrize("pack", [cluster.pack, ganvas.prepare])
@pytest.mark.parametrize("how", ["lose", "cut", "flip"])
@pytest.mark.parametrize("name", ["00001.tfrecord", "index.npz"])
def test_the_same_call_mends_what_was_damaged(name, how, pack, eleven, tmp_path):
    out = tmp_path / "packed"
    pack(eleven, out)
    before, ids = contents(out), {path.name: path.stat().st_ino for path in out.iterdir()}
    pack(eleven, out)
    assert {path.name: path.stat().st_ino for path in out.iterdir()} == ids, "all is left as it is"
    damage(out, name, how)
    assert pack(eleven, out) == out
    assert contents(out) == before
    again = {path.name for path in out.iterdir() if path.stat().st_ino != ids[path.name]}
    assert again <= {name}, "what is whole stays"
    assert not list(tmp_path.glob(".*")), "no scratch is left"


@pytest.mark.parametrize("how", ["lose", "cut"])
def test_a_lost_index_is_made_again(how, eleven, tmp_path):
    """As far as the folder says what it is of, which those made by one process do not."""
    out = tmp_path / "packed"
    before = contents(cluster.pack(eleven, out))
    damage(out, "index.json", how)
    with refuses(DataError):
        ganvas.prepare(eleven, out)
    assert contents(cluster.pack(eleven, out)) == before


@pytest.mark.parametrize("pack", [cluster.pack, ganvas.prepare])
@pytest.mark.parametrize("moved", [0, 1, 2])
def test_mending_that_was_cut_is_mended(moved, pack, eleven, tmp_path, monkeypatch):
    out = tmp_path / "packed"
    before = contents(pack(eleven, out))
    for name in ("00000.tfrecord", "00002.tfrecord", "index.npz"):
        damage(out, name, "lose")
    replace, done = Path.replace, []

    def stop(path, to):
        if Path(to).parent == out:
            done.append(to)
            if len(done) > moved:
                raise KeyboardInterrupt
        return replace(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            pack(eleven, out)
    with refuses(DataError):
        ganvas.data.load(out)
    assert contents(pack(eleven, out)) == before
    assert not list(tmp_path.glob(".*")), "no scratch is left"


def test_images_that_read_otherwise_now_do_not_mend_others(eleven, tmp_path, monkeypatch):
    """Runs of the packed images would not know them again."""
    out, look = tmp_path / "packed", packer.look
    cluster.pack(eleven, out)
    damage(out, "00001.tfrecord", "lose")
    before = contents(out)

    def refuse(path, measure):
        if Path(path).stem == "03":
            raise DataError("not now")
        return look(path, measure)

    with monkeypatch.context() as patch:
        patch.setattr(packer, "look", refuse)
        with refuses(DataError):
            cluster.pack(eleven, out)
    assert contents(out) == before and not list(tmp_path.glob(".*"))
    cluster.pack(eleven, out)
    assert contents(out) == contents(cluster.pack(eleven, tmp_path / "whole"))


@pytest.mark.parametrize("how", ["cut", "flip"])
@pytest.mark.parametrize("name", ["index.json", "index.npz"])
def test_a_damaged_list_of_images_is_named(name, how, eleven, tmp_path):
    out = ganvas.prepare(eleven, tmp_path / "packed")
    damage(out, name, how)
    if (name, how) == ("index.json", "flip"):
        (out / name).write_text('[["format"]]')
    with refuses(DataError, name):
        ganvas.data.load(out)


@pytest.mark.parametrize("index", ["[]", '{"format": 2}', "{"])
def test_an_index_of_something_else_is_no_index(index, eleven, tmp_path):
    out = tmp_path / "packed"
    out.mkdir()
    (out / "index.json").write_text(index)
    with refuses(DataError):
        ganvas.prepare(eleven, out)


@pytest.mark.parametrize("pack", [cluster.pack, ganvas.prepare])
def test_what_is_packed_otherwise_is_left_alone(pack, eleven, tmp_path, monkeypatch):
    out = tmp_path / "packed"
    pack(eleven, out)
    damage(out, "00001.tfrecord", "lose")
    before = contents(out)
    for options, shard_mb in ((Options(size=32), 256), (Options(channels=1), 256), (None, 1)):
        monkeypatch.setattr(preparing, "shard_rows", lambda *_, mb=shard_mb: 5 if mb > 1 else 4)
        with refuses((DataError, RunError), out):
            pack(eleven, out, options, shard_mb)
        assert contents(out) == before
    (eleven / "03.png").unlink()
    with refuses((DataError, RunError), out):
        pack(eleven, out)
    assert contents(out) == before


@pytest.mark.parametrize("fails", [False, True])
def test_no_scratch_file_stays_open(fails, eleven, tmp_path, monkeypatch):
    def write(path, pictures):
        next(iter(pictures))
        raise DataError("no")

    if fails:
        monkeypatch.setattr(packer, "write_shard", write)
    with refuses(DataError, "no") if fails else contextlib.nullcontext():
        cluster.pack(eleven, tmp_path / "packed")
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that which looks
            assert "pixels" not in str(link.readlink())


def test_levels_and_equal_pixels_are_those_of_prepare(tmp_path):
    """12-bit values in files of two formats, of which some are equal."""
    folder = tmp_path / "deep"
    folder.mkdir()
    for number in range(8):
        values = np.random.default_rng(number).integers(0, 4096, (16, 16), np.uint16)
        Image.fromarray(values).save(folder / f"{number}.png")
        Image.fromarray(values).save(folder / f"{number % 3}.tif")
    expected = contents(preparing.prepare(folder, tmp_path / "a"))
    packed = contents(cluster.pack(folder, tmp_path / "b"))
    assert {name: packed[name] for name in expected} == expected
    assert ganvas.data.load(tmp_path / "b").levels == (0, 4095)
