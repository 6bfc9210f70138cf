"""Images with labels, units and origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Part:
    """Images with labels, units and origin.

    Attributes:
        images: uint8 [N, H, W, C].
        labels: int64 [N].
        units: int64 [N]; images of one number (one patient, or equal images) stay together.
        places: origin of each: a path within the folder, or a row number.
    """

    images: np.ndarray
    labels: np.ndarray
    units: np.ndarray
    places: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> Part:
        places = tuple(self.places[row] for row in np.arange(len(self))[rows])
        return Part(self.images[rows], self.labels[rows], self.units[rows], places)
