"""A study on disk: per seed a run, a pool of synthetic images, and the predictions of each arm.

    DIR/study.json            the request, with a fingerprint of the images: the same one resumes
    DIR/features.npz          features of all real images
    DIR/majority/             the generator of the other classes, from which those of seeds begin
    DIR/seeds/0/run/          the generator of a seed
    DIR/seeds/0/pool.npz      images drawn from it
    DIR/seeds/0/ARM.npz       probabilities on the validation fold, on the test part and externally

Finished parts are not computed again. Predictions on the test part are not read before the verdict.
First come the arms without a generator, then the pools and the arms that use them; what uses a
choice of validation (`lda + gan`, the placebos) is last.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...base.arrays import open_npz
from ...base.files import disk_errors, write_file
from ...base.progress import say, stage
from ...base.stages import Stage
from ...errors import RunError
from ...storage.job import begin, request_of, write_arrays
from ...storage.run import UNREADABLE
from . import choosing, drawing
from .arms import draws
from .classifier import Fit, checked
from .featured import Featured
from .parts import Material, Part, validates
from .placebo import placebo
from .plan import GAN_ARMS, HEADS, PLACEBO, REAL_ARMS, SHRINKAGES, SYNTHETIC, Plan

VERSION = 3


@dataclass(frozen=True)
class Predictions:
    """Probabilities float [N, C] of one fit, on its validation fold, on the test part, and on
    external images, of which there may be none."""

    valid: np.ndarray
    test: np.ndarray
    external: np.ndarray


class Study:
    """Stages of one seed after the other; each is kept when it is complete.

    Args:
        folder: new or empty, or a study of the same plan and images.
        plan: resolved for the images.
        fit: the classifier of pixels.
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
        self.progress, self.own = progress, classifier != "built-in"
        self._folds: dict[int, np.ndarray] = {}
        self._pools: dict[int, drawing.Pool] = {}
        self.featured = Featured(folder, material)
        wanted = {name: value for name, value in plan.to_dict().items() if name != "minutes"}
        request = {"version": VERSION, "plan": wanted, "images": material.fingerprint,
                   "classifier": classifier}  # fmt: skip
        _refuse_old(folder)
        begin(folder, request, "study.json", made="seeds/*/*")

    def run(self) -> None:
        """Compute the missing parts."""
        plan = self.plan
        early = [arm for arm in plan.arms if arm in REAL_ARMS]
        late = [arm for arm in plan.arms if arm not in REAL_ARMS]
        count = sum(len(plan.settings(arm)) for arm in plan.arms) + len(plan.mixed) + 1
        with stage("generators and classifiers", plan.seeds * count, "parts") as parts:
            for seed in range(plan.seeds):
                self._arms(seed, early, parts)
            for seed in range(plan.seeds):
                self.pool(seed)
                parts.advance()
                self._arms(seed, late, parts)
            for arm in plan.mixed:
                for seed in range(plan.seeds):
                    self._one(seed, PLACEBO[arm], choosing.chosen(self, arm), parts)

    def _arms(self, seed: int, arms: Sequence[str], parts: Stage) -> None:
        for arm in arms:
            for setting in self.plan.settings(arm):
                self._one(seed, arm, setting, parts)

    def _one(self, seed: int, arm: str, setting: float, parts: Stage) -> None:
        if not self._path(seed, arm, setting).is_file():
            say(f"seed {seed + 1} of {self.plan.seeds}: {name_of(arm, setting)}")
            self.predict(seed, arm, setting)
        parts.advance()

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
        train, _ = self.fold(seed)
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        say(f"seed {seed + 1} of {self.plan.seeds}: generator, {self.plan.kimg / 2:g} kimg")
        begun = drawing.majority(self.material, self.plan, self.folder / "majority", self.progress)
        run = drawing.generator(train, self.plan, seed, path.with_name("run"), self.progress, begun)
        agrees = self.featured.passes(self.learning(seed), self.plan.agreement)
        pool = drawing.draw(run, train, self.material, self.plan, seed, agrees)
        self._pools[seed] = pool
        write_file(path, drawing.packed(pool))
        return pool

    def predictions(self, seed: int, arm: str, setting: float) -> Predictions:
        """Of a finished arm."""
        path = self._path(seed, arm, setting)
        with reading(path), open_npz(path) as arrays:
            return Predictions(arrays["valid"], arrays["test"], arrays["external"])

    def learning(self, seed: int) -> np.ndarray:
        """The rows of the learning part that a seed trains on."""
        self.fold(seed)
        return np.flatnonzero(~self._folds[seed])

    def fakes(self, seed: int, arm: str) -> dict[int, np.ndarray]:
        """Class -> the synthetic images, or those of the placebo, that an arm mixes in."""
        if arm in PLACEBO.values():
            train, _ = self.fold(seed)
            count = {c: drawing.synthetic_count(self.material, c) for c in self.material.rare}
            return {c: placebo(train.images[train.labels == c], n, self.plan.seed * 1000 + seed)
                    for c, n in count.items()}  # fmt: skip
        labels = range(len(self.material.names)) if arm == SYNTHETIC else self.material.rare
        mixes = arm == SYNTHETIC or arm in GAN_ARMS
        return {c: self.pool(seed).of(c) for c in labels} if mixes else {}

    def predict(self, seed: int, arm: str, setting: float) -> None:
        """Fit the classifier of an arm, and write its predictions."""
        path, fake, rows = (
            self._path(seed, arm, setting),
            self.fakes(seed, arm),
            self.learning(seed),
        )
        if arm in HEADS or arm.startswith("lda"):
            shrinkage = setting if arm in HEADS else self.shrinkage()
            head = self.featured.head(arm, setting, shrinkage, rows, fake)
            valid = np.setdiff1d(np.arange(len(self.material.learn)), rows)
            found = self.featured.predictions(head, valid)
            write_arrays(path, valid=found[0], test=found[1], external=found[2])
            return
        train, valid_part = self.fold(seed)
        predict = self.fitted(arm, setting, train, fake, seed)
        beside = self.material.external
        external = predict(beside.images) if beside else np.zeros((0, len(self.material.names)))
        test = predict(self.material.test.images)
        write_arrays(path, valid=predict(valid_part.images), test=test, external=external)

    def shrinkage(self) -> float:
        """Of `lda + gan` and its placebo: that of `lda`."""
        return choosing.chosen(self, "lda") if "lda" in self.plan.arms else SHRINKAGES[2]

    def fitted(
        self, arm: str, setting: float, train: Part, fake: dict[int, np.ndarray], seed: int
    ) -> Callable[[np.ndarray], np.ndarray]:
        """The classifier of an arm of pixels, checked."""
        found = draws(arm, setting, train, fake, self.plan, seed)
        classes = len(self.material.names)
        predict = self.fit(
            found.images, found.labels, classes=classes, seed=self.plan.seed * 1000 + seed,
            weights=found.weights, batch=self.plan.batch,
        )  # fmt: skip
        return lambda images: checked(predict, images, classes)

    def _path(self, seed: int, arm: str, setting: float) -> Path:
        name = re.sub(r"[^a-z0-9.]+", "-", name_of(arm, setting))
        return self.folder / "seeds" / str(seed) / f"{name}.npz"


def name_of(arm: str, setting: float) -> str:
    return f"{arm} {setting:g}" if setting else arm


def _refuse_old(folder: Path) -> None:
    """Raises RunError if the folder holds a study whose arms an older version has made."""
    version = request_of(folder, "study.json").get("version", VERSION)
    if version != VERSION:
        raise RunError(
            f"{folder} holds a study of another version of ganvas (format {version}, now "
            f"{VERSION}), which cannot be continued: choose another --out"
        )


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises RunError if a file is damaged."""
    try:
        yield
    except UNREADABLE as error:
        raise RunError(
            f"{path} is damaged ({error}): delete it, and run the same command again"
        ) from error
