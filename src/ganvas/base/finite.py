"""Numbers for JSON, which has neither NaN nor infinity."""

from __future__ import annotations

import math


def finite(number: float | None) -> float | None:
    """The number; None in place of NaN and infinity."""
    return float(number) if number is not None and math.isfinite(number) else None
