"""Features: the networks are what they say, whatever the number, size and channels of images."""

import functools
import hashlib
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from ganvas.data.mnist import mnist
from ganvas.errors import UsageError
from ganvas.features import base, bundled, files, lite0
from ganvas.features.base import CHUNK
from ganvas.features.extractors import choose, extractor, looks_like_digits
from ganvas.images import refit
from refusals import refuses

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("GANVAS_DATA", ROOT.parent / "shared" / "data"))
WEIGHTS = ROOT / "src/ganvas/features/weights"


def arrays(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return np.load(path, allow_pickle=False)


def noise(count=5, size=20, channels=3, seed=0):
    shape = (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def refusal(word, shape=None):
    with pytest.raises(UsageError) as caught:
        extractor(word, shape)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def digits():
    images, labels = mnist("test")
    return images[:2000, ..., None], labels[:2000]


@pytest.fixture
def saved(tmp_path):
    """Saves a small model under a name, and gives its path."""

    def save(name="mine.keras", sides=(8, 8, 3), last=None, scale=1 / 255):
        image = keras.Input(sides)
        x = layers.Rescaling(scale)(image)
        x = (last or layers.AveragePooling2D(4))(x)
        model = keras.Model(image, x)
        path = tmp_path / name
        if name.endswith(".tflite"):
            path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
        else:
            model.save(path)
        return path

    return save


def test_digits_are_told_apart(digits):
    images, labels = digits
    found, probabilities = extractor("digits")(images)
    assert (probabilities.argmax(1) == labels).mean() > 0.99
    assert found.shape == (2000, 64) and found.dtype == probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_digits_of_other_sizes_and_channels(digits):
    images, labels = digits[0][:300], digits[1][:300]
    large = np.stack([refit(image, (56, 56), 1) for image in images])
    for others in (large, np.repeat(images, 3, 3), np.concatenate([images, 0 * images + 255], 3)):
        assert (extractor("digits")(others)[1].argmax(1) == labels).mean() > 0.98


@pytest.fixture
def chunk(monkeypatch) -> int:
    """12 images at a time in place of 64, which cost more in the network `general`."""
    monkeypatch.setattr(base, "CHUNK", 12)
    return 12


@pytest.mark.parametrize("name, side, channels", [("digits", 28, 1), ("general", 8, 3)])
def test_the_same_image_has_the_same_features(name, side, channels, chunk):
    images = noise(2 * chunk + 3, side, channels)
    get = extractor(name)
    found, _ = get(images)
    assert np.array_equal(get(images)[0], found)
    assert np.array_equal(get(images[: chunk + 1])[0], found[: chunk + 1])
    assert np.array_equal(get(images[:1])[0], found[:1])
    np.testing.assert_allclose(get(images[3:10])[0], found[3:10], rtol=1e-4, atol=1e-4)
    assert found.shape[1] == get.width and get.sha256 == bundled.SHA256[
        {"general": "lite0"}.get(name, name)
    ]  # fmt: skip


def test_grey_is_colour_and_alpha_lies_over_white(chunk):
    get = extractor("general")
    grey = noise(4, 28, 1)
    np.testing.assert_allclose(get(grey)[0], get(np.repeat(grey, 3, 3))[0], rtol=1e-5, atol=1e-5)
    clear = np.concatenate([noise(4, 28), np.zeros((4, 28, 28, 1), np.uint8)], 3)
    white = np.full((4, 28, 28, 3), 255, np.uint8)
    np.testing.assert_allclose(get(clear)[0], get(white)[0], rtol=1e-5, atol=1e-5)
    assert get(grey)[1] is None and get.classes == 0


@pytest.mark.parametrize("size", [20, 100, 200])
def test_resizing_is_that_of_pillow(saved, size):
    """A model that returns what it is given shows the images as they reach it."""
    get = extractor(saved(sides=(64, 64, 3), last=layers.Flatten(), scale=1.0))
    # Half the contrast: between its two passes, Pillow clips what overshoots.
    images = noise(3, size) // 2 + 64
    ours = get(images)[0].reshape(3, 64, 64, 3)
    pillow = np.stack([refit(image, (64, 64), 3) for image in images])
    assert np.abs(ours - pillow).max() < 1.5
    assert get.resize == "64x64, bicubic, antialiased"
    step = np.zeros((1, size, size, 3), np.uint8)
    step[:, :, size // 3 :] = 255
    assert get(step)[0].min() == 0 and get(step)[0].max() == 255


@pytest.mark.parametrize("name", ["mine.keras", "mine.h5", "mine.tflite"])
def test_a_model_of_the_users(saved, name):
    path = saved(name)
    get = extractor(path, (8, 8, 3))
    images = noise(CHUNK + 3, 8)
    found, probabilities = get(images)
    means = images.reshape(-1, 2, 4, 2, 4, 3).mean((2, 4)) / 255
    np.testing.assert_allclose(found, means.reshape(len(images), -1), rtol=1e-4)
    assert (get.name, get.width, get.classes) == (name, 12, 0) and probabilities is None
    assert get.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert extractor(str(path)) is get


def test_a_model_that_takes_any_size(saved):
    get = extractor(saved(sides=(None, None, 1), last=layers.GlobalMaxPooling2D()))
    assert get.resize == "none"
    images = noise(6, 13, 1)
    np.testing.assert_allclose(get(images)[0][:, 0], images.max((1, 2, 3)) / 255, rtol=1e-5)


def test_a_file_that_changes_is_another_extractor(saved):
    first = extractor(saved(scale=1.0))
    second = extractor(saved(scale=2.0))
    images = noise(2, 8)
    np.testing.assert_allclose(second(images)[0], 2 * first(images)[0], rtol=1e-5)


def test_refused_words(tmp_path, monkeypatch):
    assert "did you mean 'general'" in refusal("genral")
    assert "--features FILE" in refusal("inception")
    assert "No such file" in refusal(tmp_path / "gone.keras")
    (tmp_path / "picture.png").write_bytes(b"")
    assert ".tflite" in refusal(tmp_path / "picture.png")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert str(tmp_path) in refusal("inception-keras")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / bundled.INCEPTION).write_bytes(b"torn")
    assert "damaged" in refusal("inception-keras")


def test_refused_models(saved, tmp_path):
    for suffix in files.SUFFIXES:
        (tmp_path / f"torn{suffix}").write_bytes(b"no model at all")
        assert "not a model" in refusal(tmp_path / f"torn{suffix}")
    assert "global pooling" in refusal(saved("free.keras", (None, None, 3)))
    flat = keras.Sequential([keras.Input((7,)), layers.Dense(2)])
    flat.save(tmp_path / "flat.keras")
    assert "[?, 7] to [?, 2]" in refusal(tmp_path / "flat.keras")
    image = keras.Input((8, 8, 3))
    keras.Model(image, [image, image]).save(tmp_path / "two.keras")
    assert "one output" in refusal(tmp_path / "two.keras")
    assert "needs images of 2 channels, got 3" in refusal(saved("odd.keras", (8, 8, 2)), (8, 8, 3))


def test_refused_images(saved):
    get = extractor("digits")
    for images in (noise(3).astype(float), noise(3)[0], noise(3)[:0]):
        with refuses(UsageError, "uint8"):
            get(images)
    with refuses(UsageError, "4"):
        extractor(saved(scale=float("inf")))(noise(4))


def test_damaged_weights(monkeypatch):
    monkeypatch.setitem(bundled.SHA256, "digits", "0" * 64)
    bundled.named.cache_clear()
    assert "reinstall ganvas" in refusal("digits")
    monkeypatch.undo()
    bundled.named.cache_clear()
    assert extractor("digits") is extractor("digits")


def test_weights_are_small_and_finite():
    assert (WEIGHTS / "digits.npz").stat().st_size < 1_000_000
    assert (WEIGHTS / "lite0.npz").stat().st_size < 7_000_000
    for name, model in (("digits", lite0.digits()), ("lite0", lite0.lite0(32))):
        weights = bundled._bundled(name)
        assert [w.shape for w in weights] == [w.shape for w in model.get_weights()]
        assert all(np.isfinite(w).all() for w in weights)


def test_inner_maps_are_those_of_the_network():
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    *maps, pooled = bundled.inner_maps((64, 64))(image)
    assert [tuple(one.shape[1:]) for one in maps] == [(8, 8, 40), (4, 4, 80), (4, 4, 112)]
    whole = lite0.lite0(64)
    whole.set_weights(bundled._bundled("lite0"))
    assert pooled.numpy() == pytest.approx(whole(image).numpy())


def test_which_images_are_digits(digits):
    images, labels = digits
    assert choose(images[:300]) == "digits"
    assert looks_like_digits(images[labels == 1][:100])
    assert looks_like_digits(np.stack([refit(i, (16, 16), 1) for i in images[:200]]))
    others = (noise(100, 28, 1), 255 - images[:100], 0 * images[:100], np.repeat(images, 3, 3))
    assert [choose(other) for other in others] == ["general"] * 4
    bordered = np.pad(noise(100, 20, 1), ((0, 0), (4, 4), (4, 4), (0, 0)))
    assert choose(bordered) == "general"


@pytest.mark.parametrize(
    "name, key", [("fashion_mnist.npz", "x_test"), ("pneumoniamnist_full.npz", "test_images")]
)
def test_which_images_are_not_digits(name, key):
    with arrays(name) as file:
        assert choose(file[key][:300, ..., None]) == "general"


def reference(file, x):
    """Lite0 from the published arrays, normalisation and all, in plain operations."""

    def convolve(x, name, stride=1):
        kernel = file[f"{name}.weight"]
        if "depthwise" in name:
            strides = [1, stride, stride, 1]
            return tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), strides, "SAME")
        return tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), stride, "SAME")

    def normal(x, name):
        gain, bias, mean, variance = (
            file[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gain + bias

    x = tf.nn.relu6(normal(convolve((x - 127.0) / 128, "_conv_stem", 2), "_bn0"))
    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    for i in range(16):
        y, block, stride = x, f"_blocks.{i}", strides.get(i, 1)
        if i:
            y = tf.nn.relu6(normal(convolve(y, f"{block}._expand_conv"), f"{block}._bn0"))
        y = convolve(y, f"{block}._depthwise_conv", stride)
        y = tf.nn.relu6(normal(y, f"{block}._bn1"))
        y = normal(convolve(y, f"{block}._project_conv"), f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
    x = tf.nn.relu6(normal(convolve(x, "_conv_head"), "_bn1"))
    return tf.reduce_mean(x, (1, 2)).numpy()


@functools.cache
def emoji():
    """RGBA uint8 [N, 64, 64, 4] of the code points in `SEEN`."""
    with arrays("noto_emoji_64.npz") as file:
        places = {code: row for row, code in enumerate(file["code"])}
        return file["rgba"][[places[code] for code in SEEN]]


SEEN = {  # code points, and the numbers of their ImageNet classes
    "1f34c": 954, "1f353": 949, "1f34b": 951, "26bd": 805, "1f3be": 852, "1f41e": 301,
    "1f354": 933, "1f993": 340, "1f3b8": 402, "1f691": 407, "1f6a6": 920, "1f355": 963,
}  # fmt: skip


def test_general_is_the_published_network(chunk):
    """Folding and half precision move features by less than 1 %."""
    with arrays("effnet_lite0_imagenet_weights.npz") as file:
        images = noise(8, 128)
        images[4:] = refitted = np.stack([refit(i, (128, 128), 3) for i in emoji()[:4]])
        assert refitted.shape == (4, 128, 128, 3)
        theirs = reference(file, images.astype(np.float32))
    ours, _ = extractor("general")(images)
    assert np.linalg.norm(ours - theirs) < 0.01 * np.linalg.norm(theirs)


def test_general_recognises_things(chunk):
    with arrays("effnet_lite0_imagenet_weights.npz") as file:
        head, bias = file["_fc.weight"], file["_fc.bias"]
    found, _ = extractor("general")(emoji())
    best = np.argsort(-(found @ head.T + bias), axis=1)[:, :5]
    right = [code for code, row in zip(SEEN.values(), best, strict=True) if code in row]
    assert len(right) >= 4  # of 12; by chance, four are one case in a million
