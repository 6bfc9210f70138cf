"""Image grids from the same noise throughout the run, and their models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ... import images
from ...config.plan import Plan
from ...data import Images
from ...images.sheets import named, sheet
from ...sampling.sampler import Sampler
from ...storage.run import Run
from ..loggers.several import Loggers
from .base import EachTick

COLUMNS = 10
MAX_ROWS = 32
GRID_SEED = 0


class Samples(EachTick):
    """Writes samples/KIMG.png and models/KIMG.keras, and sends the grid to the loggers.

    Attributes:
        path: the last grid; None: none was written yet.
    """

    def __init__(self, run: Run, plan: Plan, sampler: Sampler, loggers: Loggers) -> None:
        super().__init__(run, plan)
        self.sampler = sampler
        self.loggers = loggers
        self.path: Path | None = None

    def tick(self, step: int, logs: dict[str, float]) -> None:
        if self.plan.grid_due(step):
            self.snapshot(step)

    def snapshot(self, step: int) -> None:
        kimg = round(self.plan.kimg(step))
        grid = draw_grid(self.sampler)
        self.path = self.run.folder / "samples" / f"{kimg:06d}.png"
        images.write_png(self.path, grid, synthetic=True)
        self.run.save_model(kimg, self.sampler.generator)
        self.loggers.grid(step, grid)


class Logits(EachTick):
    """Histograms of the discriminator's logits, for the loggers, with each grid.

    If the two histograms do not overlap, the discriminator distinguishes real from fake.
    """

    def __init__(self, run: Run, plan: Plan, source: Images, loggers: Loggers) -> None:
        super().__init__(run, plan)
        self.count = plan.batch  # a size that packs and groups divide
        batch = next(iter(source.stream(self.count, seed=0)))
        self.real = batch[0] if source.classes else batch
        self.label = batch[1] if source.classes else None
        self.loggers = loggers

    def tick(self, step: int, logs: dict[str, float]) -> None:
        if not self.plan.grid_due(step):
            return
        rng = np.random.default_rng(GRID_SEED)
        noise = tf.constant(rng.standard_normal((self.count, self.model.noise_size), np.float32))
        fake = self.model.generate(noise, self.label, training=False)
        for name, image in (("real", self.real), ("fake", fake)):
            logits = self.model.logits(image, self.label, training=False)[:, 0]
            self.loggers.histogram(step, f"logits/distribution/{name}", logits)


def draw_grid(sampler: Sampler, columns: int = COLUMNS) -> np.ndarray:
    """A sheet [H', W', C]; one row per class, with its name, if there are classes."""
    rows = min(len(sampler.names), MAX_ROWS) or columns
    labels = np.repeat(np.arange(rows), columns) if sampler.names else None
    drawn = sampler.sample(rows * columns, labels, seed=GRID_SEED)
    return sheet(drawn, columns, rows=_row_names(sampler.names))


def real_grid(source: Images, columns: int = COLUMNS) -> np.ndarray:
    """Real images in the layout of `draw_grid`."""
    rows = min(len(source.names), MAX_ROWS) or columns
    wanted: dict[int, list[np.ndarray]] = {row: [] for row in range(rows)}
    # Small batches, because images may be large; enough of them for a rare class.
    for batch in source.stream(columns, seed=0).take(10_000 // columns):
        pictures, labels = batch if source.classes else (batch, None)
        if not source.names:
            labels = np.arange(len(pictures)) % rows
        for picture, label in zip(pictures.numpy(), np.asarray(labels), strict=True):
            if label in wanted and len(wanted[label]) < columns:
                wanted[label].append(images.to_uint8(picture))
        if all(len(row) == columns for row in wanted.values()):
            break
    blank = np.zeros(source.shape, np.uint8)
    cells = [c for row in wanted.values() for c in row + [blank] * (columns - len(row))]
    return sheet(np.stack(cells), columns, rows=_row_names(source.names))


def _row_names(names: Sequence[str]) -> list[str]:
    return [named(label, names) for label in range(min(len(names), MAX_ROWS))]
