"""Training images, or those held out, as an audit looks at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...data import Images


@dataclass(frozen=True)
class Part:
    """Training images, or those held out.

    Attributes:
        source: where they come from.
        rows: which of its rows are looked at, int64 [N].
        small: uint8 [N, h, w, C], at most 32 pixels a side.
        labels: int32 [N], numbered alike in both parts; None without.
        people: who is on each, text [N]; None where it is not known.
    """

    source: Images
    rows: np.ndarray
    small: np.ndarray
    labels: np.ndarray | None = None
    people: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(self, index: np.ndarray) -> np.ndarray:
        """In full size: uint8 [B, H, W, C]."""
        return self.source.pixels(self.rows[index])
