"""What a test and a whole audit return."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Result:
    """The result of one test, with its interval and the score of held-out images.

    Attributes:
        value: the score; None where it could not be computed.
        low, high: 95 % interval.
        holdout: the score of held-out images.
        p: probability of a result as extreme if training and held-out images were assigned at
            random; None where the test does not count for the verdict.
        meaning: what the number is, for a report; "says" in JSON.
        why: why there is no value.
        more: further numbers, for JSON.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    holdout: float | None = None
    p: float | None = None
    meaning: str = ""
    why: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def adjusted(self) -> float | None:
        """p, adjusted by Holm's rule over all tests of the audit."""
        return self.more.get("adjusted")

    @property
    def leak(self) -> bool:
        """Whether the audit counts it as a leak."""
        return bool(self.more.get("leak"))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `why` only where there is no value."""
        numbers = {key: getattr(self, key) for key in ("value", "low", "high", "holdout", "p")}
        why = {"why": self.why} if self.why else {}
        return {**numbers, "says": self.meaning, **self.more, **why}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Result:
        """The inverse of `to_dict`."""
        known = ("value", "low", "high", "holdout", "p", "why")
        own = {key: plain[key] for key in known if key in plain}
        more = {key: value for key, value in plain.items() if key not in (*known, "says")}
        return cls(**own, meaning=plain.get("says", ""), more=more)

    def having(self, **more: Any) -> Result:
        """With further numbers."""
        return replace(self, more={**self.more, **more})


def none(why: str) -> Result:
    """A test that could not be run."""
    return Result(None, why=why)


@dataclass(frozen=True)
class Controls:
    """Results on images that are known to leak, or not to leak.

    Attributes:
        planted: share of copies in the positive control.
        found: whether the planted copies were flagged.
        false_alarm: whether unchanged held-out images were flagged.
        unlike: whether half of the training images was flagged against the other half.
        recovered: share of the planted copies whose nearest image is their original.
        shared: held-out images that nearly copy a training image, of `shared_of`.
        images: number of images in the fakes' place in the positive control.
        enough: whether there are enough people, or images, for any leak to be detected.
    """

    planted: float
    found: bool
    false_alarm: bool
    unlike: bool
    recovered: float
    shared: int
    images: int
    enough: bool = True
    shared_of: int = 0

    @property
    def good(self) -> bool:
        """Whether all controls have the expected result."""
        return self.found and not self.false_alarm and not self.unlike

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "good": self.good}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Controls:
        """The inverse of `to_dict`."""
        return cls(**{key: value for key, value in plain.items() if key != "good"})


@dataclass(frozen=True)
class Power:
    """Which leak the audit could detect.

    Attributes:
        copies_needed: least number of copied training images for a p-value that counts; None: no
            number is enough.
        least_share: least share of noisy copies among the fakes that is detected, in 0..1.
        power: the probability of that.
        meaning: a sentence for a report; "says" in JSON.
    """

    copies_needed: int | None
    least_share: float
    power: float
    meaning: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "copies_needed": self.copies_needed, "least_share": self.least_share,
            "power": self.power, "says": self.meaning,
        }  # fmt: skip


@dataclass(frozen=True)
class AuditReport:
    """The result of `audit`.

    Attributes:
        verdict: "leak found", "no leak found at this power" or "formally bounded".
        tests: name -> result.
        found: names of the tests that found a leak.
        alpha: probability of any false alarm, over all tests.
        power: which leak could be detected.
        controls: results on known images.
        bound: the guarantee of differential privacy as in run.json; None without one.
        notes: cautions for the reader.
        subject: name of the audited run, model or images.
        n_fake, n_train, n_holdout: number of images.
        seconds: name of a test -> its time.
        people: number trained on and held out; None where they are not known.
        record: date, version, purpose, options and sha256 of what was audited.
        summary: what was found, who is affected, how badly, and what to do.
        risks: criterion of Opinion 05/2014 -> the fields of `findings.Risk`.
        opinion_28_2024: attack that the opinion names -> its status, and how it was tested.
        pictures: "train" and "holdout" -> the most suspicious pairs, uint8 [H, W, C]; not in JSON.
    """

    verdict: str
    tests: dict[str, Result]
    found: tuple[str, ...]
    alpha: float
    power: Power
    controls: Controls
    bound: dict[str, Any] | None
    notes: tuple[str, ...]
    subject: str
    n_fake: int
    n_train: int
    n_holdout: int
    seconds: dict[str, float]
    people: tuple[int, int] | None = None
    record: dict[str, Any] = field(default_factory=dict, compare=False)
    summary: str = ""
    risks: dict[str, Any] = field(default_factory=dict)
    opinion_28_2024: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: all but the pictures."""
        return {
            "verdict": self.verdict,
            "tests": {name: test.to_dict() for name, test in self.tests.items()},
            "found": list(self.found),
            "alpha": self.alpha,
            "power": self.power.to_dict(),
            "controls": self.controls.to_dict(),
            "bound": self.bound,
            "notes": list(self.notes),
            "subject": self.subject,
            "n_fake": self.n_fake,
            "n_train": self.n_train,
            "n_holdout": self.n_holdout,
            "seconds": dict(self.seconds),
            "people": None if self.people is None else list(self.people),
            "record": dict(self.record),
            "summary": self.summary,
            "risks": self.risks,
            "opinion_28_2024": self.opinion_28_2024,
        }
