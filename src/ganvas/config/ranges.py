"""The section [tune]: what `ganvas tune` may change."""

from __future__ import annotations

import math
from typing import Any

from pydantic import model_validator

from .sections import Section


class Range(Section):
    """Range of values for `tune`: integers if both ends are integers."""

    low: int | float
    """Lowest value."""
    high: int | float
    """Highest value."""
    log: bool = False
    """Whether the logarithm of the value, not the value, is uniform."""

    @model_validator(mode="after")
    def _order(self) -> Range:
        if not (self.low < self.high and math.isfinite(self.low + self.high)):
            raise ValueError(f"low must be < high, got low = {self.low:g}, high = {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low > 0, got low = {self.low:g}")
        return self


def ranges(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """[tune] as one level: {dotted key: {low, high} or list}; TOML nests dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and "low" not in value and "high" not in value:
            flat |= ranges(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
