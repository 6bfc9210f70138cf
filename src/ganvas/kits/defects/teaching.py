"""`ganvas defects teach`: a few bad images improve a score; the promise about good ones stays.

The places of good images are white vectors: mean 0, covariance I. Two Gaussians describe the most
unusual places, of good images and of the bad ones, and a place's evidence is the logarithm of the
ratio of their densities: x' (C^-1 - B^-1) x (quadratic discriminant analysis, both means 0). So
directions in which good images are unusual too count less, and those of the defects count more.

Both covariances are shrunk towards a multiple of the identity, that of the bad ones as if `PRIOR`
more images had been seen: with none, the evidence is the distance that "position" measures.

Source: Hastie, Tibshirani & Friedman 2009, "The elements of statistical learning", section 4.3.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ...errors import DataError, Refused, UsageError
from ...stats.intervals import Interval, clopper_pearson
from .detector import Detector
from .good_images import needed, read
from .ranks import Ranks
from .rewriting import Calibration, Outputs, Rewriter, check_format, new_calibration, target

TOP = 20
"""Most unusual places of an image that are learnt from."""
GOOD_SHRINK = 0.7
PRIOR = 10
"""Shrinkage of the covariance of good and of bad places. On magnetic tiles, taught by 20 images,
0.3 instead of 0.7 finds 1 % less; taught by 5, a prior of 5 finds 2 % less."""
FEWEST = 5
"""Least number of bad images: of fewer, leaving one out shows nothing."""
PART = 0.2
"""False alarms up to which the area under the ROC curve is taken, to see whether teaching helped:
more of them are of no use, and the whole area hardly shows what changes at alpha."""
FOLDS = 4
"""Of the good images: three are learnt from and the fourth is compared with."""
SHARES = (1.0, 0.5)
"""Shares of what was taught in the score; the rest is the score before."""


class Seen(NamedTuple):
    """Of N images: scores before teaching [N], and white vectors of their places [N, P, D]."""

    score: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """What bad images taught, judged by leaving each of them out.

    Attributes:
        bad: number of bad images.
        share: of what was taught in the score.
        before, after: partial AUROC of the bad images, see `PART`, against good ones that
            calibrated nothing.
        found_before, found: share of the bad images that is flagged, each by a detector that was
            taught by the others, with 95 % interval.
        alpha: at this share of good images.
    """

    bad: int
    share: float
    before: float
    after: float
    found_before: Interval
    found: Interval
    alpha: float

    @property
    def sentence(self) -> str:
        return (
            f"{self.bad} bad images taught it. Each left out in its turn, {self.found.value:.0%} "
            f"of them are found at alpha = {self.alpha:g} (95 % interval {self.found.low:.0%} to "
            f"{self.found.high:.0%}; {self.found_before.value:.0%} before); the partial AUROC "
            f"up to {PART:.0%} false alarms is {self.after:.3f} ({self.before:.3f} before)."
        )

    def to_dict(self) -> dict[str, Any]:
        """For a manifest and for JSON."""
        return {
            **asdict(self), "found_before": self.found_before._asdict(),
            "found": self.found._asdict(), "sentence": self.sentence,
        }  # fmt: skip


class Taught(tf.Module):
    """The taught score, in a graph: outputs of the signature `places` -> scores [N].

    Args: the arrays of `learn`, and the share of what was taught.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], share: float):
        super().__init__()
        self.form = tf.Variable(arrays["form"], trainable=False, name="form")
        self.centre = tf.Variable(arrays["centre"], trainable=False, name="centre")
        self.spread = tf.Variable(arrays["spread"], trainable=False, name="spread")
        self.share = share

    def __call__(self, outputs: Outputs) -> tf.Tensor:
        taught = (_evidence(outputs["places"], self.form) - self.centre[0]) / self.spread[0]
        before = (outputs["score"] - self.centre[1]) / self.spread[1]
        return self.share * taught + (1 - self.share) * before

    def of(self, seen: Seen, chunk: int = 64) -> np.ndarray:
        """The same without a graph."""
        parts = [
            self({"score": tf.constant(seen.score[i : i + chunk]),
                  "places": tf.constant(seen.places[i : i + chunk])}).numpy()
            for i in range(0, len(seen.score), chunk)
        ]  # fmt: skip
        return np.concatenate(parts)


