"""What a sampler draws, without what computes it: noise, labels, walks. Needs no TensorFlow."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np

from .. import images
from ..base.classes import class_index
from ..base.progress import stage
from ..errors import Diverged, UsageError
from ..images import inline
from .interpolation import slerp

CHUNK = 64
SHOWN = 8
"""Images in a notebook."""


class Drawing(abc.ABC):
    """Draws images. The same seed gives the same images for any number of them.

    Args:
        shape: of an image, (height, width, channels).
        noise_size: numbers in a row of noise.
        conditional: whether images have labels.
        names: class names, for `label`; empty without classes, or if classes are groups found by
            clustering.
        frequencies: share of each class in the training images; without a label, samples have
            the same shares.
    """

    def __init__(
        self,
        shape: Sequence[int],
        noise_size: int,
        conditional: bool,
        names: Sequence[str],
        frequencies: Sequence[float],
    ) -> None:
        self.shape = tuple(shape)
        self.noise_size = noise_size
        self.conditional = conditional
        self.names = list(names)
        self.frequencies = np.asarray(frequencies, float)

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

    def _repr_html_(self) -> str:
        """For a notebook: facts, and images of the first seed."""
        names = ", ".join(map(str, self.names[:10])) + ", ..." * (len(self.names) > 10)
        facts = [
            ("images", "x".join(map(str, self.shape))),
            ("noise", self.noise_size),
            ("classes", names or ("groups" if self.conditional else "")),
        ]
        try:
            picture = images.grid(self.sample(SHOWN), SHOWN // 2)
        except Diverged as error:
            picture, facts = None, [*facts, ("no images", str(error))]
        return inline.card(type(self).__name__, facts, picture)

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
                chunks.append(self._drawn(chunk))
                drawing.advance(len(chunk["noise"]))
        return np.concatenate(chunks)

    @abc.abstractmethod
    def _drawn(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """The images of at most CHUNK rows of "noise" and "label": float32 [n, H, W, C]."""

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
