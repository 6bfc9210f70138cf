"""TensorBoard: events/ in the run folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ... import images
from ...reports.markup import fenced
from . import tensorboard_layout as layout
from .base import Logger, flat
from .tags import meaning

PARAMETERS = (
    "augment", "loss", "networks.name", "penalties", "recipe", "train.batch",
    "train.discriminator_learning_rate", "train.discriminator_steps", "train.kimg",
    "train.learning_rate", "train.seed",
)  # fmt: skip
"""Keys of the recipe in the table of HParams, which has a column for each."""


class TensorBoard(Logger):
    """Values over kimg (images, where a tick is shorter than a kimg), pictures, texts, a layout of
    charts, and a row in the table of HParams."""

    def start(self, identifier: str) -> str:
        folder = os.fsencode(self.run.folder / "events")  # a path that is not UTF-8 is no tensor
        self.writer = tf.summary.create_file_writer(folder)
        rows = self.run.rows()
        with self.writer.as_default(self.axis(rows[-1]["kimg"]) if rows else 0):
            tf.summary.text("recipe", fenced(self.config.toml(), "toml"))
            if not identifier:
                layout.write_charts()
                layout.write_parameters(self._hyperparameters())
                self._reals()
        return "events"

    def _hyperparameters(self) -> dict[str, Any]:
        tree = self.config.model_dump(mode="json", exclude_none=True)
        # As one text each, with its arguments.
        every = flat({k: [v] if k in ("loss", "augment") else v for k, v in tree.items()})
        return {key: every[key] for key in PARAMETERS if key in every}

    def _reals(self) -> None:
        """The real images, in the group of the generated ones."""
        file = self.run.folder / "samples" / "reals.png"
        if file.is_file():
            about = "Real images, in the layout of the generated ones."
            tf.summary.image("images/reals", images.read(file)[None], description=about)

    def values(self, step: int, kimg: float, values: Mapping[str, float]) -> None:
        with self.writer.as_default(self.axis(kimg)):
            for tag, value in values.items():
                tf.summary.scalar(tag, value, description=meaning(tag))
            self.writer.flush()

    def grid(self, step: int, kimg: float, image: np.ndarray) -> None:
        with self.writer.as_default(self.axis(kimg)):
            about = "Generated images of the same noise throughout the run."
            tf.summary.image("images/samples", image[None], description=about)

    def histogram(self, step: int, kimg: float, tag: str, values: Any) -> None:
        with self.writer.as_default(self.axis(kimg)):
            tf.summary.histogram(tag, values)

    def finding(self, step: int, kimg: float, text: str) -> None:
        with self.writer.as_default(self.axis(kimg)):
            tf.summary.text("doctor", fenced(text))

    def finish(self, status: str) -> None:
        with self.writer.as_default(0):
            layout.write_end(status)
        self.writer.close()
