"""ONNX files of a generator; needs the extra `onnx`."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import tensorflow as tf

from .saved_model import predictor

OPSET = 18
"""The newest that tf2onnx 1.17 can write."""


def convert(generator: keras.Model, path: Path) -> None:
    """Write the file, for any number of images; inputs and output as in `serving_default`."""
    convert_function(predictor(generator), path)


def convert_function(function: tf.function, path: Path) -> None:
    """Write a file of any function that has an input signature."""
    import tf2onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converter's internals
        tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET, output_path=str(path)
        )
