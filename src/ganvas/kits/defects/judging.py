"""How good a detector is on known images, beside others that saw the same good images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from ...errors import DataError, UsageError
from ...stats.intervals import Interval, bootstrap, clopper_pearson
from ...stats.ranking import aupro, auroc, average_precision, components
from .detector import Detector, Verdicts, conformal
from .findable import Findable, findable
from .parts import FEATURES, GAN, PARTS, PIXELS
from .results import (
    Control,
    DefectsReport,
    FalseAlarms,
    ImageScores,
    Lead,
    PixelScores,
    Rival,
)

Pair = tuple[np.ndarray, np.ndarray]
"""Scores of good images [N] and of bad ones [M]."""
PUBLISHED = {
    "position": "PaDiM-like (position)", "bank": "PatchCore-like (bank)",
    "pooled": "Mahalanobis of the whole image (pooled)", "patch": "one Gaussian of places (patch)",
}  # fmt: skip
SIMPLE = {
    "pca": "residual of the pixels after 32 principal axes",
    "mahalanobis": "Mahalanobis distance of blurred pixels",
    "nearest": "distance of blurred pixels to the nearest training patch (1-NN)",
}
MARGIN = 1 / 8
"""Of the image's longer side: the network sees a defect also from some way off."""


class Sets(NamedTuple):
    """The same numbers of the good, the bad and the calibration images."""

    good: Any
    bad: Any
    held: Any


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

    Raises: DataError: no good or no bad images, or masks of other sizes. UsageError: the detector
        cuts large images into tiles.
    """
    if "tile" in detector.facts:
        raise UsageError(
            f"{detector.place} cuts large images into tiles, which are not measured: use "
            "`ganvas defects score --json`"
        )
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
    pairs, rivals, areas = _others(detector, good, bad, on_good.alpha, seed)
    pixels, control = None, None
    if masks is not None:
        pixels = _pixel_scores(detector, (good, bad), (on_good.heatmap, on_bad.heatmap), masks)
        control = _control(on_good.heatmap, on_bad.heatmap, masks, seed)
    return DefectsReport(
        good=len(good),
        bad=len(bad),
        alpha=on_good.alpha,
        detector=_image_scores(on_good.score, on_bad.score, seed),
        baselines={name: _image_scores(*pair, seed) for name, pair in pairs.items()},
        lead=_lead((on_good.score, on_bad.score), pairs, seed),
        ablation=areas,
        recall=_rounded(clopper_pearson(int(on_bad.defective.sum()), len(bad))),
        false_alarms=_alarms(detector, on_good),
        milliseconds=round(spent, 3),
        pixels=pixels,
        drift=detector.promise.drift(on_good.p_value),
        promise=detector.promise.sentence(on_good.alpha),
        rivals=rivals,
        control=control,
        findable=findable_of(detector, on_good.alpha),
    )


def findable_of(detector: Detector, alpha: float) -> Findable | None:
    """What the fit measured; measured again for another alpha, and for a model without it. None:
    the model has a GAN and is older than this measure, which would take minutes."""
    facts = detector.facts.get("findable")
    if facts is not None and facts["alpha"] == alpha:
        return Findable.from_dict(facts)
    if facts is None and detector.has_gan:
        return None
    roi = detector.roi()
    return findable(
        lambda images: detector.score(images, alpha=alpha, heatmaps=False).p_value,
        detector.held_out(), alpha, int(detector.facts.get("seed", 0)),
        whole=detector.grid.count == 1, roi=None if roi is None else roi.mask,
    )  # fmt: skip


def ablation(detector: Detector, good: np.ndarray, bad: np.ndarray) -> dict[str, float]:
    """AUROC of the score and of each part alone; where a score has parts of a GAN and others, also
    of it without the GAN's parts, and of those alone."""
    images = Sets(good, bad, good[:0])
    scaled = Sets(_scaled(detector, good), _scaled(detector, bad), np.zeros(0))
    return _ablation(detector, images, scaled)


def _scaled(detector: Detector, images: np.ndarray) -> np.ndarray:
    centre, spread = detector.scale()
    logs = np.stack(list(detector.parts(images).values()), -1)
    return (logs - centre) / spread


def _ablation(detector: Detector, images: Sets, scaled: Sets) -> dict[str, float]:
    """AUROC by parts. Args: scaled: their parts."""

    def area(weights: np.ndarray) -> float:
        return round(auroc(*(detector.combine(one, weights) for one in scaled[:2])), 5)

    names = detector.part_names
    weights = np.array([detector.facts["weights"][name] for name in names])
    of_gan = np.array([name not in FEATURES | PIXELS for name in names])
    alone = {name: area(np.eye(len(names))[i]) for i, name in enumerate(names)}
    found = {"all": area(weights)}
    if detector.facts.get("taught"):
        own = [detector.score(one, heatmaps=False).score for one in images[:2]]
        found = {"all": round(auroc(*own), 5), "before teaching": area(weights)}
    if weights[of_gan].any() and weights[~of_gan].any():
        found["without the GAN"] = area(np.where(of_gan, 0, weights))
        found["the GAN's alone"] = area(np.where(of_gan, weights, 0))
    return found | alone


