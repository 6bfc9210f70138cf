"""Shards are TFRecords of `tf.train.Example`, whoever wrote the bytes."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from ganvas.data.records import shard_rows, write_shard
from ganvas.images import write_png


def by_tensorflow(path, pictures):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image, label in pictures:
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString(deterministic=True))
    return path.read_bytes()


@pytest.mark.parametrize("shape", [(4, 4, 1), (11, 11, 1), (13, 10, 1), (64, 64, 3), (80, 80, 4)])
def test_bytes_are_those_of_tensorflow(tmp_path, shape):
    """Sides at which a length takes one byte, two, three; and so with labels."""
    rng = np.random.default_rng(0)
    labels = [0, 1, 127, 128, 300, 16_383, 16_384, 2**31 - 1]
    pictures = [(rng.integers(0, 256, shape, np.uint8), label) for label in labels]
    packed = write_shard(tmp_path / "ours", pictures)
    content = (tmp_path / "ours").read_bytes()
    assert content == by_tensorflow(tmp_path / "theirs", pictures)
    assert packed.bytes == len(content) == packed.offsets[-1, 1]


def test_rows_fill_a_shard(tmp_path):
    shape, limit = (20, 20, 3), 100_000
    rows = shard_rows(shape, limit)
    picture = np.zeros(shape, np.uint8)
    assert write_shard(tmp_path / "full", [(picture, 0)] * rows).bytes <= limit
    assert write_shard(tmp_path / "over", [(picture, 0)] * (rows + 1)).bytes > limit
    assert shard_rows(shape, 1) == 1


PACK = """
import sys
import ganvas.cluster.training, ganvas.cluster.sampling
from ganvas.data import Options
from ganvas.cluster import pack
pack(sys.argv[1], sys.argv[2], Options(size=16))
assert "tensorflow" not in sys.modules
"""


def test_what_ray_starts_needs_no_tensorflow(tmp_path):
    """It takes seconds and half a gigabyte in each of many processes."""
    (tmp_path / "photos").mkdir()
    for n in range(3):
        write_png(tmp_path / "photos" / f"{n}.png", np.eye(20, dtype=np.uint8)[..., None] * 50 * n)
    words = [sys.executable, "-c", PACK, str(tmp_path / "photos"), str(tmp_path / "packed")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "packed" / "index.json").exists()
