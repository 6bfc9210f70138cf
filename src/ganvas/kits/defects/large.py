"""Large images, such as 4,000 x 3,000 pixels: cut into tiles, one image in memory at a time.

A detector of tiles is fitted on tiles of good images. An image is as unusual as its most unusual
tile: the calibration has the highest score of each whole image, so that at most alpha of good
images are called defective, however many tiles they have.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ... import images as pictures
from ...base.progress import reported, stage
from ...errors import DataError, UsageError
from ...exporting.publish import check_free
from .dealing import MEMORY, Dealt
from .detector import Detector, Verdicts
from .early import LARGE_FEWEST, files, images_folder, one_size
from .fitting import Steps, in_batches, traced
from .good_images import Split, split
from .options import DETAILS, check_detail
from .patches import LARGEST, Grid
from .promise import Promise
from .scorer import Scorer

TILES = 1500
"""Tiles to learn from, at most; a sixth of them scale and choose the parts."""
SIDES = (64, 2048)
"""Least and largest side of a tile in pixels."""


class Cut:
    """Where the tiles of an image lie: an eighth of a side overlaps.

    Args:
        image: (height, width, channels); side: of a tile in pixels.

    Raises: UsageError: a tile that does not fit.
    """

    def __init__(self, image: Sequence[int], side: int):
        height, width, self.channels = image
        least, most = SIDES
        if not least <= side <= min(most, height, width):
            raise UsageError(
                f"tiles must have {least} to {most} px and fit the images of {height}×{width} px, "
                f"got {side} px"
            )
        self.size, self.side = (height, width), side
        rows, columns = (_starts(length, side) for length in self.size)
        self.corners = [(top, left) for top in rows for left in columns]

    @classmethod
    def of(cls, detector: Detector) -> Cut | None:
        """None: the detector takes whole images."""
        facts = detector.facts.get("tile")
        return None if facts is None else cls(facts["image"], facts["side"])

    def tile(self, image: np.ndarray, number: int) -> np.ndarray:
        top, left = self.corners[number]
        return image[top : top + self.side, left : left + self.side]

    def chunks(self, image: np.ndarray, count: int) -> Iterator[tuple[range, np.ndarray]]:
        """Numbers of tiles, and the tiles, `count` at a time."""
        for start in range(0, len(self.corners), count):
            numbers = range(start, min(len(self.corners), start + count))
            yield numbers, np.stack([self.tile(image, number) for number in numbers])


def _starts(length: int, side: int) -> list[int]:
    """Evenly spaced; the last one ends at the edge."""
    count = 1 if length == side else 1 + int(np.ceil((length - side) / (side - side // 8)))
    return [int(start) for start in np.rint(np.linspace(0, length - side, count))]


def score_large(
    detector: Detector, image: np.ndarray, *, alpha: float | None = None
) -> tuple[Verdicts, np.ndarray]:
    """Score one large image, uint8 [H, W, C].

    Returns: verdicts of one image, with its heat-map; and the p-value of each tile.
    Raises: DataError: another size. UsageError: the detector takes whole images.
    """
    cut = Cut.of(detector)
    if cut is None:
        raise UsageError(
            f"{detector.place} takes images of {detector.shape[0]}×{detector.shape[1]} px: use "
            "score, or fit with tiles"
        )
    if image.shape != (*cut.size, cut.channels) or image.dtype != np.uint8:
        raise DataError(
            f"the image must be uint8 of shape {[*cut.size, cut.channels]}, got {image.dtype} of "
            f"shape {list(image.shape)}: convert or crop it"
        )
    heat = np.full(cut.size, -np.inf, np.float32)
    scores, p_values = [], []
    for numbers, tiles in cut.chunks(image, detector.batch):
        found = detector.score(tiles, alpha=alpha)
        scores.append(found.score)
        p_values.append(found.p_value)
        for number, part in zip(numbers, found.heatmap, strict=True):
            top, left = cut.corners[number]
            there = heat[top : top + cut.side, left : left + cut.side]
            np.maximum(there, part, out=there)
    each = np.concatenate(p_values)
    lowest = each.min(keepdims=True)
    score = np.concatenate(scores).max(keepdims=True)
    return Verdicts(score, lowest, lowest <= found.alpha + 1e-6, heat[None], found.alpha), each


@reported
def fit_large(
    good: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    tile: int,
    alpha: float = 0.05,
    detail: int = DETAILS[0],
    seed: int = 0,
    progress: bool = True,
) -> Detector:
    """Learn from tiles of large good images, and write OUT/N/. No GAN is trained.

    Args:
        good: a folder of image files of one size, of good parts only.
        out: the model's folder, of versions.
        tile: side of the tiles in pixels.
        alpha: the share of good images that may be called defective.
        detail: pixels of a tile's side, as the frozen network sees it: 128 or 256.
        seed: of every random choice.
        progress: report progress on standard error.

    Raises: DataError: too few images, or several sizes; nothing was written.
    """
    check_detail(detail)
    folder = images_folder(good)
    if folder is None:
        raise DataError(f"tiles are cut from image files, got {good}: give a folder of them")
    paths = _distinct(files(folder))
    headers = [pictures.probe(path) for path in paths]
    size = one_size(good, paths)
    channels = 1 if all(one.grey for one in headers) else 3
    wide = [path for path, one in zip(paths, headers, strict=True) if one.wide]
    levels = pictures.levels_of(pictures.joined(map(pictures.extent, wide)))
    cut, deal = Cut((*size, channels), tile), split(len(paths), alpha, seed, LARGE_FEWEST)
    number = check_free(Path(out), None)
    decode = partial(pictures.read, channels=channels, levels=levels)
    chosen = [[paths[row] for row in rows] for rows in deal]
    most = max(1, min(TILES, int(MEMORY / (tile * tile * channels))))
    wanted = (most, max(1, most // 6), len(chosen[2]))
    rng = np.random.Generator(np.random.Philox(seed))
    counts = [min(n, len(cut.corners) * len(one)) for one, n in zip(chosen, wanted, strict=True)]
    ends = np.cumsum(counts)
    parts = Split(*np.split(np.arange(ends[-1]), ends[:-1]))
    tiles = np.empty((ends[-1], tile, tile, channels), np.uint8)
    for one, rows in zip(chosen, parts, strict=True):
        _draw(cut, one, tiles[rows[0] : rows[-1] + 1], decode, rng)
    facts: dict[str, Any] = {
        "alpha": alpha, "detail": detail, "patch": min(LARGEST, tile), "seed": seed,
        "parts": {name: len(rows) for name, rows in deal._asdict().items()},
        "tile": {"image": [*size, channels], "side": tile, "tiles": len(cut.corners),
                 "learnt": counts[0]},
    }  # fmt: skip
    grid = Grid((tile, tile), facts["patch"])
    promise = Promise("split", {"": len(chosen[2])})
    given = Dealt(tiles, levels, parts, promise, None)
    steps = _Steps(given, grid, facts, Path(out), number, progress)
    steps.whole, steps.cut, steps.decode = chosen[2], cut, decode
    scorer = steps.without_gan()
    return steps.published(scorer, steps.chosen(scorer))


class _Steps(Steps):
    """Calibrated by whole images; `whole` are their files."""

    whole: Sequence[Path]
    cut: Cut
    decode: Any

    def peaks(self, scorer: Scorer) -> list[float]:
        """The highest heat of each whole image; sets the calibration by its highest score."""
        run = traced(lambda image: _highest(scorer(image)))
        scores, peaks = [], []
        with stage("calibrating", len(self.whole), "images") as progress:
            for path in self.whole:
                image = self.decode(path)
                found = np.concatenate([
                    in_batches(run, tiles, scorer.batch())
                    for _, tiles in self.cut.chunks(image, 4 * scorer.batch())
                ])  # fmt: skip
                scores.append(found[:, 0].max())
                peaks.append(round(float(found[:, 1].max()), 5))
                progress.advance()
        scorer.ranks.set(np.array(scores))
        return peaks


def _highest(outputs: Any) -> Any:
    """The score and the highest heat of each tile, [N, 2]."""
    return tf.stack([outputs["score"], tf.reduce_max(outputs["heatmap"], (1, 2))], 1)


def _draw(
    cut: Cut, paths: Sequence[Path], into: np.ndarray, decode: Any, rng: np.random.Generator
) -> None:
    """Fill uint8 [M, S, S, C] with tiles, as many of each image, up to one."""
    done = 0
    with stage("cutting tiles", len(paths), "images") as progress:
        for row, path in enumerate(paths):
            image = decode(path)
            upto = (row + 1) * len(into) // len(paths)
            numbers = rng.permutation(len(cut.corners))[: upto - done]
            for place, number in enumerate(numbers, done):
                into[place] = cut.tile(image, number)
            done = upto
            progress.advance()


def _distinct(paths: Sequence[Path]) -> list[Path]:
    """Each content once: an image used for training and calibration biases the calibration."""
    first: dict[bytes, Path] = {}
    for path in paths:
        with path.open("rb") as file:
            first.setdefault(hashlib.file_digest(file, "blake2b").digest(), path)
    return list(first.values())
