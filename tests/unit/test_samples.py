"""From images to what scores see: chosen by the seed, cached, brought to 32 pixels."""

import numpy as np
import pytest

from ganvas.base.cache import cache_folder
from ganvas.data import Options, load
from ganvas.evaluation.samples import describe, describe_source, shrink


class Means:
    """An extractor that counts how often it is asked."""

    name, sha256, width, classes, resize = "means", "0" * 64, 2, 0, "none"

    def __init__(self):
        self.asked = 0

    def __call__(self, images):
        self.asked += 1
        flat = images.reshape(len(images), -1).astype(np.float32)
        return np.stack([flat.mean(1), flat.std(1)], 1), None


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(grey):
    return load(grey, Options(holdout=0))


def test_the_seed_chooses(source):
    one, same, other = (describe_source(source, Means(), 50, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.pixels, same.pixels)
    assert not np.array_equal(one.pixels, other.pixels)
    assert len(describe_source(source, Means(), 10_000)) == source.count


def test_labels_follow_their_images(source, grey):
    images, labels = grey
    sample = describe_source(source, Means(), 40)
    for picture, label in zip(sample.pixels, sample.labels, strict=True):
        where = (images == picture[..., 0]).all(axis=(1, 2))
        assert label in labels[where]


def test_features_are_kept_and_a_damaged_file_is_no_harm(source, cache):
    means = Means()
    first = describe_source(source, means, 60)
    assert np.array_equal(describe_source(source, means, 60).features, first.features)
    assert means.asked == 1
    [kept] = (cache / "features").iterdir()
    kept.write_bytes(b"torn")
    assert np.array_equal(describe_source(source, means, 60).features, first.features)
    assert means.asked == 2


def test_a_cache_that_cannot_be_written_is_none(source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "file"))
    assert len(describe_source(source, Means(), 60)) == 60


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("GANVAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ganvas"


@pytest.mark.parametrize("side, small", [(28, 28), (32, 32), (64, 32), (48, 24), (63, 31)])
def test_shrink(side, small):
    images = np.arange(2 * side * side * 3, dtype=np.uint32) % 251
    images = images.astype(np.uint8).reshape(2, side, side, 3)
    brought = shrink(images)
    assert brought.shape == (2, small, small, 3)
    if side == 64:
        mean = images[1, 2:4, 4:6].astype(float).mean(axis=(0, 1))
        assert np.abs(brought[1, 1, 2] - mean).max() <= 0.5


def test_describe(grey):
    sample = describe(grey[0][..., None], Means(), grey[1])
    assert len(sample) == len(grey[0])
    assert len(sample[:3]) == len(sample[:3].labels) == 3
