"""The SavedModels that the serving tests ask, and a models.config over them.

python tests/serving/make_models.py FOLDER      # for a real TensorFlow Serving over FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf

CONFIG = """
model_config_list {{
  config {{
    name: "gan" base_path: "{folder}/gan" model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "canary" value: 2 }}
  }}
  config {{ name: "cond" base_path: "{folder}/cond" model_platform: "tensorflow" }}
  config {{ name: "types" base_path: "{folder}/types" model_platform: "tensorflow" }}
}}
"""


def spec(shape: list[int | None], dtype: tf.DType, name: str) -> tf.TensorSpec:
    return tf.TensorSpec(shape, dtype, name)


class Generator(tf.Module):
    """z [N, 4] -> images [N, 4, 4, 1]; every pixel of an image is tanh(scale * mean of z)."""

    def __init__(self, scale: float, classes: int = 0):
        super().__init__()
        self.scale = tf.Variable(scale)
        self.classes = classes

    def images(self, z, label=None):
        value = tf.reduce_mean(z, axis=1) * self.scale
        if label is not None:
            value += tf.cast(label, tf.float32)
        ramp = tf.reshape(tf.linspace(0.0, 0.5, 16), [1, 4, 4, 1])
        return {"images": tf.tanh(tf.reshape(value, [-1, 1, 1, 1]) + ramp)}

    def drawn(self, num_images, seed, truncation, label=None):
        z = tf.random.stateless_normal([num_images, 4], seed) * truncation
        labels = None if label is None else tf.fill([num_images], label)
        pixels = tf.cast((self.images(z, labels)["images"] + 1) * 127.5, tf.uint8)
        pngs = tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
        return {"image_bytes": pngs}

    def save(self, folder: Path) -> None:
        noise = [spec([None, 4], tf.float32, "z")]
        words = [
            spec([], tf.int32, "num_images"), spec([2], tf.int32, "seed"),
            spec([], tf.float32, "truncation"),
        ]  # fmt: skip
        if self.classes:
            noise.append(spec([None], tf.int32, "label"))
            words.append(spec([], tf.int32, "label"))
        signatures = {
            "serving_default": tf.function(self.images, input_signature=noise),
            "generate": tf.function(self.drawn, input_signature=words),
        }
        self.functions = list(signatures.values())  # else TensorFlow cannot save them
        tf.saved_model.save(self, str(folder), signatures=signatures)


SIGNATURES = {
    "float": ([spec([None], tf.float32, "x")], lambda x: {"y": x * 1}),
    "double": ([spec([None], tf.float64, "x")], lambda x: {"y": x * 1}),
    "int": ([spec([None], tf.int32, "x")], lambda x: {"y": x + 1}),
    "long": ([spec([None], tf.int64, "x")], lambda x: {"y": x + 1}),
    "byte": ([spec([None], tf.uint8, "x")], lambda x: {"y": tf.cast(x, tf.int32)}),
    "bool": ([spec([None], tf.bool, "x")], lambda x: {"y": tf.logical_not(x)}),
    "string": ([spec([None], tf.string, "x")], lambda x: {"y": x + "!"}),
    "bytes": ([spec([None], tf.string, "x")], lambda x: {"y_bytes": tf.identity(x)}),
    "half_in": ([spec([None], tf.float16, "x")], lambda x: {"y": tf.cast(x, tf.float32)}),
    "half_out": ([spec([None], tf.float32, "x")], lambda x: {"y": tf.cast(x, tf.float16)}),
    "scalar": ([spec([], tf.float32, "x")], lambda x: {"y": x + 1}),
    "total": ([spec([None], tf.float32, "x")], lambda x: {"y": tf.reduce_sum(x)}),
    "matrix": ([spec([None, 2], tf.float32, "x")], lambda x: {"y": tf.reduce_sum(x, 1)}),
    "odd": ([spec([None], tf.float32, "x")], lambda x: {"y": tf.math.log(x)}),
    "two": ([spec([None], tf.float32, "x")], lambda x: {"a": x + 1, "b": tf.stack([x, x], 1)}),
    "uneven": ([spec([None], tf.float32, "x")], lambda x: {"a": x + 1, "b": tf.concat([x, x], 0)}),
    "pair": (
        [spec([None], tf.float32, "a"), spec([None], tf.int32, "b")],
        lambda a, b: {"y": a + tf.cast(b, tf.float32)},
    ),
    "raises": (
        [spec([None], tf.float32, "x")],
        lambda x: {"y": tf.debugging.check_numerics(x, "not finite")},
    ),
    "slow": ([spec([None], tf.float32, "x")], lambda x: {"y": slow(x)}),
}


def slow(x):
    """x seconds of waiting, in a kernel of TensorFlow and without a processor."""
    half = tf.cast(tf.reduce_max(x) * 5e5, tf.int64)  # the end of the dataset is waited for, too
    number = tf.TensorSpec([], tf.int64)
    waiting = tf.raw_ops.SleepDataset(
        input_dataset=tf.data.Dataset.range(1)._variant_tensor, sleep_microseconds=half,
        output_types=[tf.int64], output_shapes=[number.shape],
    )  # fmt: skip
    add = tf.function(tf.add, input_signature=[number, number]).get_concrete_function()
    total = tf.raw_ops.ReduceDataset(
        input_dataset=waiting, initial_state=[tf.constant(0, tf.int64)], other_arguments=[],
        f=add, output_types=[tf.int64], output_shapes=[number.shape],
    )  # fmt: skip
    return x + tf.cast(total[0], tf.float32)


def save_types(folder: Path) -> None:
    module = tf.Module()
    functions = {
        name: tf.function(function, input_signature=specs, autograph=False)
        for name, (specs, function) in SIGNATURES.items()
    }
    module.functions = list(functions.values())
    tf.saved_model.save(module, str(folder), signatures=functions)


def make(folder: Path) -> Path:
    """Returns: the models.config."""
    Generator(1.0).save(folder / "gan" / "1")
    Generator(2.0).save(folder / "gan" / "2")
    Generator(1.0, classes=3).save(folder / "cond" / "1")
    save_types(folder / "types" / "1")
    config = folder / "models.config"
    config.write_text(CONFIG.format(folder=folder.resolve()))
    return config


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
