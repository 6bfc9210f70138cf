"""Sampling from a trained generator: noise, label, truncation -> images."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base import keras_files, plug_ins, saved_models
from ..base.types import StrPath
from ..errors import Advice, ModelError, RunError
from ..gan import layers
from ..storage import manifest
from ..storage.facts import check_facts
from ..storage.run import Run
from .drawing import CHUNK, Drawing


def load(
    run: StrPath, model: str = "best", *, custom_objects: Mapping[str, Any] | None = None
) -> Sampler:
    """A generator of a run or of an exported model, ready to draw from.

    Args:
        run: a run, or an exported model or one of its versions, whose files are checked against
            the manifest.
        model: of a run: "best", by the scores on held-out images (the last, if there are none
            yet), or "last". A file that is damaged is replaced by the next best one, with a note.
        custom_objects: own classes of the generator that are not registered with Keras, by name.

    Raises:
        RunError: no run, or it has not saved a generator yet.
        ModelError: an exported model that is damaged, or has no SavedModel.
    """
    if manifest.is_model(run):
        damaged = ModelError(f"{run} is no exported generator: export a run with `ganvas export`")
        facts, place = check_facts(manifest.verify(run), damaged), manifest.locate(run)
        return Sampler(_checked(Exported(place), place), facts["names"], facts["class_shares"])
    old = Run.open(run)
    plug_ins.check_installed(old.info.get("plug_ins"), old.where, ("networks",))
    with keras.saving.custom_object_scope(custom_objects or {}):
        data, (path, generator) = old.images, _readable(old, model)
    sampler = Sampler(generator, data["names"], data["class_shares"])
    sampler.file = path
    return sampler


def _readable(run: Run, which: str) -> tuple[Path, keras.Model]:
    """The first of the run's generators that can be read, and its file."""
    files, errors = run.candidates(which), []
    for path in files:
        try:
            generator = _checked(read_keras(path), path)
        except ModelError as error:
            errors.append(error)
            continue
        if errors:
            warnings.warn(f"{errors[0]}; {path.name} is used instead", Advice, stacklevel=3)
        return path, generator
    if errors:
        raise errors[0]
    raise RunError(
        f"{run.folder} has no saved generator: `ganvas resume {run.folder}` saves one at its next "
        "image grid; if the run is finished, add --set train.kimg=..."
    )


def _checked(generator: keras.Model | Exported, path: Path) -> keras.Model | Exported:
    """Raises: ModelError: its inputs or outputs are not those of a generator."""
    given, drawn = generator.input, generator.output
    if (
        not isinstance(given, dict)
        or not {"noise"} <= given.keys() <= {"noise", "label"}
        or not _fits(given["noise"], 2)
        or not _fits(drawn, 4)
        or not 1 <= drawn.shape[-1] <= 4
    ):
        raise ModelError(
            f"{path} is no generator, which maps noise [N, Z] to images [N, H, W, C] with 1 to 4 "
            "channels: give a run of `ganvas train`, or a model of `ganvas export`"
        )
    return generator


def _fits(tensor: Any, rank: int) -> bool:
    """Whether it has this rank, and known sides but for the first."""
    shape = getattr(tensor, "shape", None)
    return shape is not None and len(shape) == rank and None not in tuple(shape)[1:]


def read_keras(path: StrPath) -> keras.Model:
    """The generator of a run, from its Keras file; see `base.keras_files.read_keras`.

    Layers are found by their registered names, because the file may contain old module paths.
    """
    return keras_files.read_keras(Path(path), layers.REGISTERED)


class Exported:
    """The SavedModel of a version, with the interface of a generator."""

    def __init__(self, folder: StrPath) -> None:
        if not (Path(folder) / "saved_model.pb").is_file():
            raise ModelError(f"{folder} holds no SavedModel: export it with --formats saved_model")
        self._model = saved_models.load(Path(folder))
        try:
            self._predict = self._model.signatures["serving_default"]
            given = self._predict.structured_input_signature[1]
            self.input = {"noise": given["z"], **{k: given[k] for k in given if k == "label"}}
            self.output = self._predict.structured_outputs["images"]
        except (AttributeError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder} is no generator: export a run with `ganvas export`"
            ) from error

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """{"noise" [B, Z], "label" [B]?} -> float32 [B, H, W, C] in [-1, 1]; inference only."""
        given = {"z" if name == "noise" else name: value for name, value in inputs.items()}
        return self._predict(**{k: tf.convert_to_tensor(v) for k, v in given.items()})["images"]


class Sampler(Drawing):
    """Draws images from a generator by TensorFlow.

    Args:
        generator: {"noise" [B, Z], "label" [B]?} -> [B, H, W, C] in [-1, 1].
        names, frequencies: of the classes, see `Drawing`.
    """

    file: Path | None = None
    """The Keras file that the generator was read from, if it is one of a run."""

    def __init__(
        self,
        generator: keras.Model | Exported,
        names: Sequence[str] = (),
        frequencies: Sequence[float] = (),
    ) -> None:
        self.generator = generator
        super().__init__(
            generator.output.shape[1:],
            generator.input["noise"].shape[-1],
            "label" in generator.input,
            names,
            frequencies,
        )
        self._generate = tf.function(lambda inputs: generator(inputs, training=False))

    def _drawn(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        # Always the same batch size: arithmetic that does not depend on n, one trace.
        padded = {k: np.resize(v, (CHUNK, *v.shape[1:])) for k, v in inputs.items()}
        return self._generate(padded).numpy()[: len(inputs["noise"])]
