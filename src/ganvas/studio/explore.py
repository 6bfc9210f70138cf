"""Drawing for the page: sheets of images from noise, changed along sliders, between two points.

A point of the noise is a seed and the index of an image in its grid, and offsets along sliders.
Sliders are directions of the noise along which the pixels change most.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import images
from ..images import fast_png
from ..sampling import litert_sampler
from ..sampling.drawing import Drawing
from ..sampling.interpolation import slerp
from ..serve.status import Declined, invalid
from ..storage import manifest
from ..storage.run import Run

MOST = 64
"""Images of an answer."""
SLIDERS = 6
DRAWN = 192
"""Images from which the sliders are found, at most; fewer of large ones."""
PIXELS = 3_000_000
KEPT = 2
"""Generators that are kept in memory."""
FRAMES_PER_SECOND = 12


@dataclass(frozen=True)
class Point:
    """A point of the noise: row `index` of a seed, moved by `offsets` along the sliders."""

    seed: int = 0
    index: int = 0
    offsets: tuple[float, ...] = ()


class Generator:
    """A sampler with its sliders; one thread draws at a time."""

    def __init__(self, sampler: Drawing) -> None:
        self.sampler = sampler
        self.lock = threading.Lock()
        self._sliders: dict[int | str | None, np.ndarray] = {}

    def facts(self) -> dict[str, Any]:
        """For the page."""
        one = self.sampler
        return {
            "shape": list(one.shape), "names": one.names, "noise_size": one.noise_size,
            "sliders": min(SLIDERS, one.noise_size), "most": MOST,
        }  # fmt: skip

    def sliders(self, label: int | str | None) -> np.ndarray:
        """Unit directions of noise, [SLIDERS, Z]: the principal components of the pixels of drawn
        images, each correlated with their noise, orthogonal.

        Source: after Härkönen et al. 2020, arXiv:2004.02546, with pixels in place of features.
        """
        if label not in self._sliders:
            one = self.sampler
            size = int(np.prod(one.shape[:2]))
            count = int(np.clip(PIXELS // size, 32, DRAWN))
            noise = one.noise(count, seed=1)
            fixed = label if label is not None or not one.names else 0
            drawn = one.draw(noise, one.labels(count, fixed, 1)).reshape(count, -1)
            # The left singular vectors are the components' values for each image.
            values, _, _ = np.linalg.svd(drawn - drawn.mean(0), full_matrices=False)
            correlated = noise.T @ values[:, : min(SLIDERS, one.noise_size)]
            self._sliders[label] = np.linalg.qr(correlated)[0].T.astype(np.float32)
        return self._sliders[label]

    def noise_of(self, point: Point, label: int | str | None) -> np.ndarray:
        """[1, Z]."""
        rows = self.sampler.noise(point.index + 1, point.seed)[-1:]
        if any(point.offsets):
            directions = self.sliders(label)
            steps = np.zeros(len(directions), np.float32)
            steps[: len(point.offsets)] = point.offsets[: len(directions)]
            rows = rows + steps @ directions
        return rows


class Generators:
    """The generators of runs and models that were used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Generator] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, folder: Path) -> Generator:
        """The generator of a run or of an exported model; of a run that is trained, the best one
        so far. Raises: GanvasError: there is none yet."""
        key = folder, _mark(folder)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = Generator(_loaded(folder))
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def _mark(folder: Path) -> float:
    """Changes with the model of a run."""
    if manifest.is_model(folder):
        return (manifest.locate(folder) / manifest.NAME).stat().st_mtime
    model = Run.open(folder).model()
    if model is None:
        raise Declined("NOT_FOUND", "the run has no model yet: it gets one with its first grid")
    return model.stat().st_mtime


def _loaded(folder: Path) -> Drawing:
    """By LiteRT where there is a file for it; else by TensorFlow, whose import takes seconds."""
    if found := litert_sampler.load(folder):
        return found
    from ..sampling.sampler import load

    return load(folder)


