"""Tables that the benchmarks write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def interval(values: Sequence[float], form: str) -> str:
    """Mean, and lowest to highest: there are too few seeds for more."""
    if not values:
        return "-"
    low, mean, high = (format(f(values), form) for f in (np.min, np.mean, np.max))
    return mean if low == high else f"{mean} ({low} to {high})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
