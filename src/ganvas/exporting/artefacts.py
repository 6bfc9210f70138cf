"""The artefacts of a version: how each is written, and how each is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..sampling.sampler import Exported, Sampler
from ..storage.manifest import ONNX
from . import litert, onnx, saved_model
from .runners import Draw, runner

SEED = 3
"""Of the noise from which int8 quantisation takes its ranges."""

Maker = Callable[[Path], None]
"""Writes an artefact into the folder of a version."""


def makers(formats: Iterable[str], sampler: Sampler) -> Iterator[tuple[str, Maker]]:
    """Name and maker of each artefact of the formats."""
    for name in formats:
        yield from MAKERS[name](sampler)


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


def _saved_model(sampler: Sampler) -> Iterator[tuple[str, Maker]]:
    def make(folder: Path) -> None:
        saved_model.save(sampler.generator, sampler.frequencies, folder)

    yield "saved_model", make


def _litert(sampler: Sampler) -> Iterator[tuple[str, Maker]]:
    noise = sampler.noise(litert.EXAMPLES, SEED)
    labels = sampler.labels(litert.EXAMPLES, None, SEED)
    for kind in litert.KINDS:

        def make(folder: Path, kind: str = kind) -> None:
            content = litert.convert(sampler.generator, kind, noise, labels)
            (folder / litert.file_name(kind)).write_bytes(content)

        yield litert.file_name(kind), make


def _onnx(sampler: Sampler) -> Iterator[tuple[str, Maker]]:
    yield ONNX, lambda folder: onnx.convert(sampler.generator, folder / ONNX)


MAKERS = {"saved_model": _saved_model, "litert": _litert, "onnx": _onnx}
