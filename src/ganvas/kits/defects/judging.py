"""How good a detector is on known images, and whether it beats detectors without a GAN."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import DataError
from ...stats.intervals import Interval, bootstrap, clopper_pearson, false_alarms
from ...stats.ranking import aupro, auroc, average_precision, components
from .detector import Detector
from .scorer import GAN_PARTS, PARTS

FEW = 10
"""Good or bad images below which no winner is named: redrawing so few shows no doubt."""


def judge(
    detector: Detector,
    good: np.ndarray,
    bad: np.ndarray,
    masks: np.ndarray | None = None,
    *,
    alpha: float | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure a detector on images that it never saw.

    Args:
        good, bad: uint8 [N, H, W(, C)].
        masks: bool [number of bad ones, H, W]: where they are defective.

    Returns: plain numbers, for JSON: "detector" and each of "baselines" with auroc and
        average_precision (value, low, high), "lead" over the best of the baselines in AUROC, by
        the same redrawn images (value, low, high), "ablation", "recall", "false_alarms", "pixels"
        where there are masks, "milliseconds", "sentences".
    Raises: DataError: no good or no bad images, or masks of other sizes.
    """
    good, bad = _some(detector, good, "good"), _some(detector, bad, "bad")
    if masks is not None and masks.shape != bad.shape[:3]:
        raise DataError(
            f"masks have the shape {list(masks.shape)}, where {list(bad.shape[:3])} is needed: one "
            "mask for each bad image, of its size"
        )
    options: dict[str, Any] = {"alpha": alpha, "heatmaps": masks is not None}
    detector.score(good[:1], **options)  # the first call reads the model
    began = time.perf_counter()
    on_good = detector.score(good, **options)
    spent = 1000 * (time.perf_counter() - began) / len(good)
    on_bad = detector.score(bad, **options)
    rivals = detector.baselines()
    theirs = rivals.score(good), rivals.score(bad)
    pairs = {name: (theirs[0][name], theirs[1][name]) for name in theirs[0]}
    found: dict[str, Any] = {
        "good": len(good), "bad": len(bad), "alpha": on_good.alpha,
        "detector": _areas(on_good.score, on_bad.score, seed),
        "baselines": {name: _areas(*pair, seed) for name, pair in pairs.items()},
        "lead": _lead((on_good.score, on_bad.score), pairs, seed),
        "ablation": ablation(detector, good, bad),
        "recall": _interval(clopper_pearson(int(on_bad.defective.sum()), len(bad))),
        "false_alarms": _alarms(detector, on_good),
        "milliseconds": round(spent, 3),
    }  # fmt: skip
    if masks is not None:
        maps = np.concatenate([on_good.heatmap, on_bad.heatmap])
        empty = np.zeros(good.shape[:3], bool)
        truth = np.concatenate([empty, masks])
        simple = np.concatenate([rivals.map(good), rivals.map(bad)])
        found["pixels"] = {"detector": _pixels(maps, truth), "pca": _pixels(simple, truth)}
    found["sentences"] = sentences(found)
    return found


def ablation(detector: Detector, good: np.ndarray, bad: np.ndarray) -> dict[str, float]:
    """AUROC of each part alone, of the score without the GAN's parts, and of those alone."""
    centre, spread = detector.scale()
    both = []
    for images in (good, bad):
        logs = np.stack(list(detector.parts(images).values()), -1)
        both.append((logs - centre) / spread)

    def area(weights: np.ndarray) -> float:
        return round(auroc(*(detector.combine(one, weights) for one in both)), 5)

    names, weights = list(PARTS), np.array([detector.facts["weights"][name] for name in PARTS])
    of_gan = np.isin(names, GAN_PARTS)
    alone = {name: area(np.eye(len(names))[i]) for i, name in enumerate(names)}
    return {
        "all": area(weights), "without the GAN": area(np.where(of_gan, 0, weights)),
        "the GAN's alone": area(np.where(of_gan, weights, 0)), **alone,
    }  # fmt: skip


def sentences(found: dict[str, Any]) -> list[str]:
    """What was found, in plain words: the first says who wins."""
    own, lead = found["detector"]["auroc"]["value"], found["lead"]
    best, area = lead["over"], found["baselines"][lead["over"]]["auroc"]["value"]
    both = f"(AUROC {own:.3f} against {area:.3f}, lead {lead['value']:.3f}, 95 % interval "
    both += f"{lead['low']:.3f} to {lead['high']:.3f})"
    if min(found["good"], found["bad"]) < FEW:
        first = f"{found['good']} good and {found['bad']} bad images are too few to name a winner; "
        first += f"the best detector without a GAN is {best} {both}."
    elif lead["high"] < 0:
        first = f"A detector without a GAN wins: {best} {both}. Take the simpler one here."
    elif lead["low"] <= 0:
        first = f"It cannot be told from {best}, a detector without a GAN {both}."
    else:
        first = f"It beats the best detector without a GAN, {best} {both}."
    alarms, recall = found["false_alarms"], found["recall"]
    inside = "inside" if alarms["inside"] else "OUTSIDE"
    second = (
        f"It flags {alarms['count']} of {found['good']} good images ({alarms['rate']:.1%}), "
        f"{inside} the {alarms['low']} to {alarms['high']} that alpha = {found['alpha']:g} lets "
        "expect in 95 % of cases."
    )
    third = (
        f"It finds {recall['value']:.1%} of {found['bad']} bad images, 95 % interval "
        f"{recall['low']:.1%} to {recall['high']:.1%}, in {found['milliseconds']:.3g} ms each."
    )
    if not alarms["inside"]:
        third += " Good images here are not as those that calibrated it: the promise is void."
    return [first, second, third]


def _lead(own: tuple, pairs: dict[str, tuple], seed: int) -> dict[str, Any]:
    """By how much AUROC exceeds the best rival's, each image redrawn for both."""
    best = max(pairs, key=lambda name: auroc(*pairs[name]))
    good, bad = (np.stack(both, 1) for both in zip(own, pairs[best], strict=True))

    def gap(good: np.ndarray, bad: np.ndarray) -> float:
        return auroc(good[:, 0], bad[:, 0]) - auroc(good[:, 1], bad[:, 1])

    return {"over": best, **_interval(bootstrap(gap, good, bad, seed=seed, times=200))}


def _alarms(detector: Detector, told) -> dict[str, Any]:
    n, count = detector.calibration_size, int(told.defective.sum())
    allowed = int(told.alpha * (n + 1) + 1e-9)
    low, high = false_alarms(allowed, n, len(told.score))
    return {"count": count, "rate": count / len(told.score), "low": low, "high": high,
            "inside": low <= count <= high}  # fmt: skip


def _areas(good: np.ndarray, bad: np.ndarray, seed: int) -> dict[str, Any]:
    def both(measure: Callable) -> dict[str, float]:
        return _interval(bootstrap(measure, good, bad, seed=seed, times=200))

    return {"auroc": both(auroc), "average_precision": both(average_precision)}


def _pixels(maps: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    regions = components(truth)
    return {
        "auroc": round(auroc(maps[~truth], maps[truth]), 5),
        "aupro": round(aupro(maps, regions), 5),
        "average_precision": round(average_precision(maps[~truth], maps[truth]), 5),
    }


def _interval(found: Interval) -> dict[str, float]:
    return {name: round(value, 5) for name, value in found._asdict().items()}


def _some(detector: Detector, images: np.ndarray, kind: str) -> np.ndarray:
    if not len(images):
        raise DataError(f"there are no {kind} images: a report takes good ones and bad ones")
    return detector.checked(images)
