"""A fitted detector: `Detector.load(folder).score(images)`."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ...base import saved_models
from ...base.arrays import open_npz
from ...errors import DataError, ModelError, UsageError
from ...images import Levels
from . import anogan, folder
from .baselines import Baselines
from .good_images import check_alpha
from .moves import MOVES
from .patches import Grid
from .promise import Promise
from .regions import Region, regions
from .roi import Roi

CHUNK = 256
"""Patches, and moves of patches, per call of the graph of format 1."""


class Verdicts(NamedTuple):
    """The results of a detector for N images.

    Attributes:
        score: float32 [N]; higher is more unusual, 0 is usual.
        p_value: float32 [N]: the share of good images that score as high, by the calibration.
        defective: bool [N]: p_value <= alpha.
        heatmap: float32 [N, H, W], standard deviations of good images; [0, H, W] without heat-maps.
        alpha: the share of good images that are called defective, at most.
    """

    score: np.ndarray
    p_value: np.ndarray
    defective: np.ndarray
    heatmap: np.ndarray
    alpha: float


class Detector:
    """Runs the SavedModel of a model folder; `facts` is its manifest.

    Image files must be read with its `levels` (see `images.read`), as `good_images.read` does.
    """

    def __init__(self, place: Path, facts: dict[str, Any]):
        self.place, self.facts = place, facts
        try:
            self.shape = tuple(facts["shape"])
            self.grid = folder.grid_of(facts)
            levels = facts.get("levels", "full")
            self.levels: Levels = levels if isinstance(levels, str) else (levels[0], levels[1])
            self.alpha = float(facts["alpha"])
            self.promise = Promise.of(facts)
            self.calibration_size = self.promise.least
            self.part_names = tuple(map(str, facts["weights"]))
            self.has_gan = int(facts["noise_size"]) > 0
            # So many images are a call of the graph, always, so that no score depends on the other
            # images; only a single image is a call of its own.
            self.batch = int(facts.get("batch") or _old_batch(self.grid))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(
                f"{place}/manifest.json describes no detector: fit it again"
            ) from error
        self.model = saved_models.load(place)
        self._searched: np.ndarray | None = None
        self._peaks: np.ndarray | None = None

    @classmethod
    def load(cls, model: str | os.PathLike[str]) -> Detector:
        """Args: model: OUT (its newest version is loaded) or OUT/N.

        Raises: ModelError: no detector there, or a damaged one.
        """
        return cls(*folder.read(Path(model)))

    def score(
        self,
        images: np.ndarray,
        *,
        alpha: float | None = None,
        method: str = "fanogan",
        heatmaps: bool = True,
    ) -> Verdicts:
        """Score images. The result for an image is bit-identical whatever the other images are; at
        another position, or alone, it agrees to 1e-5 (some processors round sums by position).

        Args:
            images: uint8 [N, H, W] or [N, H, W, C], of the size it was fitted on.
            alpha: another share of good images to be flagged, if the calibration allows it.
            method: "fanogan": the parts that were chosen; or "anogan": 500 steps of search per
                image, by the networks of a detector that was fitted with a GAN.
            heatmaps: without them it takes less time, above all with a GAN.

        Raises: DataError: other images. UsageError: an alpha that cannot be guaranteed.
        """
        images = self.checked(images)
        alpha = self.alpha if alpha is None else alpha
        check_alpha(alpha, self.calibration_size)
        if method == "anogan":
            score, heatmap = search(self, images)
            p_value = self._searched_p_value(score)
        elif method == "fanogan":
            outputs = self._by_chunks("serving_default" if heatmaps else "verdict", images)
            score, p_value = outputs["score"], outputs["p_value"]
            heatmap = outputs.get("heatmap", np.zeros((0, *self.shape[:2]), np.float32))
        else:
            raise DataError(f"method must be fanogan or anogan, got '{method}'")
        return Verdicts(score, p_value, p_value <= alpha + 1e-6, heatmap, float(alpha))

    def parts(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The parts of the score, also those that were not chosen, not yet scaled: logarithms, by
        name [N], or [N, patches] in models of format 1."""
        logs = self._by_chunks("look", self.checked(images))["parts"]
        return {name: logs[..., i] for i, name in enumerate(self.part_names)}

    def outputs(
        self, signature: str, images: np.ndarray, names: Collection[str]
    ) -> dict[str, np.ndarray]:
        """Some outputs of a signature of the graph, for images as `score` takes them."""
        return self._by_chunks(signature, self.checked(images), names)

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Usual value and spread of each part, by which it is scaled: [parts], [parts]."""
        return np.array(self.facts["centre"]), np.array(self.facts["spread"])

    def combine(self, scaled: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Scaled parts, [N, parts] or [N, patches, parts] -> scores [N], by these weights."""
        mean = scaled @ (weights / weights.sum())
        return self.grid.worst(mean) if mean.ndim == 2 else mean

    def held_out(self) -> np.ndarray:
        """The good images that calibrated it: uint8 [n, H, W, C]. Raises: ModelError: none."""
        return self.kept()["x"]

    def kept(self) -> dict[str, np.ndarray]:
        """Good images by use: "x" calibrated it, "groups" are their groups, if there are several;
        "scale", if it is there, scaled its parts."""
        path = self.place / folder.HELD
        with folder.readable(path), open_npz(path) as arrays:
            others = [name for name in ("scale", "groups") if name in arrays.files]
            return {name: arrays[name] for name in ("x", *others)}

    def baselines(self) -> Baselines:
        """Simple detectors, fitted on the same patches."""
        path = self.place / folder.BASELINES
        with folder.readable(path):
            return Baselines.read(path, self.grid)

    def roi(self) -> Roi | None:
        """The region of interest; None: whole images are inspected."""
        path = self.place / folder.ROI
        if "roi" not in self.facts:
            return None
        with folder.readable(path):
            return Roi.read(path)

    def peaks(self) -> np.ndarray:
        """The highest heat of each calibration image, [n]: regions are compared with them."""
        if self._peaks is None:
            known = self.facts.get("peaks")
            heat = self.score(self.kept()["x"]).heatmap if known is None else None
            self._peaks = np.array(known) if heat is None else heat.max((1, 2))
        return self._peaks

    def regions(self, verdicts: Verdicts) -> list[list[Region]]:
        """Where images are unusual, for each that is defective; an empty list for the others.

        Args:
            verdicts: of this detector, with heat-maps.
        """
        return [
            regions(heat, self.peaks(), verdicts.alpha) if bad else []
            for heat, bad in zip(verdicts.heatmap, verdicts.defective, strict=True)
        ]

    def _searched_p_value(self, score: np.ndarray) -> np.ndarray:
        """Of AnoGAN's scores, by those of the calibration images; the largest of all groups."""
        kept = self.kept()
        if self._searched is None:
            self._searched = search(self, kept["x"])[0]
        groups = kept.get("groups", np.zeros(len(self._searched)))
        every = [conformal(score, self._searched[groups == one]) for one in np.unique(groups)]
        return np.max(every, 0)

    def checked(self, images: np.ndarray) -> np.ndarray:
        """The images as [N, H, W, C]. Raises: DataError: another type or size."""
        images = np.asarray(images)
        array = images[..., None] if images.ndim == 3 else images
        if array.dtype != np.uint8 or array.shape[1:] != self.shape or not len(array):
            raise DataError(
                f"images must be uint8 of shape [N, {', '.join(map(str, self.shape))}], got "
                f"{images.dtype} of shape {list(images.shape)}: convert or crop them"
            )
        return array

    def _by_chunks(
        self, signature: str, images: np.ndarray, names: Collection[str] = ()
    ) -> dict[str, np.ndarray]:
        """Outputs of these names; none: all."""
        run: Callable[..., dict[str, tf.Tensor]] = self.model.signatures[signature]
        width, found = self.batch if len(images) > 1 else 1, []
        for start in range(0, len(images), width):
            chunk = images[start : start + width]
            full = np.concatenate([chunk, np.repeat(chunk[-1:], width - len(chunk), 0)])
            outputs = run(image=tf.constant(full))
            wanted = names or outputs
            found.append({key: outputs[key].numpy()[: len(chunk)] for key in wanted})
        return {key: np.concatenate([one[key] for one in found]) for key in found[0]}


