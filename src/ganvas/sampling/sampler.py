"""Sampling from a trained generator: noise, label, truncation -> images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .. import images
from ..base import keras_files, saved_models
from ..base.classes import class_index
from ..base.progress import stage
from ..base.types import StrPath
from ..errors import Advice, ModelError, RunError, UsageError
from ..gan import layers
from ..storage import manifest
from ..storage.facts import check_facts
from ..storage.run import Run
from .latent import slerp

CHUNK = 64


def load(run: StrPath, model: str = "best") -> Sampler:
    """A generator of a run or of an exported model, ready to draw from.

    Args:
        run: a run, or an exported model or one of its versions, whose files are checked against
            the manifest.
        model: of a run: "best", by the scores on held-out images (the last, if there are none
            yet), or "last". A file that is damaged is replaced by the next best one, with a note.

    Raises:
        RunError: no run, or it has not saved a generator yet.
        ModelError: an exported model that is damaged, or has no SavedModel.
    """
    if manifest.is_model(run):
        damaged = ModelError(f"{run} is no exported generator: export a run with `ganvas export`")
        facts, place = check_facts(manifest.verify(run), damaged), manifest.locate(run)
        return Sampler(_checked(Exported(place), place), facts["names"], facts["class_shares"])
    old = Run.open(run)
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


class Sampler:
    """Draws images from a generator. The same seed gives the same images for any number of them.

    Args:
        generator: {"noise" [B, Z], "label" [B]?} -> [B, H, W, C] in [-1, 1].
        names: class names, for `label`; empty without classes, or if classes are groups found by
            clustering.
        frequencies: share of each class in the training images; without a label, samples have
            the same shares.
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
        self.conditional = "label" in generator.input
        self.names = list(names)
        self.frequencies = np.asarray(frequencies, float)
        self.shape = tuple(generator.output.shape[1:])
        self.noise_size = generator.input["noise"].shape[-1]
        self._generate = tf.function(lambda inputs: generator(inputs, training=False))

    def sample(
        self,
        n: int = 64,
        label: int | str | Sequence[int | str] | np.ndarray | None = None,
        seed: int = 0,
        truncation: float = 1.0,
    ) -> np.ndarray:
        """Draw n images.

        Args:
            label: a class, or one for each image; None: as in training. An integer is an index, a
                string is a name, or an index where no class has that name.
            truncation: factor of the noise; below 1, images are more typical and less varied.

        Returns: uint8 [n, H, W, C].
        Raises: UsageError: an unknown label, or a label for a generator without classes.
        """
        if n < 1 or not 0 < truncation <= 2:
            raise UsageError(
                f"n must be >= 1 and truncation in (0, 2], got n = {n}, truncation = {truncation}"
            )
        noise = self.noise(n, seed) * np.float32(truncation)
        return self.decode(noise, self.labels(n, label, seed))

    __call__ = sample

    def noise(self, n: int, seed: int = 0) -> np.ndarray:
        """Standard normal float32 [n, Z], row by row from one stream, so that the first rows are
        the same for every n."""
        rng = np.random.Generator(np.random.Philox(seed))
        return rng.standard_normal((n, self.noise_size), np.float32)

    def decode(self, noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images of given noise [n, Z] and labels [n]: uint8 [n, H, W, C]."""
        return images.to_uint8(self.draw(noise, labels))

    def draw(self, noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """As `decode`, without rounding: float32 [n, H, W, C] in [-1, 1]."""
        inputs = {"noise": np.asarray(noise, np.float32)}
        if self.conditional:
            inputs["label"] = np.asarray(labels, np.int32)
        chunks = []
        with stage("drawing", len(noise), "images") as drawing:
            for start in range(0, len(noise), CHUNK):
                chunk = {k: v[start : start + CHUNK] for k, v in inputs.items()}
                length = len(chunk["noise"])
                # Always the same batch size: arithmetic that does not depend on n, one trace.
                padded = {k: np.resize(v, (CHUNK, *v.shape[1:])) for k, v in chunk.items()}
                chunks.append(self._generate(padded).numpy()[:length])
                drawing.advance(length)
        return np.concatenate(chunks)

    def walk(
        self, seconds: float = 4.0, label: int | str | None = None, seed: int = 0, fps: int = 20
    ) -> np.ndarray:
        """Frames of a smooth closed walk through latent space, with a new stop each second.

        Interpolation is spherical, because Gaussian noise is concentrated on a shell, and straight
        lines would leave it. With classes and no label, each stop has its own class.

        Returns: uint8 [frames, H, W, C].
        Source: White 2016, arXiv:1609.04468.
        """
        count = max(2, round(seconds))
        stops = self.noise(count, seed)
        frames = max(2, round(seconds * fps))
        position = np.arange(frames) * count / frames
        before, share = position.astype(int), position % 1
        noise = slerp(stops[before], stops[(before + 1) % count], share[:, None])
        labels = self.labels(count, label, seed)
        if labels is not None:
            labels = labels[np.round(position).astype(int) % count]
        return self.decode(noise.astype(np.float32), labels)

    def walks(
        self,
        cells: int,
        seconds: float = 4.0,
        label: int | str | None = None,
        seed: int = 0,
        fps: int = 20,
    ) -> np.ndarray:
        """Frames of several walks side by side, as of `walk`; with classes and no label each cell
        keeps a class: the first cell the first class, and so on, again and again.

        Returns: uint8 [frames, cells, H, W, C].
        """
        count, frames = max(2, round(seconds)), max(2, round(seconds * fps))
        stops = self.noise(cells * count, seed).reshape(cells, count, self.noise_size)
        position = np.arange(frames) * count / frames
        before, share = position.astype(int), np.tile(position % 1, cells)[:, None]
        start, end = stops[:, before], stops[:, (before + 1) % count]
        flat = (cells * frames, self.noise_size)
        noise = slerp(start.reshape(flat), end.reshape(flat), share).astype(np.float32)
        labels = self.labels(cells, label, seed)
        if labels is not None and label is None:
            labels = np.arange(cells) % len(self.frequencies)
        drawn = self.decode(noise, None if labels is None else labels.repeat(frames))
        return drawn.reshape(cells, frames, *self.shape).swapaxes(0, 1)

    def labels(
        self, n: int, label: int | str | Sequence[int | str] | np.ndarray | None, seed: int
    ) -> np.ndarray | None:
        """One class index per image, [n]; None for an unconditional generator."""
        if label is not None and not self.names:
            raise UsageError(f"label {label!r}: this generator has no classes: leave it out")
        if not self.conditional:
            return None
        if label is None:
            rng = np.random.Generator(np.random.Philox([seed, 1]))
            edges = np.cumsum(self.frequencies) / self.frequencies.sum()
            return np.searchsorted(edges[:-1], rng.random(n), side="right").astype(np.int32)
        if np.ndim(label) == 0:
            return np.full(n, self.index(label), np.int32)  # type: ignore[arg-type]
        found = [self.index(one) for one in label]  # type: ignore[union-attr]
        if len(found) != n:
            raise UsageError(f"there must be one label for each of {n} images, got {len(found)}")
        return np.asarray(found, np.int32)

    def index(self, label: int | str) -> int:
        """The index of a class; see `base.classes.class_index`."""
        return class_index(label, self.names)
