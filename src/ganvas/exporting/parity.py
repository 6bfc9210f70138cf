"""Parity: images of an exported file compared with those of the generator, from the same noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..config import Export
from ..data import Images
from ..evaluation import Comparison, Sample, score
from ..evaluation.frechet import Moments, frechet_distance
from ..evaluation.kernel import mmd2
from ..evaluation.reference import Reference
from ..evaluation.samples import describe
from ..images import to_uint8
from ..sampling.drawing import CHUNK
from ..sampling.sampler import Sampler
from ..stats.intervals import around, deal
from .runners import Draw

SEED = 2
"""Of the noise; different from the seeds of grids and of scores."""
GROUPS = 10
KEPT = 2**28
"""Bytes of the generator's images that are kept."""
QUIETEST = 1e-10
"""Mean square errors below this count as this: 106 dB."""


class Parity:
    """Compares files with the generator, and decides whether they are published.

    Args:
        source: real images; None: scores are not compared.
        features: feature extractor of the run's scores, or "auto".
    """

    def __init__(self, sampler: Sampler, source: Images | None, options: Export, features: str):
        self.options = options
        self.sampler = sampler
        self.noise = sampler.noise(options.images, SEED)
        self.labels = sampler.labels(options.images, None, SEED)
        self._kept: dict[int, np.ndarray] = {}
        self.scores = None
        if source is not None:
            self.scores = ScoreParity(source, sampler.decode(self.noise, self.labels), features)

    def examine(self, draw: Draw, scores: bool = True) -> dict[str, Any]:
        """Largest error (images are in [-1, 1]), PSNR in dB, scores of file and generator."""
        bad, largest, squares, pixels = 0, 0.0, [], []
        # All of them as floats may not fit into memory.
        for start in range(0, len(self.noise), CHUNK):
            drawn = draw(*self._given(start))
            bad += len(drawn) - int(np.isfinite(drawn).all((1, 2, 3)).sum())
            if not bad:
                error = drawn - self._own(start)
                largest = max(largest, float(np.abs(error).max()))
                squares.append(np.square(error, dtype=np.float64).mean((1, 2, 3)))
                pixels.append(to_uint8(drawn))
        if bad:
            return {"not_finite": bad}
        square = max(QUIETEST, float(np.concatenate(squares).mean()))
        found: dict[str, Any] = {
            "largest_error": largest,
            "psnr": round(10 * math.log10(4 / square), 2),
        }
        if self.scores and scores:
            found["scores"] = self.scores.compare(np.concatenate(pixels))
        return found

    def _given(self, start: int) -> tuple[np.ndarray, np.ndarray | None]:
        rows = slice(start, start + CHUNK)
        return self.noise[rows], None if self.labels is None else self.labels[rows]

    def _own(self, start: int) -> np.ndarray:
        """The generator's images of a chunk, kept for the next file if they are few."""
        if start in self._kept:
            return self._kept[start]
        images = self.sampler.draw(*self._given(start))
        if (start // CHUNK + 1) * images.nbytes <= KEPT:
            self._kept[start] = images
        return images

    def faults(self, found: dict[str, Any]) -> list[str]:
        """Why a file with these findings is not published."""
        if "not_finite" in found:
            return [f"{found['not_finite']} of {len(self.noise)} images are NaN or infinite"]
        faults = []
        if found["psnr"] < self.options.psnr_min:
            faults.append(
                f"PSNR {found['psnr']:.1f} dB is below export.psnr_min = {self.options.psnr_min:g}"
            )
        if found["largest_error"] > self.options.error_max:
            faults.append(
                f"the largest error of a pixel, {found['largest_error']:.2f}, is above "
                f"export.error_max = {self.options.error_max:g}"
            )
        ratio = found.get("scores", {}).get("frechet", {}).get("ratio")
        if ratio and ratio > self.options.frechet_ratio_max:
            faults.append(
                f"the Fréchet distance is {ratio:.3f} times the generator's, above "
                f"export.frechet_ratio_max = {self.options.frechet_ratio_max:g}"
            )
        return faults


class ScoreParity:
    """Scores of the generator against real images, and the difference of a file's scores."""

    def __init__(self, source: Images, images: np.ndarray, features: str):
        self.reference = Reference(source, features, len(images))
        frechet = self.reference.enough_for_frechet(len(images))
        self.names = ["frechet", "kid"] if frechet else ["kid"]
        self.model = self._scores(describe(images, self.reference.extractor))

    def compare(self, images: np.ndarray) -> dict[str, dict[str, Any]]:
        """For each score: of the generator ("model"), of the file, and the change, with 95 %
        intervals; ratio: Fréchet distance of the file over that of the generator.

        Noise and real images are the same for both. So the interval of the change comes from a
        jackknife of the difference, and is much narrower than the intervals of the scores.
        """
        found = {}
        file = self._scores(describe(images, self.reference.extractor))
        for name, (result, without) in file.items():
            before, without_before = self.model[name]
            moved = result["value"] - before["value"]
            low, high = around(moved, *(without - without_before))
            change = {"value": moved, "low": low, "high": high}
            found[name] = {"model": before, "file": result, "change": change}
            if name == "frechet":
                found[name]["ratio"] = result["value"] / max(before["value"], 1e-9)
        return found

    def _scores(self, fake: Sample) -> dict[str, tuple[dict[str, Any], np.ndarray]]:
        """Each score, and its values without each group of real images and fakes, [2, GROUPS]."""
        real = self.reference.real
        scores = score(Comparison(real, fake), self.names)
        return {
            name: (scores[name].to_dict(), _without(DISTANCES[name], real, fake))
            for name in self.names
        }


def _frechet(real: np.ndarray, fake: np.ndarray) -> float:
    return frechet_distance(Moments.of(real), Moments.of(fake))


DISTANCES = {"frechet": _frechet, "kid": mmd2}


def _without(
    distance: Callable[[np.ndarray, np.ndarray], float], real: Sample, fake: Sample
) -> np.ndarray:
    groups = [deal(len(sample), SEED, GROUPS) for sample in (real, fake)]
    x, y = real.features, fake.features
    return np.array(
        [
            [distance(x[groups[0] != group], y) for group in range(GROUPS)],
            [distance(x, y[groups[1] != group]) for group in range(GROUPS)],
        ]
    )
