"""What is found, refused, held out and grouped before the first step."""

import os
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from ganvas.data import Options, load, prepare, shards
from ganvas.data.arranging import arrange
from ganvas.data.checkup import Headers, headers_of
from ganvas.data.order import shuffle, uniform
from ganvas.data.walk import find
from ganvas.errors import DataError, MissingExtra, RunError
from ganvas.images import Header, write_png
from refusals import refuses


def noise(count=12, size=16, channels=3, seed=0):
    shape = (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def fill(folder, count=12, **options):
    for i, image in enumerate(noise(count, **options)):
        write_png(folder / f"{i:03d}.png", image)
    return folder


def refusal(data, options=None):
    with pytest.raises(DataError) as caught:
        load(data, options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_refused_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "contains no images" in refusal(tmp_path / "empty")
    (tmp_path / "empty" / "letter.txt").write_text("dear")
    assert "no images (1 other file: .txt)" in refusal(tmp_path / "empty")
    (tmp_path / "empty" / "zero.png").write_bytes(b"")
    assert "none of the 1 images" in refusal(tmp_path / "empty")
    assert "1 readable image, 1 of them distinct" in refusal(fill(tmp_path / "one", 1))
    for i in range(5):
        write_png(tmp_path / "flat" / f"{i}.png", np.full((16, 16, 1), 10 * i, np.uint8))
    assert "single colour" in refusal(tmp_path / "flat")
    assert "does not exist" in refusal(tmp_path / "nowhere")


def test_unreadable_directory(tmp_path, monkeypatch):
    """Below the folder it is counted; the folder itself is refused."""
    fill(tmp_path / "a")
    fill(tmp_path / "a" / "closed")
    closed, scan = tmp_path / "a" / "closed", os.scandir

    def refuse(path):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = load(tmp_path / "a").report
    assert (report.used, report.left_out[0]["what"]) == (12, "folder")
    assert "Permission denied" in report.left_out[0]["why"]
    closed = tmp_path / "a"
    assert "Permission denied" in refusal(tmp_path / "a")


def test_bad_files_are_listed_and_left_out(tmp_path):
    folder = fill(tmp_path / "a", 20)
    (folder / "zero.png").write_bytes(b"")
    (folder / "cut.png").write_bytes((folder / "000.png").read_bytes()[:300])
    (folder / "words.txt").write_text("hello")
    (folder / ".hidden.png").write_bytes(b"")
    write_png(folder / "dot.png", np.zeros((1, 1, 3), np.uint8))
    write_png(folder / "copy.png", noise(20)[0])
    source = load(folder)
    report = source.report.to_dict()
    assert source.count == report["used"] == 21
    assert sorted(bad["path"] for bad in report["unreadable"]) == ["cut.png", "dot.png", "zero.png"]
    assert all(bad["why"] for bad in report["unreadable"])
    assert (report["found"], report["ignored"], report["duplicates"]) == (24, 1, 1)
    assert any("left out" in warning for warning in report["warnings"])


def test_mixed_sizes_and_modes(tmp_path):
    fill(tmp_path / "a", 4, size=100)
    write_png(tmp_path / "a" / "wide.png", noise(1, 40)[0, :20])
    write_png(tmp_path / "a" / "grey.png", noise(1, 80, 1)[0])
    assert load(tmp_path / "a").shape == (64, 64, 3)
    assert load(tmp_path / "a", Options(size=(16, 24), channels=1)).shape == (16, 24, 1)


def test_sub_folders_are_classes(tmp_path):
    fill(tmp_path / "a" / "cats", 6, seed=1)
    fill(tmp_path / "a" / "dogs" / "deep", 4, seed=2)
    source = load(tmp_path / "a")
    assert (source.names, source.class_counts) == (("cats", "dogs"), (6, 4))
    assert load(tmp_path / "a", Options(labels=False)).classes == 0
    write_png(tmp_path / "a" / "beside.png", noise(1, seed=3)[0])
    source = load(tmp_path / "a")
    assert (source.names, source.count) == (("cats", "dogs"), 10)


def test_files_are_found_in_the_order_of_their_paths(tmp_path):
    for name in ["b", "a/b", "a-b/c", "a b/ä", "a.b/d.e", "a/b.c", "a/b-c", "a/b/c", "aa"]:
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    found = find(tmp_path)
    assert found.paths == [str(path) for path in sorted(tmp_path.rglob("*.png"))]
    assert not found.left_out and not found.written


def test_little_is_held_of_each_file(tmp_path, monkeypatch):
    """One process looks after a million files."""
    monkeypatch.chdir(tmp_path)
    for count in (200, 12_000):  # the first one imports and caches what is not of the files
        folder = Path(f"set{count}")
        for name in "ab":
            (folder / name).mkdir(parents=True)
        for n in range(count):
            os.close(os.open(folder / "ba"[n % 2] / f"{n:06d}.png", os.O_CREAT))
        tracemalloc.start()
        found = find(folder)
        listed = tracemalloc.get_traced_memory()[1] / count
        told = [(Header(300 + n % 900, 1000 + n % 2, False, False), None) for n in range(count - 1)]
        told[7] = Header(5000, 5000, False, False), None  # which then cannot be decoded
        layout = arrange(folder, found)
        del found
        headers = Headers(layout, headers_of([*told, "no"]))
        del told
        tracemalloc.reset_peak()
        options = Options(size=20)
        facts = headers.facts(options, np.arange(count - 2, dtype=np.uint64), 0, {7: "cut"})
        held, peak = (size / count for size in tracemalloc.get_traced_memory())
        tracemalloc.stop()
    assert listed < 140  # bytes; a path alone has 65
    assert held < 140 and peak < 160
    sizes = {"smallest": [300, 1000], "largest": [1199, 1001], "most_common": [300, 1000]}
    assert facts["report"].sizes == sizes
    assert [one["why"] for one in facts["report"].unreadable] == ["no", "cut"]
    assert facts["report"].unreadable[1]["path"] == "a/000015.png"
    assert facts["names"] == ("a", "b") and facts["labels"].sum() == count // 2 - 1
    assert facts["shape"] == (20, 20, 3)


def test_a_stream_ends_as_soon_as_it_is_let_go():
    """With autotuning its end would wait for a thread that sleeps up to a minute."""
    source = load(noise(40, seed=1))
    for data in (source.stream(8, 0), source.all(8)):
        assert data.options().autotune.enabled is False


def test_a_file_that_breaks_in_the_middle_is_named(tmp_path):
    source = load(fill(tmp_path / "a", 8), Options(cache_gb=0.0))
    (tmp_path / "a" / "003.png").write_bytes(b"gone")
    with refuses(DataError, "003.png"), source.reading():
        for _ in source.stream(4, 0).take(4):
            pass


@pytest.mark.parametrize(
    "names",
    [("x", "y"), ("x_train", "y_train"), ("train_images", "train_labels"), ("pictures", "y")],
)
def test_names_in_npz(tmp_path, names):
    labels = np.arange(12).reshape(-1, 1) % 3
    np.savez(tmp_path / "a.npz", **{names[0]: noise(), names[1]: labels})
    source = load(tmp_path / "a.npz")
    assert (source.count, source.classes) == (12, 3)


def test_parts_of_npz(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x_train=noise(12), x_test=noise(5), val_images=noise(7))
    counts = [load(f"{tmp_path}/a.npz{part}").count for part in ("", ":train", ":test", ":val")]
    assert counts == [12, 12, 5, 7]
    assert "did you mean 'test'" in refusal(f"{tmp_path}/a.npz:tset")
    monkeypatch.chdir(tmp_path)
    assert [load(word).count for word in ("a.npz:test", "./a.npz:test")] == [5, 5]
    np.save("b.npy", noise())
    assert "has no parts" in refusal("b.npy:test")


def test_sets_of_another_library(monkeypatch):
    """Images of several sizes, labels with names; the library itself is played by a stand-in."""
    names = ["cat", "dog"]
    rows = [{"image": image[: 16 + i % 2], "label": i % 2} for i, image in enumerate(noise(20, 20))]
    about = SimpleNamespace(features={"label": SimpleNamespace(names=names)})
    library = SimpleNamespace(
        load=lambda name, split, with_info: ((name, split), about),
        as_numpy=lambda data: rows if data == ("pets", "test") else [],
    )
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", library)
    source = load("tfds:pets:test", Options(holdout=0))
    assert source.shape == (16, 16, 3)
    assert source.names == ("cat", "dog")
    assert load("tfds:pets:test", Options(size=(20, 24))).shape == (20, 24, 3)


def test_labels_that_are_ignored_may_be_anything():
    labels = np.random.default_rng(0).random((12, 40))
    assert load((noise(), labels), Options(labels=False)).classes == 0


def test_groups_of_few_distinct_images_are_as_few():
    images = np.repeat(noise(6, channels=1), 100, axis=0)
    source = load(images, Options(clusters=10, holdout=0))
    assert source.classes == 6
    assert sorted(source.class_counts) == [100] * 6


def test_refused_arrays_and_files(tmp_path):
    assert "range is not clear" in refusal(noise().astype(np.float32) - 100)
    assert "one image" in refusal(noise()[0, 0])
    assert "labels" in refusal((noise(), np.zeros(5, int)))
    (tmp_path / "a.npz").write_bytes(b"no zip")
    assert "cannot be read" in refusal(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", a=np.zeros(3))
    assert "rename" in refusal(tmp_path / "b.npz")
    assert "does not exist" in refusal(tmp_path / "c.npz")
    assert "'mnits' does not exist" in refusal("mnits")
    assert "did you mean 'cifar10'" in refusal("keras:cifar11")


def test_a_data_set_of_an_absent_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with refuses(MissingExtra, "tfds:mnist", "'ganvas[tfds]'"):
        load("tfds:mnist")


def test_mnist_is_bundled():
    train, test = load("mnist"), load("mnist:test")
    assert (train.count + train.held_out().count, test.shape) == (60_000, (28, 28, 1))
    assert train.held_out().count == 3000
    assert test.count + test.held_out().count == 10_000
    assert train.names == tuple("0123456789")


def test_held_out_by_content_not_order():
    images = noise(300)
    images[150:160] = images[:10]
    held = set()
    for order in (np.arange(300), np.random.default_rng(1).permutation(300)):
        source = load(images[order])
        apart = {source.pixels(np.array([row])).tobytes() for row in source.held_out().rows}
        trained = {source.pixels(np.array([row])).tobytes() for row in source.rows}
        assert not apart & trained
        held.add(frozenset(apart))
    assert len(held) == 1
    assert load(noise(199)).held_out() is None


def test_groups_of_alike_images():
    rng = np.random.default_rng(0)
    kinds = np.repeat([30, 120, 210], 100)
    images = (kinds[:, None, None] + rng.integers(-20, 20, (300, 16, 16))).astype(np.uint8)
    images[:, :8] //= 2
    source = load(images, Options(clusters=3, holdout=0))
    assert (source.classes, source.names) == (3, ())
    for kind in (30, 120, 210):
        assert len(set(source.labels[kinds == kind])) == 1
    assert len(set(source.labels)) == 3
    assert load(images, Options(clusters=3, holdout=0)).fingerprint == source.fingerprint
    assert load(images[:80], Options(clusters=3)).classes == 0
    assert load((images, kinds), Options(clusters=2)).classes == 3


class TestShards:
    @pytest.fixture
    def packed(self, tmp_path, monkeypatch):
        source = (noise(400, 64), np.arange(400) % 2)
        return prepare(source, tmp_path / "packed", shard_mb=1)

    def test_same_images_same_held_out(self, packed):
        source, plain = load(packed), load((noise(400, 64), np.arange(400) % 2))
        assert len(list(packed.glob("*.tfrecord"))) == 5
        assert (source.count, source.names) == (plain.count, ("0", "1"))
        assert set(source.hashes[source.rows]) == set(plain.hashes[plain.rows])
        assert load(packed, Options(labels=False)).classes == 0

    def test_any_program_can_read_them(self, packed):
        record = next(iter(tf.data.TFRecordDataset(str(packed / "00000.tfrecord"))))
        features = tf.train.Example.FromString(record.numpy()).features.feature
        assert len(features["image"].bytes_list.value[0]) == 64 * 64 * 3
        assert features["label"].int64_list.value[0] in (0, 1)

    def test_memory_is_a_group_whatever_the_size(self, packed, monkeypatch):
        monkeypatch.setattr(shards, "_BLOCK_BYTES", 5 * 64 * 64 * 3)
        monkeypatch.setattr(shards, "_GROUP_BYTES", 20 * 64 * 64 * 3)
        source = load(packed)
        order = shards._Order(source, 0)
        rows = [order.rows(number) for number in range(order.groups)]
        assert max(map(len, rows)) == 20
        np.testing.assert_array_equal(np.sort(np.concatenate(rows)), source.rows)

    @pytest.mark.parametrize("damage", ["flip", "cut", "lose"])
    def test_a_damaged_shard_is_named(self, packed, damage):
        shard = packed / "00002.tfrecord"
        content = bytearray(shard.read_bytes())
        content[5000] ^= 255
        if damage == "lose":
            shard.unlink()
        else:
            shard.write_bytes(content if damage == "flip" else content[:-9])
        assert "00002.tfrecord" in refusal(packed)

    def test_damage_in_a_set_too_large_to_verify_is_named_when_read(self, packed, monkeypatch):
        monkeypatch.setattr(shards, "_VERIFY_BYTES", 0)
        content = bytearray((packed / "00002.tfrecord").read_bytes())
        content[5000] ^= 1  # a pixel
        (packed / "00002.tfrecord").write_bytes(content)
        source = load(packed)
        with refuses(DataError, "00002.tfrecord"), source.reading():
            list(source.all(32))
        (packed / "00002.tfrecord").unlink()
        with refuses(DataError, "00002.tfrecord"), source.reading():
            list(source.all(32))

    def test_refused(self, packed, tmp_path):
        assert "prepare" in refusal(packed, Options(size=32))
        with refuses(DataError):
            prepare(noise(), packed)
        with refuses(DataError):
            prepare(packed, tmp_path / "again")

    def test_nothing_half_written(self, tmp_path, monkeypatch):
        monkeypatch.setattr(np, "savez", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "full")))
        with refuses(RunError):
            prepare(noise(), tmp_path / "packed")
        assert list(tmp_path.iterdir()) == []


def test_order_is_a_permutation_and_numbers_are_even():
    ks = tf.range(1000, dtype=tf.int64)
    first, second = shuffle(ks, 3, 1000).numpy(), shuffle(ks + 1000, 3, 1000).numpy()
    assert sorted(first) == sorted(second) == list(range(1000))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.1
    a, b = (uniform(tf.range(20_000, dtype=tf.int64), 1, word).numpy() for word in ("a", "b"))
    assert 0 <= a.min() <= a.max() < 1
    assert abs(a.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03
    assert abs(np.corrcoef(a[:-1], a[1:])[0, 1]) < 0.03