def teach(
    model: str | os.PathLike[str],
    bad: Any,
    *,
    good: Any = None,
    alpha: float | None = None,
    out: str | os.PathLike[str] | None = None,
) -> tuple[Detector, Lesson]:
    """Improve a detector by 5 to 20 or more bad images.

    The bad images, and good ones that scaled the parts, determine the score. The images that
    calibrated it have no part in it and calibrate the new score: the guarantee is the same.

    Args:
        model: MODEL (its newest version is taken) or MODEL/N, which stays as it is.
        bad: defective images, as `score` takes them.
        good: new good images, for calibration; None: those that the model keeps.
        alpha: share of good images that may be flagged; None: the detector's.
        out: another model folder; None: the next version of MODEL.

    Returns: the new version, and what it gained.
    Raises: DataError: too few images. UsageError: a model that keeps no good images for this.
        Refused: the bad images make the score worse; nothing was written.
    """
    detector = Detector.load(model)
    check_format(detector)
    if "places" not in detector.model.signatures:
        raise UsageError(f"{detector.place} was fitted before detectors could learn: fit it again")
    alpha = detector.alpha if alpha is None else alpha
    place = target(detector, out)
    wrong = read(bad, detector.shape, detector.levels).pixels
    if len(wrong) < FEWEST:
        raise DataError(f"teaching needs at least {FEWEST} bad images, got {len(wrong)}: give more")
    scale, found = _good(detector, good, alpha)
    on_bad, on_scale = seen(detector, wrong), seen(detector, scale)
    on_held = seen(detector, found.images)
    lesson, taught = judged(on_bad, on_scale, on_held, found, alpha)
    facts = {"taught": lesson.to_dict()}
    writer = Rewriter(detector, found, taught.of(on_held), alpha, taught, facts)
    return writer.write(place), lesson


def judged(
    bad: Seen, scale: Seen, held: Seen, found: Calibration, alpha: float
) -> tuple[Lesson, Taught]:
    """Learn from bad images, and leave each out in its turn to see what was gained.

    Only `bad` and `scale` determine the score; `held`, the calibration images, say how much is
    found.

    Raises: Refused: the partial AUROC falls by more than its standard error.
    """
    count = len(bad.score)
    before, after = _areas(bad, scale)
    areas = {share: float(one.mean()) for share, one in after.items()}
    share = max(SHARES, key=lambda one: areas[one])
    error = float((after[share] - before).std()) / count**0.5
    if areas[share] < before.mean() - error:
        raise Refused(
            "these bad images make the score worse: left out in turn, they have a partial AUROC of "
            f"{areas[share]:.3f}, and {before.mean():.3f} before; nothing was written"
        )
    flags = []
    for i in range(count):
        taught = Taught(learn(_without(bad, i), scale), share)
        flags.append(_flagged(taught.of(held), taught.of(_rows(bad, [i])), found, alpha)[0])
    lesson = Lesson(
        count, share, round(float(before.mean()), 5), round(areas[share], 5),
        clopper_pearson(int(_flagged(held.score, bad.score, found, alpha).sum()), count),
        clopper_pearson(int(np.sum(flags)), count), float(alpha),
    )  # fmt: skip
    return lesson, Taught(learn(bad, scale), share)


def _areas(bad: Seen, scale: Seen) -> tuple[np.ndarray, dict[float, np.ndarray]]:
    """Partial AUROC of each bad image before, and by share of what was taught: each is left out in
    its turn, and compared with good images that were not learnt from, a fold at a time."""
    count, good = len(bad.score), len(scale.score)
    before, above = np.zeros(count), {share: np.zeros(count) for share in SHARES}
    fold = np.arange(good) % FOLDS
    for i in range(count):
        own = _rows(bad, [i])
        before[i] = np.sum(scale.score >= own.score)
        for number in range(FOLDS):
            arrays = learn(_without(bad, i), _rows(scale, fold != number))
            other = _rows(scale, fold == number)
            for share in SHARES:
                taught = Taught(arrays, share)
                above[share][i] += np.sum(taught.of(other) >= taught.of(own))

    def area(higher: np.ndarray) -> np.ndarray:
        return np.maximum(0, 1 - higher / good / PART)

    return area(before), {share: area(one) for share, one in above.items()}