@dataclass(frozen=True)
class Wish:
    """What is to be drawn, from the query of a request.

    Attributes:
        what: grid, image, variations, between or walk.
        to: the other end, of "between".
        strength: of variations: 0 is the image itself, 1 any other image.
        spread: seed of variations.
    """

    what: str
    point: Point
    to: Point
    n: int
    truncation: float
    label: str | None
    strength: float
    spread: int
    seconds: float

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        """Raises: Declined: a value that is not accepted."""
        label = query.get("label") or None
        return cls(
            query.get("what", "grid"),
            _point(query, ""),
            _point(query, "to_"),
            int(_number(query, "n", 24, 1, MOST)),
            _number(query, "truncation", 1, 0.05, 2),
            label,
            _number(query, "strength", 0.4, 0, 1),
            int(_number(query, "spread", 0, 0, 2**31 - 1)),
            _number(query, "seconds", 4, 1, 10),
        )


def sheet(generator: Generator, wish: Wish) -> tuple[bytes, int, int]:
    """Images side by side without gaps, as PNG; their number, and columns.

    Raises: Declined, UsageError: what cannot be drawn.
    """
    with generator.lock:
        drawn = frames(generator, wish)
    columns = int(np.ceil(np.sqrt(len(drawn))))
    rows = -(-len(drawn) // columns)
    blank = np.zeros((rows * columns - len(drawn), *drawn.shape[1:]), np.uint8)
    cells = np.concatenate([drawn, blank])
    sprite = images.grid(cells, columns, gap=0)
    return next(fast_png.encoded(sprite[None])), len(drawn), columns


def frames(generator: Generator, wish: Wish) -> np.ndarray:
    """The images themselves, uint8 [N, H, W, C]."""
    one, label = generator.sampler, _label(generator.sampler, wish.label)
    if wish.what == "grid":
        return one.sample(wish.n, label, wish.point.seed, wish.truncation)
    if wish.what == "walk":
        count = min(MOST, round(wish.seconds * FRAMES_PER_SECOND))
        return one.walk(
            wish.seconds, label, wish.point.seed, fps=max(1, round(count / wish.seconds))
        )
    start = generator.noise_of(wish.point, label)
    if wish.what == "image":
        noise = start
    elif wish.what == "variations":
        rng = np.random.Generator(np.random.Philox([wish.spread, 2]))
        other = rng.standard_normal((max(1, wish.n - 1), one.noise_size), np.float32)
        angle = wish.strength * np.pi / 2
        noise = np.concatenate([start, np.cos(angle) * start + np.sin(angle) * other])[: wish.n]
    elif wish.what == "between":
        end, count = generator.noise_of(wish.to, label), max(2, wish.n)
        share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
        noise = slerp(start.repeat(count, 0), end.repeat(count, 0), share).astype(np.float32)
    else:
        raise invalid(
            f"what must be grid, image, variations, between or walk, got {wish.what!r}: choose one"
        )
    noise = noise * np.float32(wish.truncation)
    return one.decode(noise, _labels_of(generator, wish, label, len(noise)))


def _labels_of(
    generator: Generator, wish: Wish, label: int | str | None, count: int
) -> np.ndarray | None:
    """The class of each image; without a label that of the image in its grid."""
    one = generator.sampler
    if label is not None or not one.conditional:
        return one.labels(count, label, 0)
    of_grid = one.labels(wish.point.index + 1, None, wish.point.seed)
    return None if of_grid is None else of_grid[-1:].repeat(count)


def _label(sampler: Drawing, label: str | None) -> str | None:
    return label if label is not None and sampler.names else None


def _point(query: Mapping[str, str], prefix: str) -> Point:
    offsets = [one for one in query.get(f"{prefix}offsets", "").split(",") if one][:SLIDERS]
    return Point(
        int(_number(query, f"{prefix}seed", 0, 0, 2**31 - 1)),
        int(_number(query, f"{prefix}index", 0, 0, MOST - 1)),
        tuple(_number({"offsets": one}, "offsets", 0, -10, 10) for one in offsets),
    )


def _number(query: Mapping[str, str], key: str, default: float, least: float, most: float) -> float:
    text = query.get(key, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:  # also of NaN
        raise invalid(f"{key} must be a number from {least:g} to {most:g}, got {text[:50]!r}")
    return value
