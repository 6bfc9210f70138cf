"""How good a detector is on known images, and whether it is better than simple detectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import DataError
from ...stats.intervals import Interval, bootstrap, clopper_pearson
from ...stats.ranking import aupro, auroc, average_precision, components
from .detector import Detector, Verdicts
from .parts import FEATURES, PIXELS
from .results import DefectsReport, FalseAlarms, ImageScores, Lead, PixelScores

Pair = tuple[np.ndarray, np.ndarray]
"""Scores of good images [N] and of bad ones [M]."""


def judge(
    detector: Detector,
    good: np.ndarray,
    bad: np.ndarray,
    masks: np.ndarray | None = None,
    *,
    alpha: float | None = None,
    seed: int = 0,
) -> DefectsReport:
    """Measure a detector on images that were not used to fit it.

    Args:
        good, bad: uint8 [N, H, W(, C)].
        masks: bool [number of bad ones, H, W]: where they are defective.
        alpha: share of good images that may be called defective; None: the detector's.
        seed: of the bootstrap.

    Raises: DataError: no good or no bad images, or masks of other sizes.
    """
    good, bad = _checked(detector, good, "good"), _checked(detector, bad, "bad")
    if masks is not None and masks.shape != bad.shape[:3]:
        raise DataError(
            f"masks must have shape {list(bad.shape[:3])}, got {list(masks.shape)}: give one mask "
            "for each bad image, of its size"
        )
    options: dict[str, Any] = {"alpha": alpha, "heatmaps": masks is not None}
    detector.score(good[:1], **options)  # the first call reads the model
    began = time.perf_counter()
    on_good = detector.score(good, **options)
    spent = 1000 * (time.perf_counter() - began) / len(good)
    on_bad = detector.score(bad, **options)
    baselines = detector.baselines()
    of_good, of_bad = baselines.score(good), baselines.score(bad)
    pairs = {name: (of_good[name], of_bad[name]) for name in of_good}
    pixels = None
    if masks is not None:
        truth = np.concatenate([np.zeros(good.shape[:3], bool), masks])
        maps = np.concatenate([on_good.heatmap, on_bad.heatmap])
        simple = np.concatenate([baselines.map(good), baselines.map(bad)])
        pixels = {"detector": _pixels(maps, truth), "pca": _pixels(simple, truth)}
    return DefectsReport(
        good=len(good),
        bad=len(bad),
        alpha=on_good.alpha,
        detector=_image_scores(on_good.score, on_bad.score, seed),
        baselines={name: _image_scores(*pair, seed) for name, pair in pairs.items()},
        lead=_lead((on_good.score, on_bad.score), pairs, seed),
        ablation=ablation(detector, good, bad),
        recall=_rounded(clopper_pearson(int(on_bad.defective.sum()), len(bad))),
        false_alarms=_alarms(detector, on_good),
        milliseconds=round(spent, 3),
        pixels=pixels,
        drift=detector.promise.drift(on_good.p_value),
        promise=detector.promise.sentence(on_good.alpha),
    )


def ablation(detector: Detector, good: np.ndarray, bad: np.ndarray) -> dict[str, float]:
    """AUROC of the score and of each part alone; where a score has parts of a GAN and others, also
    of it without the GAN's parts, and of those alone."""
    centre, spread = detector.scale()
    both = []
    for images in (good, bad):
        logs = np.stack(list(detector.parts(images).values()), -1)
        both.append((logs - centre) / spread)

    def area(weights: np.ndarray) -> float:
        return round(auroc(*(detector.combine(one, weights) for one in both)), 5)

    names = detector.part_names
    weights = np.array([detector.facts["weights"][name] for name in names])
    of_gan = np.array([name not in FEATURES | PIXELS for name in names])
    alone = {name: area(np.eye(len(names))[i]) for i, name in enumerate(names)}
    found = {"all": area(weights)}
    if detector.facts.get("taught"):
        own = [detector.score(images, heatmaps=False).score for images in (good, bad)]
        found = {"all": round(auroc(*own), 5), "before teaching": area(weights)}
    if weights[of_gan].any() and weights[~of_gan].any():
        found["without the GAN"] = area(np.where(of_gan, 0, weights))
        found["the GAN's alone"] = area(np.where(of_gan, weights, 0))
    return found | alone


def _lead(own: Pair, pairs: dict[str, Pair], seed: int) -> Lead:
    """By how much AUROC exceeds the best baseline's; both use the same resampled images."""
    best = max(pairs, key=lambda name: auroc(*pairs[name]))
    good, bad = (np.stack(both, 1) for both in zip(own, pairs[best], strict=True))

    def gap(good: np.ndarray, bad: np.ndarray) -> float:
        return auroc(good[:, 0], bad[:, 0]) - auroc(good[:, 1], bad[:, 1])

    return Lead(best, *_rounded(bootstrap(gap, good, bad, seed=seed, times=200)))


def _alarms(detector: Detector, verdicts: Verdicts) -> FalseAlarms:
    count = int(verdicts.defective.sum())
    low, high = detector.promise.alarms(verdicts.alpha, len(verdicts.score))
    return FalseAlarms(count, count / len(verdicts.score), low, high, low <= count <= high)


def _image_scores(good: np.ndarray, bad: np.ndarray, seed: int) -> ImageScores:
    def with_interval(measure: Callable[..., float]) -> Interval:
        return _rounded(bootstrap(measure, good, bad, seed=seed, times=200))

    return ImageScores(with_interval(auroc), with_interval(average_precision))


def _pixels(maps: np.ndarray, truth: np.ndarray) -> PixelScores:
    regions = components(truth)
    return PixelScores(
        auroc=round(auroc(maps[~truth], maps[truth]), 5),
        aupro=round(aupro(maps, regions), 5),
        average_precision=round(average_precision(maps[~truth], maps[truth]), 5),
    )


def _rounded(found: Interval) -> Interval:
    return Interval(*(round(value, 5) for value in found))


def _checked(detector: Detector, images: np.ndarray, kind: str) -> np.ndarray:
    if not len(images):
        raise DataError(f"there are no {kind} images: give good images and bad ones")
    return detector.checked(images)
