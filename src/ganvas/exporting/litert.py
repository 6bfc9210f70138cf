"""LiteRT (.tflite) files of a generator, and how they are run.

Only `tf.lite.TFLiteConverter` converts a SavedModel to such a file. `tf.lite.Interpreter` is
deprecated, so files are run by `ai_edge_litert`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.compat.litert import one_scale_for_each_dense_layer
from ..base.logs import quiet, quiet_in_notebook
from ..errors import Refused
from .lowering import lowered
from .runners import SIGNATURE
from .saved_model import predictor, write

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
    function = predictor(generator, 1, lowered(generator)).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    return _of_kind(converter, kind, _examples(noise, labels))


def prepare(
    generator: keras.Model, noise: np.ndarray, labels: np.ndarray | None, folder: Path
) -> None:
    """Write what `convert_saved` reads: a SavedModel for one image, and examples.npz."""
    function = predictor(generator, 1, lowered(generator))
    write(generator, {SIGNATURE: function}, folder)
    arrays: dict[str, Any] = {"z": noise}
    if labels is not None:
        arrays["label"] = labels.astype(np.int32)
    np.savez(folder / "examples.npz", **arrays)


def convert_saved(folder: Path, kind: str, examples: Iterable[dict[str, np.ndarray]]) -> bytes:
    """As `convert`, of the SavedModel that `prepare` has written."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        folder.as_posix(), signature_keys=[SIGNATURE]
    )
    return _of_kind(converter, kind, examples)


def _of_kind(
    converter: tf.lite.TFLiteConverter, kind: str, examples: Iterable[dict[str, np.ndarray]]
) -> bytes:
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        converter.representative_dataset = lambda: iter(examples)
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
            tf.saved_model.save(module, folder, signatures={SIGNATURE: function})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        return _converted(converter, "float32")


def _converted(converter: tf.lite.TFLiteConverter, kind: str) -> bytes:
    with warnings.catch_warnings(), quiet("tensorflow"), quiet_in_notebook():
        warnings.simplefilter("ignore")  # of the converter's internals
        try:
            return converter.convert()
        except Exception as error:  # its classes are not public
            why = str(error).strip().splitlines() or [type(error).__name__]
            raise Refused(f"the converter refuses {kind} ({why[0]})") from error


def _examples(noise: np.ndarray, labels: np.ndarray | None) -> list[dict[str, np.ndarray]]:
    given = {"z": noise} if labels is None else {"z": noise, "label": labels.astype(np.int32)}
    return [{name: rows[row : row + 1] for name, rows in given.items()}
            for row in range(len(noise))]  # fmt: skip