def learn(bad: Seen, scale: Seen) -> dict[str, np.ndarray]:
    """The arrays of `Taught`."""
    of_good, of_bad = _second_moment(scale.places), _second_moment(bad.places)
    inverse_good = np.linalg.inv(_shrunk(of_good, GOOD_SHRINK))
    inverse_bad = np.linalg.inv(_shrunk(of_bad, PRIOR / (PRIOR + len(bad.score))))
    form = (inverse_good - inverse_bad).astype(np.float32)
    evidence = _evidence(tf.constant(scale.places), tf.constant(form)).numpy()
    pairs = np.stack([evidence, scale.score])
    return {
        "form": form,
        "centre": pairs.mean(1).astype(np.float32),
        "spread": np.maximum(pairs.std(1), 1e-3).astype(np.float32),
    }


def seen(detector: Detector, images: np.ndarray) -> Seen:
    """What a detector sees in images, uint8 [N, H, W, C]."""
    outputs = detector.outputs("places", images, ("score", "places"))
    return Seen(outputs["score"], outputs["places"])


def _good(detector: Detector, good: Any, alpha: float) -> tuple[np.ndarray, Calibration]:
    """Good images to learn from, and those that calibrate."""
    kept = detector.kept()
    scale = kept.get("scale")
    if good is None:
        if scale is None or detector.promise.method == "cross":
            raise UsageError(
                f"{detector.place} keeps no good images that nothing was learnt from: give new "
                "ones by --good"
            )
        return scale, Calibration(kept["x"], detector.promise, kept.get("groups"))
    found = new_calibration(detector, good, alpha)
    if scale is not None:
        return scale, found
    first = len(found.images) // 3
    rest = found.images[first:]
    if len(rest) < needed(alpha) or first < FEWEST:
        raise DataError(
            f"alpha = {alpha:g} needs at least {max(3 * FEWEST, -(-3 * needed(alpha) // 2))} good "
            f"images, of which a third is learnt from, got {len(found.images)}: give more"
        )
    return found.images[:first], new_calibration(detector, rest, alpha)


def _flagged(held: np.ndarray, new: np.ndarray, found: Calibration, alpha: float) -> np.ndarray:
    """Which new scores are flagged, by scores of calibration images."""
    ranks = Ranks(list(found.promise.groups.values()))
    ranks.set(held, found.groups)
    flagged: np.ndarray = ranks.of(new) <= alpha + 1e-6
    return flagged


def _rows(seen: Seen, rows: Any) -> Seen:
    return Seen(seen.score[rows], seen.places[rows])


def _without(seen: Seen, row: int) -> Seen:
    return _rows(seen, np.arange(len(seen.score)) != row)


def _evidence(places: tf.Tensor, form: tf.Tensor) -> tf.Tensor:
    """The highest evidence of a place, [N, P, D] -> [N]; logarithms, because it has a long tail."""
    highest = tf.reduce_max(tf.reduce_sum(tf.matmul(places, form) * places, -1), 1)
    return tf.sign(highest) * tf.math.log1p(tf.abs(highest))


def _second_moment(places: np.ndarray) -> np.ndarray:
    """Of the `TOP` most unusual places of each image, [D, D]."""
    far = np.square(places).sum(-1)
    rows = np.argsort(-far, 1)[:, : min(TOP, far.shape[1])]
    some = np.take_along_axis(places, rows[..., None], 1).reshape(-1, places.shape[2])
    some = some.astype(np.float64)
    return np.asarray(some.T @ some / len(some))


def _shrunk(moment: np.ndarray, share: float) -> np.ndarray:
    """Towards a multiple of the identity with the same trace."""
    width = len(moment)
    return (1 - share) * moment + share * np.trace(moment) / width * np.eye(width)
