"""A trained generator: the same seed, the same images."""

import zipfile

import keras
import numpy as np
import pytest

from ganvas.errors import UsageError
from ganvas.gan import layers
from ganvas.gan.networks import DCGAN
from ganvas.sampling.sampler import Sampler, read_keras
from refusals import refuses

PAIR = DCGAN(noise=4, width=4, embedding=2)  # arguments alone: no network is built yet


@pytest.fixture(scope="module")
def sampler():
    return Sampler(PAIR.generator((16, 20, 3), 3), ["cat", "dog", "eel"], [700, 300, 0])


def test_the_first_images_do_not_depend_on_how_many(sampler):
    many = sampler.sample(100, seed=3)
    assert many.shape == (100, 16, 20, 3)
    assert many.dtype == np.uint8
    np.testing.assert_array_equal(many[:10], sampler.sample(10, seed=3))
    np.testing.assert_array_equal(many, sampler(100, seed=3))
    assert not np.array_equal(many, sampler.sample(100, seed=4))


def test_a_seed_gives_the_same_noise_and_labels_for_ever(sampler):
    """A promise to users: these values never change. Labels have a stream of their own."""
    expected = [[1.3693491, 0.09133052, 0.42585802, -0.09835415],
                [-0.9712841, -0.43313292, 0.47129485, 2.2896311]]  # fmt: skip
    np.testing.assert_array_equal(sampler.noise(2, seed=3), np.array(expected, np.float32))
    assert sampler.labels(12, None, 3).tolist() == [1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1]
    assert sampler.labels(12, None, 0).tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_labels_by_name_index_and_frequency(sampler):
    np.testing.assert_array_equal(sampler.labels(3, "dog", 0), [1, 1, 1])
    np.testing.assert_array_equal(sampler.labels(2, "2", 0), [2, 2])
    np.testing.assert_array_equal(sampler.labels(3, [0, "eel", 1], 0), [0, 2, 1])
    drawn = np.bincount(sampler.labels(5000, None, 0), minlength=3) / 5000
    np.testing.assert_allclose(drawn, [0.7, 0.3, 0], atol=0.03)


def test_integers_are_indices_and_strings_are_names():
    numbered = Sampler(PAIR.generator((16, 16, 3), 4), ["1", "2", "3", "10"], [1, 1, 1, 1])
    assert numbered.labels(4, [0, 1, 2, 3], 0).tolist() == [0, 1, 2, 3]
    assert numbered.labels(4, np.arange(4), 0).tolist() == [0, 1, 2, 3]
    assert numbered.labels(4, ["1", "2", "10", "0"], 0).tolist() == [0, 1, 3, 0]
    assert numbered.labels(2, 2, 0).tolist() == [2, 2]
    assert numbered.labels(2, "2", 0).tolist() == [1, 1]
    for wrong in (4, -1, "11", "-1", "²", 1.0, [0, 4], ["0", None], [0]):
        with refuses(UsageError):
            numbered.labels(2, wrong, 0)


def test_refuses(sampler):
    with refuses(UsageError, "'dgo'", "'dog'"):
        sampler.sample(1, "dgo")
    with refuses(UsageError, "1"):
        sampler.sample(0)
    with refuses(UsageError, "truncation"):
        sampler.sample(1, truncation=0)
    plain = Sampler(PAIR.generator((16, 16, 1)))
    with refuses(UsageError):
        plain.sample(1, label=1)
    assert plain.sample(2).shape == (2, 16, 16, 1)


def test_truncation_draws_nearer_to_the_middle(sampler):
    middle = sampler.decode(np.zeros((1, 4)), np.array([0]))[0].astype(float)
    distance = [
        np.abs(sampler.sample(50, 0, truncation=t) - middle).mean() for t in (0.2, 0.6, 1.0)
    ]
    assert distance[0] < distance[1] < distance[2]


def test_found_groups_are_no_labels():
    grouped = Sampler(PAIR.generator((16, 16, 1), 2), (), [10, 30])
    assert grouped.sample(5).shape == (5, 16, 16, 1)
    with refuses(UsageError):
        grouped.sample(1, label=0)


def test_walks_side_by_side_keep_their_classes():
    sampler = Sampler(PAIR.generator((16, 16, 1), 3), ["a", "b", "c"], [0.2, 0.3, 0.5])
    frames = sampler.walks(4, seconds=2, fps=10)
    assert frames.shape == (20, 4, 16, 16, 1)
    noise = sampler.noise(8).reshape(4, 2, -1)[:, 0]
    first = sampler.decode(noise, np.array([0, 1, 2, 0]))
    assert np.abs(frames[0].astype(int) - first).max() <= 1
    one = sampler.walks(4, seconds=2, fps=10, label="c")
    assert np.abs(one[0].astype(int) - sampler.decode(noise, np.full(4, 2))).max() <= 1
    steps = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3, 4))
    assert steps.max() < 4 * steps.mean(), "no jumps"


def test_walk_is_smooth_and_closed():
    frames = Sampler(PAIR.generator((16, 16, 1))).walk(seconds=3, fps=20).astype(float)
    assert frames.shape == (60, 16, 16, 1)
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    closing = np.abs(frames[0] - frames[-1]).mean()
    assert closing <= 2 * steps.max()
    assert steps.max() < np.abs(frames[0] - frames[30]).mean()


def test_a_file_of_older_code_is_read(sampler, tmp_path, monkeypatch):
    """It names modules that are gone; nothing else may have registered the layers meanwhile."""
    path = tmp_path / "old.keras"
    sampler.generator.save(tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "new.keras") as new, zipfile.ZipFile(path, "w") as old:
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                assert b"ganvas.gan.layers." in content
                content = content.replace(b"ganvas.gan.layers.", b"ganvas.layers.")
            old.writestr(name, content)
    for name in layers.REGISTERED:
        monkeypatch.delitem(keras.saving.get_custom_objects(), name)
    given = {"noise": sampler.noise(2, 0), "label": sampler.labels(2, None, 0)}
    expected = sampler.generator(given, training=False)
    np.testing.assert_array_equal(read_keras(path)(given, training=False), expected)
