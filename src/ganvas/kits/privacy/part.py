"""Training images, or held-out images, as an audit uses them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...data import Images


@dataclass(frozen=True)
class Part:
    """Training images, or those held out.

    Attributes:
        source: where they come from.
        rows: the rows of `source` that are used, int64 [N].
        small: uint8 [N, h, w, C], at most 32 pixels a side.
        labels: int32 [N], with the same numbers in both parts; None without.
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
