"""What `defects.judge` and `defects.report` return."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ...stats.drift import Drift
from ...stats.intervals import Interval
from .findable import Findable

FEW = 10
"""Good or bad images below which no winner is named: a bootstrap of so few shows no uncertainty."""
SHORTCUT = 0.6
"""AUROC of bad images whose defects are covered, from whose lower bound on a report warns."""


@dataclass(frozen=True)
class ImageScores:
    """How well scores separate bad images from good ones.

    Attributes:
        auroc, average_precision: in 0..1, with 95 % interval.
    """

    auroc: Interval
    average_precision: Interval

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "auroc": self.auroc._asdict(),
            "average_precision": self.average_precision._asdict(),
        }


@dataclass(frozen=True)
class PixelScores:
    """How well a heat-map finds the pixels of the masks; each in 0..1.

    Attributes:
        aupro: up to a false-positive rate of 30 %.
    """

    auroc: float
    aupro: float
    average_precision: float


@dataclass(frozen=True)
class Lead:
    """AUROC of the detector minus AUROC of the best baseline, on the same resampled images.

    Attributes:
        over: name of that baseline.
        value, low, high: the difference and its 95 % interval.
    """

    over: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rival:
    """Another detector, fitted and calibrated on the same good images.

    Attributes:
        measures: what it looks at.
        in_use: whether it is a part of the detector's score.
        auroc: with 95 % interval.
        recall: share of the bad images that it calls defective at the same alpha, with interval.
        false_alarms: number of good images that it calls defective.
    """

    measures: str
    in_use: bool
    auroc: Interval
    recall: Interval
    false_alarms: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"auroc": self.auroc._asdict(), "recall": self.recall._asdict()}


@dataclass(frozen=True)
class Control:
    """Whether bad images score as unusual for another reason than their defects.

    Attributes:
        margin: pixels around a defect that are covered together with it.
        covered: AUROC of the highest heat outside of what is covered, of bad images against good
            ones, on which the same masks are laid: 0.5 if only the defects are unusual.
        within: AUROC of defective pixels against others of the same image, in the mean.
    """

    margin: int
    covered: Interval
    within: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"covered": self.covered._asdict()}

    @property
    def shortcut(self) -> bool:
        return self.covered.low > SHORTCUT


@dataclass(frozen=True)
class FalseAlarms:
    """Good images that were called defective.

    Attributes:
        count, rate: number and share of them.
        low, high: 95 % interval of the number that alpha allows.
        inside: whether `count` lies in it.
    """

    count: int
    rate: float
    low: int
    high: int
    inside: bool


@dataclass(frozen=True)
class DefectsReport:
    """A detector measured on known images.

    Attributes:
        good, bad: number of images.
        alpha: share of good images that may be called defective.
        detector: scores of the detector.
        baselines: name -> scores of a simple detector, see `baselines`.
        lead: the difference to the best baseline.
        ablation: AUROC of the score ("all") and of each part alone, also of those not chosen.
        recall: share of the bad images called defective, with 95 % interval.
        false_alarms: good images called defective.
        milliseconds: per image, in a batch.
        pixels: "detector" and "pca" -> scores of the heat-map; None without masks.
        rivals: name -> another detector on the same images.
        control: None without masks.
        findable: which planted defects are found; None: it was not measured.
        drift: whether the good images, in their order, are like the calibration images; None: too
            few, or no test.
        promise: the guarantee in a sentence; "" without one.
    """

    good: int
    bad: int
    alpha: float
    detector: ImageScores
    baselines: dict[str, ImageScores]
    lead: Lead
    ablation: dict[str, float]
    recall: Interval
    false_alarms: FalseAlarms
    milliseconds: float
    pixels: dict[str, PixelScores] | None = None
    rivals: dict[str, Rival] = field(default_factory=dict)
    control: Control | None = None
    findable: Findable | None = None
    drift: Drift | None = None
    promise: str = ""

    @property
    def sentences(self) -> list[str]:
        """The result: false alarms, defects found, ranking, the best simple detector; with masks,
        whether bad images are unusual without their defects; a drift of the good images."""
        found = [self._alarms(), self._found(), self._ranking(), self._winner()]
        found += [self._control()] if self.control and self.control.shortcut else []
        return [*found, *([f"Good images: {self.drift.sentence}"] if self.drift else [])]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; "pixels" only with masks, "drift" and "promise" only if they are there."""
        pixels = {name: asdict(one) for name, one in (self.pixels or {}).items()}
        return {
            "good": self.good,
            "bad": self.bad,
            "alpha": self.alpha,
            "detector": self.detector.to_dict(),
            "baselines": {name: one.to_dict() for name, one in self.baselines.items()},
            "lead": asdict(self.lead),
            "ablation": dict(self.ablation),
            "recall": self.recall._asdict(),
            "false_alarms": asdict(self.false_alarms),
            "milliseconds": self.milliseconds,
            **({"pixels": pixels} if pixels else {}),
            "rivals": {name: one.to_dict() for name, one in self.rivals.items()},
            **({"control": self.control.to_dict()} if self.control else {}),
            **({"findable": self.findable.to_dict()} if self.findable else {}),
            **({"drift": self.drift.to_dict()} if self.drift else {}),
            **({"promise": self.promise} if self.promise else {}),
            "sentences": self.sentences,
        }

    def _winner(self) -> str:
        lead = self.lead
        own, best = self.detector.auroc.value, self.baselines[lead.over].auroc.value
        numbers = (
            f"(AUROC {own:.3f} against {best:.3f}, difference {lead.value:.3f}, 95 % interval "
            f"{lead.low:.3f} to {lead.high:.3f})"
        )
        if min(self.good, self.bad) < FEW:
            return (
                f"{self.good} good and {self.bad} bad images are too few to name a winner; the "
                f"best simple detector is {lead.over} {numbers}."
            )
        if lead.high < 0:
            return f"A simple detector is better: {lead.over} {numbers}. Use that one."
        if lead.low <= 0:
            return (
                f"There is no evidence that it differs from {lead.over}, a simple detector "
                f"{numbers}."
            )
        return f"It is better than the best simple detector, {lead.over} {numbers}."

    def _alarms(self) -> str:
        alarms = self.false_alarms
        kept = (
            f"It calls {alarms.count} of {self.good} good images defective ({alarms.rate:.1%}; "
            f"promised: {self.alpha:.1%}). That is {'inside' if alarms.inside else 'OUTSIDE'} the "
            f"95 % interval of the promise, {alarms.low} to {alarms.high}."
        )
        if alarms.inside:
            return kept
        more = alarms.count > alarms.high
        why = (
            "these good images differ from the calibration images"
            if more
            else ("these good images are more alike than the calibration images")
        )
        return f"{kept} The promise does not hold: {why}." if more else f"{kept} Perhaps {why}."

    def _found(self) -> str:
        return (
            f"It finds {self.recall.value:.1%} of {self.bad} bad images, 95 % interval "
            f"{self.recall.low:.1%} to {self.recall.high:.1%}."
        )

    def _ranking(self) -> str:
        area = self.detector.auroc
        pixels = (self.pixels or {}).get("detector")
        where = f" Pixel AUROC {pixels.auroc:.3f}, AUPRO {pixels.aupro:.3f}." if pixels else ""
        return (
            f"Image AUROC {area.value:.3f}, 95 % interval {area.low:.3f} to {area.high:.3f}."
            f"{where} An image takes {self.milliseconds:.3g} ms."
        )

    def _control(self) -> str:
        control = self.control
        if control is None:
            return ""
        return (
            "With their defects covered, bad images still score above good ones "
            f"(AUROC {control.covered.value:.3f}): a part of the image AUROC has another cause "
            "than the defects, such as other exposures or other pieces."
        )
