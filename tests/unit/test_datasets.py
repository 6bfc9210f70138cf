"""A `tf.data` set in place of a folder: what it may hold, what is refused, what a run resumes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.data import Options, load
from ganvas.errors import DataError
from ganvas.images import write_png
from refusals import refuses

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (40, 16, 16, 1), np.uint8)
LABELS = np.arange(40) % 2
FORMS = {
    "uint8": lambda x: x,
    "0 to 255": lambda x: x.astype(np.float32),
    "0 to 1": lambda x: x / np.float32(255),
    "-1 to 1": lambda x: x / np.float32(127.5) - np.float32(1),
}
slices = tf.data.Dataset.from_tensor_slices


@pytest.fixture(scope="module")
def expected():
    return load((GREY, LABELS))


def same(found, expected):
    """Equal images and labels; only their order is the set's own."""
    assert (found.shape, found.names) == (expected.shape, expected.names)
    keys = [{(int(h), int(n)) for h, n in zip(s.hashes, s.labels, strict=True)}
            for s in (found, expected)]  # fmt: skip
    assert keys[0] == keys[1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batched", [False, True])
def test_every_range_and_both_forms_give_the_same_images(form, batched, expected):
    data = slices((FORMS[form](GREY), LABELS))
    found = load(data.batch(7) if batched else data)
    same(found, expected)
    black = {"0 to 1": "black = 0, white = 1", "-1 to 1": "black = -1, white = 1"}.get(form, "")
    assert black in " ".join(found.report.layout)
    assert "MiB of a tf.data set" in found.report.layout[0]


def test_the_order_of_a_set_that_is_shuffled_anew_has_no_effect():
    data = slices((GREY, LABELS)).shuffle(40).batch(8)
    assert load(data).fingerprint == load(data).fingerprint


@pytest.mark.parametrize("mode", ["int", "categorical", "binary", None])
def test_what_keras_reads_from_a_folder(mode, tmp_path, expected):
    for number, (image, label) in enumerate(zip(GREY, LABELS, strict=True)):
        write_png(tmp_path / f"{label}" / f"{number:02d}.png", image)
    data = keras.utils.image_dataset_from_directory(
        tmp_path, label_mode=mode, color_mode="grayscale", image_size=(16, 16), batch_size=8,
        verbose=False,
    )  # fmt: skip
    found = load(data)
    if mode:
        same(found, expected)
    else:
        assert not found.classes and found.report.used == 40


def test_a_first_batch_that_is_dark_does_not_decide():
    pixels = GREY.astype(np.float32)
    pixels[:8] = np.linspace(0, 0.9, 8 * 256).reshape(8, 16, 16, 1)
    found = load(slices(pixels).batch(8))
    assert "read as black = 0, white = 255" in found.report.layout[1]
    negative = GREY[::-1] / np.float32(127.5) - np.float32(1)
    negative[:8] = np.abs(negative[:8])
    assert "black = -1" in load(slices(negative).batch(8)).report.layout[1]


def test_dictionaries_and_images_of_several_sizes():
    found = load(slices({"image": GREY[:, :, :, 0], "label": LABELS}))
    assert found.shape == (16, 16, 1) and found.classes == 2

    def images():
        for side in (16, 20, 24):
            yield RNG.integers(0, 256, (side, side, 3), np.uint8)

    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    found = load(tf.data.Dataset.from_generator(images, output_signature=spec))
    assert found.shape == (16, 16, 3) and found.report.used == 3


REFUSED = {
    "endless": (lambda: slices(GREY).repeat(), ("no end", ".take(n)")),
    "large": (lambda: slices(GREY), ("GiB", "data.cache_gb")),
    "found large": (
        lambda: slices(GREY).filter(lambda image: image[0, 0, 0] >= 0), ("GiB", "data.cache_gb")
    ),
    "empty": (lambda: slices(GREY).take(0), ("empty",)),
    "range": (lambda: slices(GREY * 3.0), ("range is not clear",)),
    "nan": (lambda: slices(np.full((4, 16, 16, 1), np.nan)), ("NaN",)),
    "texts": (lambda: slices(["a.png", "b.png"]), ("elements", ".map(")),
    "channels": (lambda: slices(np.zeros((4, 16, 16, 7), np.uint8)), ("[4, 16, 16, 7]",)),
    "other keys": (lambda: slices({"audio": GREY}), ("audio",)),
    "broken": (
        lambda: slices(["no image"]).map(lambda one: tf.io.decode_png(one)), ("cannot be read",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_a_step(name):
    make, parts = REFUSED[name]
    options = Options(cache_gb=1e-6) if "large" in name else Options()
    data = make() if name != "channels" else make().batch(4)
    with refuses(DataError, *parts):
        load(data, options)