def search(
    detector: Detector, images: np.ndarray, *, steps: int = anogan.STEPS, start: str = "noise",
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """AnoGAN's score and residuals, by the networks of a detector.

    Args:
        images: uint8 [N, H, W, C], of the detector's size.
        steps: of the search; 0: the start alone counts.
        start: "noise", the same random one for each patch, or "encoder": from where f-AnoGAN ends.

    Returns: scores [N]; residuals |x - G(z)|, blurred, [N, H, W].
    Raises: UsageError: the detector has no GAN.
    Source: Schlegl et al. 2017, arXiv:1703.05921.
    """
    if not detector.has_gan:
        raise UsageError(
            f"AnoGAN's search needs a generator, but {detector.place} was fitted without a GAN: "
            "fit with --with-gan yes"
        )
    size = detector.facts["noise_size"]
    images = detector.checked(images)
    return anogan.search(detector.model, detector.grid, size, images, steps, start, seed)


def _old_batch(grid: Grid) -> int:
    return max(1, CHUNK // (grid.count if grid.count > 1 else len(MOVES)))


def conformal(score: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """(1 + #{calibration scores >= score}) / (n + 1) for each score, float32 [N].

    For a good image like the calibration images, P(p <= alpha) <= alpha, whatever the scores are.
    Source: Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world".
    """
    above = len(calibration) - np.searchsorted(np.sort(calibration), score, "left")
    return ((1 + above) / (len(calibration) + 1)).astype(np.float32)
