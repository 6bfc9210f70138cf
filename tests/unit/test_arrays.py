"""Arrays and lists that users have: their ranges, names and labels."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ganvas.data import Options, header, load
from ganvas.data.values import labels_of
from ganvas.errors import DataError
from refusals import refuses


def noise(count=12, size=16, channels=3):
    shape = (count, size, size, channels)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def said(source):
    return " ".join(" ".join(line.split()) for line in header.header(source))


@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "labels"), ("X_train", "y_train"), ("x", "y"), ("data", "targets"),
     ("arr_0", "arr_1"), ("train_images", "train_labels"), ("image", "label")],
)  # fmt: skip
def test_names_of_arrays(tmp_path, images, labels):
    np.savez(tmp_path / "a.npz", **{images: noise(), labels: np.arange(12) % 3, "extra": [1]})
    source = load(tmp_path / "a.npz")
    assert (source.count, source.names) == (12, ("0", "1", "2"))
    assert f"images from {images}, labels from {labels} not read in the same file" in said(source)
    np.savez(tmp_path / "b.npz", **{images: noise(), "other": np.arange(12)})
    assert f"images from {images}, no labels not read in" in said(load(tmp_path / "b.npz"))


def test_a_file_of_arrays_is_known_by_its_content(tmp_path):
    np.savez(tmp_path / "a.npz", images=noise(), labels=np.arange(12) % 2)
    np.save(tmp_path / "b.npy", noise())
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    assert (load(tmp_path / "a.npy").classes, load(tmp_path / "b.npz").count) == (2, 12)
    assert load(f"{tmp_path}/a.npy:train").count == 12
    with refuses(DataError, "b.npz", "no parts"):
        load(f"{tmp_path}/b.npz:test")


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_every_common_range(low, high, dtype):
    values = (low + noise() / 255 * (high - low)).astype(dtype)
    source = load(values, Options(holdout=0))
    assert np.abs(source.pixels(source.rows).astype(int) - noise()).max() <= (dtype == "float16")
    assert f"read as black = {low}, white = {high}" in said(source)


@pytest.mark.parametrize(
    "values",
    [noise() / 20 + 0.5, noise() / 100 - 1, noise() / 255 * 1.2, noise().astype(int) * 16,
     noise() // 128 * np.int64(1), noise() / 255 - 0.02],
    ids=["0.5-13", "-1-1.5", "0-1.2", "0-4080", "0,1", "-0.02-0.98"],
)  # fmt: skip
def test_a_range_that_is_not_clear_is_refused(values):
    with refuses(DataError, "range is not clear"):
        load(values)


def test_other_types_of_numbers():
    assert load(noise().astype(np.int64)).count == 12
    assert load(noise() > 128).count == 12
    assert load(tf.constant(noise())).count == 12


@pytest.mark.parametrize(
    ("data", "word"),
    [(noise()[0], "one image"), (noise()[0, ..., 0][..., None], "one image"),
     (noise().transpose(0, 3, 1, 2), "transpose"), (noise().reshape(12, -1), "one image"),
     (np.array([noise()[0], None], dtype=object), "objects"), ([], "empty"), (["a", "b"], "str"),
     (np.array([[["a"]]]), "numbers"), (np.where(noise() > 9, np.nan, 0.5), "NaN"),
     (Image.new("RGB", (9, 9)), "one image"), ([Path("a.png")], "open each"),
     ({"pixels": 1}, "(pixels)"), ((one for one in noise()), "one array or list"),
     (None, "give one of them")],
    ids=["hwc", "hw1", "nchw", "flat", "objects", "empty", "words", "text", "nan", "pillow", "path",
         "dict", "generator", "none"],
)  # fmt: skip
def test_refused_arrays(data, word):
    with refuses(DataError, word):
        load(data)


def test_pickled_objects_are_not_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([noise()[0], None], dtype=object))
    with refuses(DataError, "any code"):
        load(tmp_path / "a.npy")
    about = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "a.npz", images=noise(), about=about)
    np.savez(tmp_path / "b.npz", pictures=noise(), about=about)
    assert load(tmp_path / "a.npz").count == load(tmp_path / "b.npz").count == 12


def test_lists_of_images():
    arrays = list(noise())
    assert np.array_equal(load(arrays).pixels(np.arange(12)), noise())
    pictures = [Image.fromarray(one) for one in noise()]
    assert np.array_equal(load(pictures).pixels(np.arange(12)), noise())
    mixed = [Image.fromarray(noise()[0]).resize((40, 30 + i)) for i in range(6)]
    source = load([*mixed, noise()[1, ..., 0], Image.new("CMYK", (20, 20))])
    assert source.shape == (16, 16, 3) and source.report.sizes["largest"] == [35, 40]
    assert load((mixed, list("aabbcc"))).names == ("a", "b", "c")
    assert load((mixed[0], mixed[1])).count == 2
    dark = [np.full((16, 16), value, np.float64) + np.eye(16) for value in (3, 200)]
    assert load(dark, Options(judged=True)).pixels(np.array([0])).max() == 4


@pytest.mark.parametrize(
    ("labels", "names"),
    [(np.array(["cat", "dog"] * 6, dtype=object), ("cat", "dog")),
     (["cat", "dog"] * 6, ("cat", "dog")), (np.arange(12)[:, None] % 2, ("0", "1")),
     (np.eye(3)[np.arange(12) % 3], ("0", "1", "2")), (np.arange(12.0) % 2, ("0", "1")),
     (np.array([b"a", b"b"] * 6), ("a", "b")), (np.arange(12) % 2 > 0, ("False", "True")),
     (np.array([np.True_, np.False_] * 6, dtype=object), ("False", "True"))],
)  # fmt: skip
def test_forms_of_labels(labels, names):
    assert load((noise(), labels)).names == names


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_labels_that_are_missing(missing):
    labels = [*["cat", "dog"] * 5, "cat", missing]
    for given in (labels, np.array(labels, dtype=object), [missing] * 12):
        with refuses(DataError, "such as number"):
            load((noise(), given))


def test_an_empty_name_is_not_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refuses(DataError, "empty"):
        load("")


def test_labels_of_pandas():
    pandas = pytest.importorskip("pandas")
    for dtype in ("object", "category"):
        labels = pandas.Series(["cat", "dog"] * 6, dtype=dtype)
        assert load((noise(), labels)).names == ("cat", "dog")


@pytest.mark.parametrize(
    "labels",
    [np.random.default_rng(0).random(12), np.random.default_rng(0).random((12, 3)),
     np.full(12, np.nan), list("abc"), [[1], [1, 2]] * 6],
)  # fmt: skip
def test_refused_labels(labels):
    with refuses(DataError, "12 images"):
        load((noise(), labels))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300, 0.5])
def test_labels_that_are_no_whole_numbers(wrong):
    with pytest.raises(DataError, match="labels"):
        labels_of(np.array([0.0, 1.0, wrong]), 3, "a.npz", ())
    numbers, names = labels_of(np.array([0.0, 2.0, 2.0]), 3, "a.npz", ())
    assert numbers.tolist() == [0, 1, 1] and names == ("0", "2")
