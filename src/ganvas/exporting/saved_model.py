"""A generator as a SavedModel that TensorFlow Serving loads: three signatures, each variable once.

`serving_default`: z float32 [N, Z] (label int32 [N]) -> images float32 [N, H, W, C] in [-1, 1].
`generate`: num_images int32, seed int32 [2], truncation float32 (label int32, -1: as in training)
-> image_bytes, PNG files [N]. The k-th image depends on seed and k alone.
`generate_from`: the same from image number `first` int32, so that a server can draw in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .. import images
from ..base.logs import quiet
from ..base.protobuf import field
from ..base.seeds import normal
from ..serve.signatures import (
    CHUNK,
    DEFAULT,
    FURTHEST,
    GENERATE,
    GENERATE_FROM,
    MOST,
    WRONG_FIRST,
    WRONG_NUMBER,
    WRONG_TRUNCATION,
    wrong_label,
)

WARMUP = "assets.extra/tf_serving_warmup_requests"


def save(generator: keras.Model, class_shares: Sequence[float] | np.ndarray, folder: Path) -> None:
    """Write the SavedModel in inference mode, with its warm-up request.

    Args:
        generator: {"noise" [B, Z], "label" [B]?} -> [B, H, W, C] in [-1, 1].
        class_shares: frequency of each class in training; empty without classes.
    """
    predict = predictor(generator)
    draw = _generate_from(predict, class_shares)
    signatures = {DEFAULT: predict, GENERATE: _generate(draw), GENERATE_FROM: draw}
    write(generator, signatures, folder)
    _write_warmup(generator, folder / WARMUP)


def write(generator: keras.Model, signatures: dict[str, tf.function], folder: Path) -> None:
    """Write functions of a generator. Keras's own export would write each variable twice."""
    module = tf.Module()
    module.weights = [variable.value for variable in generator.variables]
    with quiet("tensorflow"):  # in a notebook it writes where the assets are
        tf.saved_model.save(module, folder.as_posix(), signatures=signatures)


def predictor(
    generator: keras.Model,
    batch: int | None = None,
    compute: Callable[[dict[str, tf.Tensor]], tf.Tensor] | None = None,
) -> tf.function:
    """`serving_default`, for any number of images or a fixed one.

    Args:
        compute: inputs by name -> images, in place of the generator itself.
    """
    compute = compute or (lambda inputs: generator(inputs, training=False))
    noise = tf.TensorSpec((batch, generator.input["noise"].shape[-1]), tf.float32, "z")
    specs = [noise]
    if "label" in generator.input:
        specs.append(tf.TensorSpec((batch,), tf.int32, "label"))

    def predict(z: tf.Tensor, label: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        inputs = {"noise": z} if label is None else {"noise": z, "label": label}
        return {"images": tf.cast(compute(inputs), tf.float32)}

    return tf.function(predict, input_signature=specs, autograph=False)


def _generate_from(predict: tf.function, class_shares: Sequence[float] | np.ndarray) -> tf.function:
    """`generate_from`, for any `first`."""
    classes = len(class_shares)

    def generate_from(
        first: tf.Tensor,
        num_images: tf.Tensor,
        seed: tf.Tensor,
        truncation: tf.Tensor,
        label: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        first = _required(first, (first >= 0) & (first <= FURTHEST), WRONG_FIRST)
        num_images = _required(num_images, (num_images >= 1) & (num_images <= MOST), WRONG_NUMBER)
        truncation = _required(truncation, (truncation > 0) & (truncation <= 2), WRONG_TRUNCATION)
        if label is not None:
            label = _required(label, (label >= -1) & (label < classes), wrong_label(classes))
        # Chunks begin at multiples of CHUNK: the bytes of an image do not depend on `first`.
        skipped = first % CHUNK
        chunks = tf.map_fn(
            lambda start: _chunk(predict, class_shares, start, seed, truncation, label),
            tf.range(first - skipped, first + num_images, CHUNK),
            fn_output_signature=tf.TensorSpec((CHUNK,), tf.string),
        )
        return {"image_bytes": tf.reshape(chunks, (-1,))[skipped : skipped + num_images]}

    specs = [
        tf.TensorSpec((), tf.int32, "first"),
        tf.TensorSpec((), tf.int32, "num_images"),
        tf.TensorSpec((2,), tf.int32, "seed"),
        tf.TensorSpec((), tf.float32, "truncation"),
    ]
    specs += [tf.TensorSpec((), tf.int32, "label")] if len(predict.input_signature) > 1 else []
    return tf.function(generate_from, input_signature=specs, autograph=False)


def _generate(generate_from: tf.function) -> tf.function:
    """`generate`: the images from number 0."""

    def generate(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return generate_from(tf.constant(0), *inputs)

    specs = generate_from.input_signature[1:]
    return tf.function(generate, input_signature=specs, autograph=False)


def _chunk(
    predict: tf.function,
    class_shares: Sequence[float] | np.ndarray,
    first: tf.Tensor,
    seed: tf.Tensor,
    truncation: tf.Tensor,
    label: tf.Tensor | None,
) -> tf.Tensor:
    """PNG files of CHUNK images, starting with number `first`, [CHUNK]."""
    seeds = [_fold(seed, first + i) for i in range(CHUNK)]
    shape = predict.input_signature[0].shape[1:]
    given = [truncation * tf.stack([normal(shape, _fold(one, 0)) for one in seeds])]
    if label is not None:
        edges = tf.constant(np.cumsum(class_shares)[:-1], tf.float32)
        random = tf.stack([_uniform(_fold(one, 1)) for one in seeds])
        drawn = tf.searchsorted(edges, random, side="right")
        given.append(tf.where(label < 0, drawn, label))
    return images.to_png(predict(*given)["images"])


def _fold(seed: tf.Tensor, part: int | tf.Tensor) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, part, alg="philox")


def _uniform(seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform((), seed, alg="philox")


def _required(value: tf.Tensor, met: tf.Tensor, sentence: str) -> tf.Tensor:
    """The value if the condition is met; else every server answers INVALID_ARGUMENT, `sentence`."""
    check = tf.debugging.Assert(met, [tf.strings.format(sentence, value)])
    with tf.control_dependencies([check]):
        return tf.identity(value)


def _write_warmup(generator: keras.Model, path: Path) -> None:
    """One request of one image to `serving_default`.

    None to `generate`: its scalars cannot be batched, and with --enable_batching a failed warm-up
    request would prevent TensorFlow Serving from loading the model.
    """
    z = tf.zeros((1, generator.input["noise"].shape[-1]))
    inputs = {"z": z, "label": tf.zeros((1,), tf.int32)}
    if "label" not in generator.input:
        del inputs["label"]
    path.parent.mkdir()
    with tf.io.TFRecordWriter(path.as_posix()) as file:
        file.write(prediction_log(inputs))


def prediction_log(inputs: dict[str, tf.Tensor]) -> bytes:
    """A PredictionLog with a request to `serving_default`, as bytes.

    Four messages with a few fields each: encoded by hand, they need no generated stubs.

    Source: tensorflow_serving/apis/prediction_log.proto, predict.proto, model.proto; wire type 2
        of protocol buffers.
    """
    request = field(1, field(3, b"serving_default"))  # model_spec { signature_name }
    for name, tensor in inputs.items():
        proto = tf.make_tensor_proto(tensor.numpy()).SerializeToString()
        request += field(2, field(1, name.encode()) + field(2, proto))  # inputs { key, value }
    return field(6, field(1, request))  # predict_log { request }