def _others(
    detector: Detector, good: np.ndarray, bad: np.ndarray, alpha: float, seed: int
) -> tuple[dict[str, Pair], dict[str, Rival], dict[str, float]]:
    """Scores of the baselines; each other detector, calibrated by the same images; the ablation."""
    images = Sets(good, bad, detector.held_out())
    scaled = Sets(*(_scaled(detector, one) for one in images))
    baselines, roi = detector.baselines(), detector.roi()
    simple = Sets(*(baselines.score(one if roi is None else roi.inside(one)) for one in images))
    rivals = {}
    for name, label in _rows(detector).items():
        weights = np.array([float(part in label) for part in detector.part_names])
        scores = Sets(*(detector.combine(one, weights) for one in scaled))
        used = [part for part in label if detector.facts["weights"][part]]
        measures = " + ".join(label) if len(label) > 1 else PARTS.get(label[0], "")
        rivals[name] = _rival(measures, bool(used), scores, alpha, seed)
    for name, measures in SIMPLE.items():
        scores = Sets(*(one[name] for one in simple))
        rivals[name] = _rival(measures, False, scores, alpha, seed)
    pairs = {name: (simple.good[name], simple.bad[name]) for name in simple.good}
    return pairs, rivals, _ablation(detector, images, scaled)


def _rows(detector: Detector) -> dict[str, tuple[str, ...]]:
    """Detectors that a model can be compared with: their names, and the parts they consist of."""
    names = detector.part_names
    rows = {label: (part,) for part, label in PUBLISHED.items() if part in names}
    gan = tuple(name for name in names if name in GAN)
    return rows | ({"GAN (all of its parts)": gan} if gan else {})


def _rival(measures: str, in_use: bool, scores: Sets, alpha: float, seed: int) -> Rival:
    alarms, found = (int((conformal(one, scores.held) <= alpha + 1e-6).sum()) for one in scores[:2])
    area = _rounded(bootstrap(auroc, scores.good, scores.bad, seed=seed, times=200))
    recall = _rounded(clopper_pearson(found, len(scores.bad)))
    return Rival(measures, in_use, area, recall, alarms)


def _lead(own: Pair, pairs: Mapping[str, Pair], seed: int) -> Lead:
    """By how much AUROC exceeds the best baseline's; both use the same resampled images."""
    best = max(pairs, key=lambda name: auroc(*pairs[name]))
    good, bad = (np.stack(both, 1) for both in zip(own, pairs[best], strict=True))

    def gap(good: np.ndarray, bad: np.ndarray) -> float:
        return auroc(good[:, 0], bad[:, 0]) - auroc(good[:, 1], bad[:, 1])

    return Lead(best, *_rounded(bootstrap(gap, good, bad, seed=seed, times=200)))


def _control(good: np.ndarray, bad: np.ndarray, masks: np.ndarray, seed: int) -> Control | None:
    """See `Control`. Args: heat-maps [N, H, W] and [M, H, W]; masks of the bad ones."""
    margin = max(1, round(MARGIN * max(masks.shape[1:])))
    near = ndimage.maximum_filter(masks, (1, 2 * margin + 1, 2 * margin + 1))
    rows = np.flatnonzero(masks.any((1, 2)) & ~near.all((1, 2)))
    if not len(rows):
        return None
    rng = np.random.Generator(np.random.Philox(seed))
    laid = near[rows[rng.integers(0, len(rows), len(good))]]
    clean, other = (
        np.where(covered, -np.inf, heat).max((1, 2))
        for heat, covered in ((good, laid), (bad[rows], near[rows]))
    )
    within = [auroc(bad[row][~masks[row]], bad[row][masks[row]]) for row in rows]
    covered = _rounded(bootstrap(auroc, clean, other, seed=seed, times=200))
    return Control(margin, covered, round(float(np.mean(within)), 5))


def _alarms(detector: Detector, verdicts: Verdicts) -> FalseAlarms:
    count = int(verdicts.defective.sum())
    low, high = detector.promise.alarms(verdicts.alpha, len(verdicts.score))
    return FalseAlarms(count, count / len(verdicts.score), low, high, low <= count <= high)


def _image_scores(good: np.ndarray, bad: np.ndarray, seed: int) -> ImageScores:
    def with_interval(measure: Callable[..., float]) -> Interval:
        return _rounded(bootstrap(measure, good, bad, seed=seed, times=200))

    return ImageScores(with_interval(auroc), with_interval(average_precision))


def _pixel_scores(
    detector: Detector, images: Pair, heat: Pair, masks: np.ndarray
) -> dict[str, PixelScores]:
    """Of the detector's heat-map and of that of the principal axes."""
    baselines, roi = detector.baselines(), detector.roi()
    seen = images if roi is None else tuple(map(roi.inside, images))
    simple = np.concatenate([baselines.map(one) for one in seen])
    truth = np.concatenate([np.zeros(heat[0].shape, bool), masks])
    return {"detector": _pixels(np.concatenate(heat), truth), "pca": _pixels(simple, truth)}


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
