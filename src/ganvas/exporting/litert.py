"""LiteRT (.tflite) files of a generator, and how they are run.

Only `tf.lite.TFLiteConverter` converts a SavedModel to such a file. `tf.lite.Interpreter` is
deprecated, so files are run by `ai_edge_litert`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ..base.compat.litert import one_scale_for_each_dense_layer
from ..base.litert import runner as runner
from ..base.logs import quiet, quiet_in_notebook
from ..errors import Refused
from .runners import LiteRT as LiteRT
from .saved_model import predictor

KINDS = ("float32", "float16", "dynamic", "int8")
"""float32: weights and arithmetic. float16: weights. dynamic: weights in int8, arithmetic chosen
per layer. int8: everything, including input and output, for NPUs and DSPs."""
EXAMPLES = 128


def file_name(kind: str) -> str:
    return f"model_{kind}.tflite"


def convert(
    generator: keras.Model, kind: str, noise: np.ndarray, labels: np.ndarray | None
) -> bytes:
    """The file, for one image at a time.

    With a free batch size, transposed convolutions cannot use the fast kernels (64 ms instead of
    1 ms), and the browser's runtime refuses the file.

    Args:
        noise, labels: [M, Z] and [M], from which int8 takes its ranges; noise outside them is
            clipped.

    Raises: Refused: the converter cannot convert it.
    """
    module = tf.Module()
    module.weights = [variable.value for variable in generator.variables]
    function = predictor(generator, 1).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        converter.representative_dataset = lambda: _examples(noise, labels)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        # A scale for each of the thousands of outputs of a dense layer costs too much (25 % of
        # the file for 0.7 dB).
        one_scale_for_each_dense_layer(converter)
    return _converted(converter, kind)


def convert_function(module: tf.Module, function: tf.function) -> bytes:
    """A file in float32 of any function with fixed shapes; `module` holds its variables.

    Raises: Refused: the converter cannot convert it.
    """
    with tempfile.TemporaryDirectory() as folder:
        with quiet("tensorflow"):
            tf.saved_model.save(module, folder, signatures={"serving_default": function})
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serving_default"]
        )
        return _converted(converter, "float32")


def _converted(converter: tf.lite.TFLiteConverter, kind: str) -> bytes:
    with warnings.catch_warnings(), quiet("tensorflow"), quiet_in_notebook():
        warnings.simplefilter("ignore")  # of the converter's internals
        try:
            return converter.convert()
        except Exception as error:  # its classes are not public
            why = str(error).strip().splitlines() or [type(error).__name__]
            raise Refused(f"the converter refuses {kind} ({why[0]})") from error


def _examples(noise: np.ndarray, labels: np.ndarray | None) -> Iterator[dict[str, np.ndarray]]:
    for row in range(len(noise)):
        label = {} if labels is None else {"label": labels[row : row + 1].astype(np.int32)}
        yield {"z": noise[row : row + 1], **label}
