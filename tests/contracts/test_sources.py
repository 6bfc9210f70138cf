"""Every source of images keeps the contract of `data.Images`."""

from dataclasses import replace

import numpy as np
import pytest

from ganvas.data import Options, load, prepare
from ganvas.images import write_png

PLAIN = Options(holdout=0.1)
AUGMENTED = Options(flip=True, shift=0.2, zoom=0.2, jitter=0.3, holdout=0.1)
COUNT = 260
WINDOWS = ((16, 32), (7, 5), (50, 300), (13, 387))  # (batch, first image)


def pictures(channels=1):
    rng = np.random.default_rng(3)
    shape = (COUNT, 16, 16, channels)
    return rng.integers(0, 256, shape, dtype=np.uint8), rng.integers(0, 3, COUNT)


def folder_of(tmp_path):
    images, labels = pictures(3)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        write_png(tmp_path / "images" / f"class {label}" / f"{i:03d}.png", image)
    return tmp_path / "images"


def memory_mapped(tmp_path):
    np.save(tmp_path / "x.npy", pictures()[0])
    return tmp_path / "x.npy"


SOURCES = {
    "arrays": (lambda path: pictures(), {}),
    "resized": (lambda path: pictures(), {"size": 20}),
    "mapped": (memory_mapped, {"cache_gb": 0.0}),
    "folder": (folder_of, {}),
    "folder on disk": (folder_of, {"cache_gb": 0.0}),
    "shards": (lambda path: prepare(folder_of(path), path / "packed"), {}),
    "grouped": (lambda path: pictures()[0], {"clusters": 3}),
}


@pytest.fixture(scope="module", params=SOURCES)
def make(request, tmp_path_factory):
    """A function of options that gives the source."""
    data_of, options = SOURCES[request.param]
    data = data_of(tmp_path_factory.mktemp("data"))
    return lambda wanted: load(data, replace(wanted, **options))


def take(source, batch, start, count, seed=5):
    """Images (and labels) start .. start + count of the stream."""
    found = []
    for element in source.stream(batch, seed, start):
        images, labels = element if source.classes else (element, np.zeros(batch))
        found += list(zip(images.numpy(), np.asarray(labels), strict=True))
        if len(found) >= count:
            break
    images, labels = zip(*found[:count], strict=True)
    return np.stack(images), np.array(labels)


@pytest.fixture(scope="module")
def two_epochs(make):
    """A source without augmentation, and what its stream gives in two epochs."""
    source = make(PLAIN)
    return source, *take(source, 32, 0, 2 * source.count)


def check_windows(source, images, labels, windows):
    for batch, start in windows:
        others, other_labels = take(source, batch, start, 13)
        np.testing.assert_array_equal(others, images[start : start + 13])
        np.testing.assert_array_equal(other_labels, labels[start : start + 13])


def test_the_kth_image_depends_on_seed_and_k_alone(two_epochs):
    source, images, labels = two_epochs
    assert images.dtype == np.float32
    assert images.shape == (2 * source.count, *source.shape)
    assert np.abs(images).max() <= 1
    check_windows(source, images, labels, WINDOWS)
    assert not np.array_equal(take(source, 64, 0, 64, seed=6)[0], images[:64])


@pytest.mark.parametrize(
    ("make", "windows"),
    [
        # One for each way to read images; the others read as arrays do.
        ("arrays", WINDOWS[2:3]),
        ("folder on disk", WINDOWS[2:3]),
        ("shards", WINDOWS[2:3]),
        *(pytest.param(name, WINDOWS, marks=pytest.mark.proof) for name in SOURCES),
    ],
    indirect=["make"],
)
def test_the_kth_image_is_augmented_alike(make, windows):
    source = make(AUGMENTED)
    images, labels = take(source, 64, 0, 400)
    assert images.shape == (400, *source.shape)
    assert np.abs(images).max() <= 1
    check_windows(source, images, labels, windows)
    if len(windows) > 1:
        assert not np.array_equal(take(source, 64, 0, 64, seed=6)[0], images[:64])


def test_an_epoch_shows_every_image_once_and_the_next_in_another_order(two_epochs):
    source, images, labels = two_epochs
    known, known_labels = zip(
        *[
            (image, label)
            for element in source.all(50)
            for image, label in zip(
                *((part.numpy() for part in element) if source.classes
                  else (element.numpy(), np.zeros(len(element)))), strict=True)
        ],
        strict=True,
    )  # fmt: skip
    assert len(known) == source.count == len({image.tobytes() for image in known})
    label_of = {i.tobytes(): int(y) for i, y in zip(known, known_labels, strict=True)}
    for epoch in (slice(0, source.count), slice(source.count, None)):
        seen = [image.tobytes() for image in images[epoch]]
        assert set(seen) == set(label_of)
        assert len(set(seen)) == len(seen)
        assert [label_of[image] for image in seen] == [int(y) for y in labels[epoch]]
    assert not np.array_equal(images[: source.count], images[source.count :])


def test_held_out_images_are_apart(make, two_epochs):
    source, images, _ = two_epochs
    held = source.held_out()
    assert held.count == round(0.1 * COUNT)
    assert source.count + held.count == COUNT
    assert held.classes == source.classes
    trained = {image.tobytes() for image in images[: source.count]}
    apart = {image.tobytes() for image in take(held, 13, 0, held.count)[0]}
    assert not trained & apart
    assert held.held_out() is None
    assert make(Options(holdout=0.0)).held_out() is None


def test_fingerprint_and_counts(make):
    one, same = make(Options()), make(Options())
    assert one.fingerprint == same.fingerprint
    assert make(Options(holdout=0.2)).fingerprint != one.fingerprint
    if one.classes:
        assert sum(one.class_counts) == one.count
        assert len(one.class_counts) == one.classes
    assert one.report.used == COUNT
