"""The features of a LiteRT file, without TensorFlow: where images are compared on a server.

They are near those of the network in Keras, and not the same: images are resized by Pillow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import images
from ..base.litert import opened
from ..base.logs import held_back_stderr

INPUT, OUTPUT = "image", "features"


class Features:
    """Images -> features, one image at a time.

    Args:
        path: a file whose signature takes RGB 0..255, float32 [1, S, S, 3], and returns [1, D].
        content: of the file.

    Raises: ModelError: LiteRT cannot run it. ValueError: it has another signature.
    """

    def __init__(self, path: Path, content: bytes):
        with held_back_stderr():  # LiteRT says what it computes by
            self._run: Any = opened(path, content=content).get_signature_runner("serving_default")
        sides = [int(n) for n in self._run.get_input_details()[INPUT]["shape"]]
        if sides[0] != 1 or sides[1] != sides[2] or sides[3] != 3:
            raise ValueError(f"{path} takes images of shape {sides}")
        self._side = sides[1]
        self.width = int(self._run.get_output_details()[OUTPUT]["shape"][-1])

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, C] -> float32 [D]. A side that is shorter is padded."""
        sized = images.refit(image, (self._side, self._side), 3, "pad")
        given = sized[None].astype(np.float32)
        return np.asarray(self._run(**{INPUT: given})[OUTPUT][0], np.float32).ravel()
