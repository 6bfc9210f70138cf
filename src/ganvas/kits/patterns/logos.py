"""Logos in a palette: trained by colour and kind, drawn, varied, edited, compared."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...config import load_recipe
from ...config.build import build
from ...errors import RunError, UsageError
from ...evaluation import Sample
from ...evaluation.copies import copies, nearest
from ...gan.networks import NETWORKS, Networks
from ...sampling.interpolation import slerp
from ...sampling.sampler import Sampler, load
from ...storage.job import begin
from ...storage.run import Run
from ...training.assembly import import_own_parts
from ...training.train import train_or_resume
from . import colour, work
from .marks import Marks, read_marks

TRIES = 6  # candidates drawn per logo, at most
INK = "#1c1c1c"


@dataclass(frozen=True)
class Drawn:
    """Logos, and the training images that are nearest to them.

    Attributes:
        images: uint8 [n, S, S, 3], in the palette.
        shapes: as generated, uint8 [n, S, S, C].
        noise: float32 [n, Z]; with the labels it draws them again.
        labels: int32 [n].
        colours: the palette of each, a list of #rrggbb; empty without a palette.
        nearest: row of the training image nearest to each, int64 [n].
        distance: to it, Euclidean, of pixels in [0, 1], [n].
        refused: number of candidates that were near-copies and were left out.
    """

    images: np.ndarray
    shapes: np.ndarray
    noise: np.ndarray
    labels: np.ndarray
    colours: list[list[str]]
    nearest: np.ndarray
    distance: np.ndarray
    refused: int

    def __len__(self) -> int:
        return len(self.images)


def learn_logos(
    data: Any,
    folder: str | os.PathLike[str],
    *,
    size: int = 32,
    kimg: float | None = None,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Logos:
    """Train a generator on logos; the same call again resumes it.

    Args:
        data: what `ganvas.data.load` takes, or the marks that `read_marks` made of it. One channel
            is ink on paper, dark on light or light on dark; colours are laid over white.
        folder: of the run; new, empty, or begun by the same call.
        size: pixels a side.
        kimg: length of training in thousand images; None: that of the recipe `logos`.
        seed: of the training.
        overrides: other recipe values.
        progress: report progress on standard error.

    Raises: DataError: too few images; RunError: a folder in other use.
    """
    marks = data if isinstance(data, Marks) else read_marks(data, size)
    base = Path(folder)
    values = {"train.seed": seed, "data.size": size, **(overrides or {})}
    config = load_recipe("logos").with_values(values)
    import_own_parts(config)
    build("networks", config.networks, NETWORKS, Networks)
    about = {"kit": "patterns logos", "images": marks.fingerprint, "settings": values}
    begin(base, about, work.REQUEST)
    if kimg is not None:
        values["train.kimg"] = kimg
    data = (marks.pixels, marks.labels)
    run = train_or_resume(data, "logos", base / "run", values, progress=progress)
    if run.model("last") is None:
        raise RunError(f"{base} was stopped before its first model: run the same command again")
    return Logos(run, marks)


class Logos:
    """Draws logos. The same seed, palette and kind give the same logos.

    Args:
        run: of the recipe `logos`, or its folder.
        marks: its training images, with which every logo is compared.
    """

    def __init__(self, run: Run | str | os.PathLike[str], marks: Marks):
        self.run = run if isinstance(run, Run) else Run.open(run)
        self.marks = marks
        self.sampler: Sampler = load(self.run, "last")
        self._originals = _reduced(marks.pixels)
        self._least = np.percentile(_filled(marks.pixels[:500]), 5)

    @property
    def kinds(self) -> list[str]:
        """The labels that were found, as "red/02" (main colour and kind) or "03"."""
        return self.sampler.names or ["00"]

    def draw(
        self,
        n: int = 16,
        palette: Sequence[str] = (),
        seed: int = 0,
        truncation: float = 0.8,
        kind: str | None = None,
        exact: bool = True,
    ) -> Drawn:
        """n logos that are neither near-copies of training images nor nearly empty.

        Args:
            palette: colours as #rrggbb; the i-th logo has the (i mod K)-th as its main colour, and
                the others as further colours. Empty: as generated.
            seed: of noise and labels.
            truncation: of the noise; below 1 more typical, less varied.
            kind: one of `kinds`, or the colour part of one; None: as often as in training.
            exact: recolour to the palette; False: the palette chooses only the generator's labels.

        Raises: UsageError: an unknown kind, or too few logos pass.
        """
        noise = self.sampler.noise(TRIES * n, seed) * np.float32(truncation)
        labels = self._labels(TRIES * n, list(palette), seed, kind)
        keep: list[int] = []
        refused = at = 0
        while len(keep) < n and at < len(noise):
            part = np.arange(at, min(len(noise), at + max(n, 32)))
            shapes = self.sampler.decode(noise[part], labels[part])
            bad, empty = self.copied(shapes), self._empty(shapes)
            for row in part:
                if len(keep) == n:
                    break
                # The place in the palette is kept: a refused one is replaced by its own colour.
                if palette and row % len(palette) != len(keep) % len(palette):
                    continue
                if bad[row - at]:
                    refused += 1
                elif not empty[row - at]:
                    keep.append(int(row))
            at = int(part[-1]) + 1
        if len(keep) < n:
            raise UsageError(
                f"{refused} of {len(noise)} logos were near-copies of training images, others "
                f"nearly empty, and {len(keep)} of the requested {n} are left: request fewer, "
                "train longer or on more images, or increase the truncation"
            )
        palettes = [_turned(list(palette), i) for i in range(n)]
        return self.finish(noise[keep], labels[keep], palettes, refused, exact)

    def variations(self, drawn: Drawn, which: int, n: int = 15, strength: float = 0.45,
                   seed: int = 0) -> Drawn:  # fmt: skip
        """Logos near a chosen one, itself first: its noise is rotated on its sphere towards other
        noise; `strength` 0 is the logo itself, 1 any other. Near-copies are kept; `copied` finds
        them."""
        if not 0 <= which < len(drawn):
            raise UsageError(f"which must be 0 to {len(drawn) - 1}, got {which}")
        if not 0 <= strength <= 1:
            raise UsageError(f"strength must be 0 (the same) to 1 (any), got {strength}")
        start = np.repeat(drawn.noise[which : which + 1], n, axis=0)
        other = self.sampler.noise(n, seed + 1_000_003)
        other *= np.linalg.norm(start, axis=1, keepdims=True) / np.linalg.norm(
            other, axis=1, keepdims=True
        )
        near = slerp(start, other, np.full((n, 1), strength))
        noise = np.concatenate([start[:1], near]).astype(np.float32)
        labels = np.repeat(drawn.labels[which : which + 1], n + 1)
        return self.finish(noise, labels, [drawn.colours[which]] * (n + 1))

    def edited(self, drawn: Drawn, which: int, direction: np.ndarray, reach: float = 3.0,
               steps: int = 7) -> np.ndarray:  # fmt: skip
        """A logo moved along a direction of noise, from -reach to reach: uint8 [steps, S, S, 3]."""
        shares = np.linspace(-reach, reach, steps, dtype=np.float32)[:, None]
        noise = drawn.noise[which] + shares * direction
        labels = np.repeat(drawn.labels[which : which + 1], steps)
        return self.coloured(self.sampler.decode(noise, labels), [drawn.colours[which]] * steps)

    def walk(self, drawn: Drawn, seconds: float = 4.0, fps: int = 20) -> np.ndarray:
        """A film through the first logos, closed: uint8 [frames, S, S, 3]. All have the label
        and the palette of the first."""
        places = min(len(drawn), max(2, round(seconds)))
        frames = max(2, round(seconds * fps))
        when = np.arange(frames) * places / frames
        at, share = when.astype(int), (when % 1)[:, None]
        share = share * share * (3 - 2 * share)
        noise = slerp(drawn.noise[at], drawn.noise[(at + 1) % places], share).astype(np.float32)
        shapes = self.sampler.decode(noise, np.repeat(drawn.labels[:1], frames))
        return self.coloured(shapes, [drawn.colours[0]] * frames)

    def finish(self, noise: np.ndarray, labels: np.ndarray, colours: list[list[str]],
               refused: int = 0, exact: bool = True) -> Drawn:  # fmt: skip
        """Images of noise [n, Z] and labels [n] in their palettes, and their nearest originals."""
        shapes = self.sampler.decode(noise, labels)
        rows, distances = nearest(_reduced(shapes), self._originals, 1)
        images = self.coloured(shapes, colours if exact else [[]] * len(shapes))
        return Drawn(images, shapes, noise, labels, colours, rows[:, 0], distances[:, 0], refused)

    def copied(self, shapes: np.ndarray) -> np.ndarray:
        """Which of these, as generated, are near-copies of training images: bool [n]."""
        return copies(_reduced(shapes), self._originals)

    def _empty(self, shapes: np.ndarray) -> np.ndarray:
        """Which have less figure than nearly all of the training images: bool [n]."""
        return _filled(shapes) < self._least

    def coloured(self, shapes: np.ndarray, colours: Sequence[Sequence[str]]) -> np.ndarray:
        """As generated -> uint8 [n, S, S, 3] in the palettes; ink alone takes the first colour."""
        if not self.marks.coloured:
            inks = [list(each)[:1] or [INK] for each in colours]
            pairs = zip(shapes, inks, strict=True)
            return np.stack([colour.ink(shape[..., 0], own[0]) for shape, own in pairs])
        return np.stack(
            [colour.recolour(s, c) if c else s for s, c in zip(shapes, colours, strict=True)]
        )

    def _labels(self, n: int, palette: list[str], seed: int, kind: str | None) -> np.ndarray:
        """One label for each of n logos: of its main colour, or of the nearest one in training."""
        if not self.sampler.conditional:
            return np.zeros(n, np.int32)
        mains = np.array([name.partition("/")[0] for name in self.kinds])
        chances = self.sampler.frequencies / self.sampler.frequencies.sum()
        if kind is not None:
            chances = chances * self.marks.chosen(kind)
        draws = np.random.Generator(np.random.Philox([seed, 3])).random(n)
        by_colour = self.marks.coloured and kind is None
        labels = np.empty(n, np.int32)
        for i in range(n):
            own = chances
            if palette and by_colour:
                own = chances * (mains == self.nearest_main(palette[i % len(palette)]))
            edges = np.cumsum(own) / own.sum()
            labels[i] = np.searchsorted(edges[:-1], draws[i], side="right")
        return labels

    def nearest_main(self, one: str) -> str:
        """The main colour in training that is nearest to #rrggbb."""
        there = sorted({name.partition("/")[0] for name in self.kinds})
        lab = colour.to_lab(colour.rgb_of([colour.NAMED[name] for name in there]))
        gap = (lab - colour.to_lab(colour.rgb_of([one]))) * [0.5, 1, 1]
        return there[int(np.argmin((gap**2).sum(axis=1)))]


def _reduced(pixels: np.ndarray) -> Sample:
    """For `copies`, which compares pixels alone, at most 32 a side."""
    step = max(1, pixels.shape[1] // 32)
    small = pixels[:, : pixels.shape[1] // step * step, : pixels.shape[2] // step * step]
    if step > 1:
        n, height, width, channels = small.shape
        cut = small.reshape(n, height // step, step, width // step, step, channels)
        small = np.rint(cut.mean(axis=(2, 4))).astype(np.uint8)
    return Sample.of_pixels(small)


def _filled(shapes: np.ndarray) -> np.ndarray:
    """The share of each image that is figure: ink, or not paper; [n]."""
    if shapes.shape[-1] == 1:
        return shapes.mean(axis=(1, 2, 3)) / 255
    return np.array([colour.figure(shape).mean() for shape in shapes])


def _turned(palette: list[str], i: int) -> list[str]:
    """The palette with its (i mod K)-th colour first."""
    if not palette:
        return []
    at = i % len(palette)
    return [palette[at], *palette[:at], *palette[at + 1 :]]
