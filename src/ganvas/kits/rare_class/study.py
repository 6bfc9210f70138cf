"""A study on disk: per seed a run, a pool of synthetic images, and the predictions of each arm.

    DIR/study.json            the request, with a fingerprint of the images: the same one resumes
    DIR/seeds/0/run/          the generator
    DIR/seeds/0/pool.npz      images drawn from it
    DIR/seeds/0/ARM.npz       probabilities on the validation fold and on the test part

Finished parts are not computed again. Predictions on the test part are not read before the verdict.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...base.arrays import open_npz
from ...base.files import disk_errors, write_file
from ...base.progress import say, stage
from ...errors import RunError
from ...storage.job import begin, write_arrays
from ...storage.run import UNREADABLE
from . import drawing
from .arms import draws
from .classifier import Fit, checked
from .parts import Material, Part, validates
from .plan import GAN_ARMS, SYNTHETIC, Plan

VERSION = 1


@dataclass(frozen=True)
class Predictions:
    """Probabilities float [N, C] of one fit, on its validation fold and on the test part."""

    valid: np.ndarray
    test: np.ndarray


class Study:
    """Stages of one seed after the other; each is kept when it is complete.

    Args:
        folder: new or empty, or a study of the same plan and images.
        fit: the classifier.
        classifier: its name, which must not change within a study.
        progress: report progress on standard error.

    Raises: RunError: the folder contains something else.
    """

    def __init__(
        self,
        folder: Path,
        material: Material,
        plan: Plan,
        fit: Fit,
        classifier: str,
        progress: bool,
    ):
        self.folder, self.material, self.plan, self.fit = folder, material, plan, fit
        self.progress = progress
        self._folds: dict[int, np.ndarray] = {}
        self._pools: dict[int, drawing.Pool] = {}
        request = {"version": VERSION, "plan": plan.to_dict(), "images": material.fingerprint,
                   "classifier": classifier}  # fmt: skip
        begin(folder, request, "study.json", made="seeds/*/*")

    def run(self) -> None:
        """Compute the missing parts."""
        variants = list(self.plan.variants())
        parts = self.plan.seeds * (1 + len(variants))
        with stage("generators and classifiers", parts, "parts") as balancing:
            for seed in range(self.plan.seeds):
                began = time.perf_counter()
                pool = self.pool(seed)
                balancing.advance()
                for arm, ratio in variants:
                    if not self._path(seed, arm, ratio).is_file():
                        say(f"seed {seed + 1} of {self.plan.seeds}: {name_of(arm, ratio)}")
                        self.predict(seed, arm, ratio, pool)
                    balancing.advance()
                say(f"seed {seed + 1}: {time.perf_counter() - began:.0f} s")

    def fold(self, seed: int) -> tuple[Part, Part]:
        """The training and the validation part of a seed, which share no unit."""
        learn, classes = self.material.learn, len(self.material.names)
        if seed not in self._folds:
            self._folds[seed] = validates(learn, classes, self.plan.seed, seed)
        return learn[~self._folds[seed]], learn[self._folds[seed]]

    def pool(self, seed: int) -> drawing.Pool:
        """The synthetic images of a seed, drawn or read."""
        path = self.folder / "seeds" / str(seed) / "pool.npz"
        if seed in self._pools:
            return self._pools[seed]
        if path.is_file():
            with reading(path):
                self._pools[seed] = drawing.unpacked(path)
            return self._pools[seed]
        train, valid = self.fold(seed)
        # First, because a classifier of the user that fails should fail before the training.
        sorter = self._fitted("classical", 0.0, train, {}, seed + 10_000)
        sorter(valid.images)
        run_folder = path.with_name("run")
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        say(f"seed {seed + 1} of {self.plan.seeds}: generator, {self.plan.kimg:g} kimg")
        run = drawing.generator(train, self.plan, seed, run_folder, self.progress)
        self._pools[seed] = drawing.draw(run, train, self.material, self.plan, seed, sorter)
        write_file(path, drawing.packed(self._pools[seed]))
        return self._pools[seed]

    def predictions(self, seed: int, arm: str, ratio: float) -> Predictions:
        """Of a finished arm."""
        path = self._path(seed, arm, ratio)
        with reading(path), open_npz(path) as arrays:
            return Predictions(arrays["valid"], arrays["test"])

    def predict(self, seed: int, arm: str, ratio: float, pool: drawing.Pool) -> None:
        """Fit the classifier of an arm, and write its predictions."""
        train, valid = self.fold(seed)
        labels = range(len(self.material.names)) if arm == SYNTHETIC else self.material.rare
        fake = {c: pool.of(c) for c in labels} if arm in (*GAN_ARMS, SYNTHETIC) else {}
        predict = self._fitted(arm, ratio, train, fake, seed)
        test = self.material.test.images
        path = self._path(seed, arm, ratio)
        write_arrays(path, valid=predict(valid.images), test=predict(test))

    def _fitted(
        self, arm: str, ratio: float, train: Part, fake: dict[int, np.ndarray], seed: int
    ) -> Callable[[np.ndarray], np.ndarray]:
        found = draws(arm, ratio, train, fake, self.plan, seed)
        classes = len(self.material.names)
        predict = self.fit(
            found.images, found.labels, classes=classes, seed=self.plan.seed * 1000 + seed,
            weights=found.weights, batch=self.plan.batch,
        )  # fmt: skip
        return lambda images: checked(predict, images, classes)

    def _path(self, seed: int, arm: str, ratio: float) -> Path:
        name = re.sub(r"[^a-z0-9.]+", "-", name_of(arm, ratio))
        return self.folder / "seeds" / str(seed) / f"{name}.npz"


def name_of(arm: str, ratio: float) -> str:
    return f"{arm} {ratio:g}" if ratio else arm


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises RunError if a file is damaged."""
    try:
        yield
    except UNREADABLE as error:
        raise RunError(
            f"{path} is damaged ({error}): delete it, and run the same command again"
        ) from error
