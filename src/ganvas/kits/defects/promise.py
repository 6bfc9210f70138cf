"""What a calibration guarantees about false alarms, and the law of their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import scipy

from ...stats.drift import FEWEST, Drift, watch
from ...stats.intervals import LEVEL, false_alarms

Method = Literal["split", "groups", "cross"]


@dataclass(frozen=True)
class Promise:
    """The guarantee of a calibration.

    Attributes:
        method: "split": calibration images that had no other use; "groups": the same for each
            group; "cross": each image calibrates a detector that is fitted without it.
        groups: name -> number of calibration images; one entry "" without groups.
    """

    method: Method
    groups: dict[str, int]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Promise:
        """From a manifest; those of older models have none: they were calibrated by a split."""
        found = facts.get("promise") or {
            "method": "split", "groups": {"": facts["parts"]["calibrate"]}
        }  # fmt: skip
        groups = {str(name): int(count) for name, count in found["groups"].items()}
        if found["method"] not in ("split", "groups", "cross") or not groups:
            raise ValueError(f"{found} is no promise")
        return cls(found["method"], groups)

    def to_dict(self) -> dict[str, Any]:
        """For a manifest."""
        return {"method": self.method, "groups": self.groups}

    @property
    def least(self) -> int:
        """Calibration images of the smallest group: no p-value is below 1 / (least + 1)."""
        return min(self.groups.values())

    @property
    def factor(self) -> int:
        """The share of good images that are flagged is at most `factor` times alpha."""
        return 2 if self.method == "cross" else 1

    def alarms(self, alpha: float, of: int) -> tuple[int, int]:
        """Least and largest number of `of` good images that are flagged in 95 % of all cases.

        The law of a split is beta-binomial. By groups, the worst group counts, so there is no least
        number. Cross-conformal calibration has no known law: the bound is the binomial one of
        twice alpha, the largest mean that is possible.
        """
        if self.method == "cross":
            return 0, int(scipy.stats.binom(of, min(1.0, 2 * alpha)).ppf((1 + LEVEL) / 2))
        laws = [false_alarms(int(alpha * (n + 1) + 1e-9), n, of) for n in self.groups.values()]
        if self.method == "split":
            return laws[0]
        return 0, max(high for _, high in laws)

    def drift(self, p_values: Any) -> Drift | None:
        """Whether images, in their order, are still like the calibration images; None: there are
        too few, or p-values of cross-conformal calibration, whose joint law is not known."""
        if self.method == "cross" or len(p_values) < FEWEST:
            return None
        return watch(p_values, self.least, both=self.method == "split")

    def sentence(self, alpha: float) -> str:
        """The guarantee in a sentence."""
        if self.method == "cross":
            return (
                f"At most {2 * alpha:.1%} of good images are called defective, twice alpha = "
                f"{alpha:g}: {self.least} images calibrated it, each by a detector fitted without "
                "it. The usual share is about alpha, but only twice alpha is guaranteed."
            )
        if self.method == "groups":
            names = ", ".join(f"{name} ({n})" for name, n in self.groups.items())
            return (
                f"At most {alpha:.1%} of good images of each calibrated group are called defective "
                f"({names}). The largest p-value of all groups counts."
            )
        return f"At most {alpha:.1%} of good images are called defective."
