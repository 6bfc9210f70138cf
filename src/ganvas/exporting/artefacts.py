"""The artefacts of a version: how each is written, and how each is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..sampling.sampler import Exported, Sampler
from ..storage.manifest import ONNX
from . import onnx, saved_model
from .runners import Draw, runner

Maker = Callable[[Path], None]
"""Writes an artefact into the folder of a version."""


def maker(name: str, sampler: Sampler) -> tuple[str, Maker]:
    """Name and maker of the artefact of a format."""
    return MAKERS[name](sampler)


def opened(folder: Path, name: str, threads: int = 1) -> Draw:
    """A function that runs an artefact. A SavedModel uses TensorFlow's threads."""
    if name == "saved_model":
        return caller(Exported(folder))
    return runner(folder / name, threads)


def caller(generator: Any) -> Draw:
    """A function that runs a generator, or a SavedModel of one, with any batch size."""
    run = tf.function(lambda inputs: generator(inputs, training=False))

    def draw(noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        label = {} if labels is None else {"label": np.asarray(labels, np.int32)}
        return run({"noise": noise, **label}).numpy()

    return draw


def _saved_model(sampler: Sampler) -> tuple[str, Maker]:
    def make(folder: Path) -> None:
        saved_model.save(sampler.generator, sampler.frequencies, folder)

    return "saved_model", make


def _onnx(sampler: Sampler) -> tuple[str, Maker]:
    return ONNX, lambda folder: onnx.convert(sampler.generator, folder / ONNX)


MAKERS = {"saved_model": _saved_model, "onnx": _onnx}
"""LiteRT files have more than one maker: `candidates.Trials`."""
