"""The features of a study's images, computed once, and the arms that use them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from ...storage.job import read_arrays, write_arrays
from . import frozen
from .parts import Material
from .plan import FOLDS, HEADS, SHRINKAGES

FILE = "features.npz"


class Featured:
    """Features of a study, and linear classifiers on them.

    Args:
        folder: of the study.
        material: its images.
    """

    def __init__(self, folder: Path, material: Material):
        self.folder, self.material = folder, material
        self._bases: dict[bytes, frozen.Basis] = {}
        self._fakes: dict[int, np.ndarray] = {}

    @cached_property
    def compute(self) -> frozen.Features:
        """The network."""
        return frozen.Features(self.material.learn.images.shape[1:])

    @cached_property
    def real(self) -> dict[str, np.ndarray]:
        """Features float32 of "learn", "test" and "external" images."""
        path, material = self.folder / FILE, self.material
        parts = {"learn": material.learn, "test": material.test}
        if material.external:
            parts["external"] = material.external
        found = read_arrays(path)
        if found is None or {k: len(v) for k, v in found.items()} != {
            k: len(v) for k, v in parts.items()
        }:
            found = {name: self.compute(part.images) for name, part in parts.items()}
            write_arrays(path, **{name: one.astype(np.float16) for name, one in found.items()})
        # The same numbers, whether they were computed now or before.
        return {name: one.astype(np.float16).astype(np.float32) for name, one in found.items()}

    def of(self, images: np.ndarray) -> np.ndarray:
        """Features of synthetic images, kept for the next arm that uses them."""
        key = hash(images.tobytes())
        if key not in self._fakes:
            self._fakes[key] = self.compute(images).astype(np.float16).astype(np.float32)
        return self._fakes[key]

    def head(
        self, arm: str, setting: float, shrinkage: float, rows: np.ndarray,
        fake: dict[int, np.ndarray],
    ) -> frozen.Head:  # fmt: skip
        """The classifier of an arm of features.

        Args:
            setting: strength, or the ratio of synthetic to real where synthetic images are mixed.
            shrinkage: of `lda + gan` and its placebo.
            rows: of the learning part, to train on.
            fake: class -> synthetic images.
        """
        features, labels = self.real["learn"][rows], self.material.learn.labels[rows]
        weights, seen = frozen.balancing(labels), self.basis(rows)
        for c, images in fake.items():
            features = np.concatenate([features, self.of(images)])
            labels = np.concatenate([labels, np.full(len(images), c)])
            weights = np.concatenate([weights, np.full(len(images), setting / len(images))])
        kind, strength = (arm, setting) if arm in HEADS else ("lda", shrinkage)
        return frozen.fitted(kind, strength, features, labels, weights, seen)

    def basis(self, rows: np.ndarray) -> frozen.Basis:
        """Of the training images of a fold, computed once."""
        key = rows.tobytes()
        if key not in self._bases:
            self._bases[key] = frozen.basis(self.real["learn"][rows])
        return self._bases[key]

    def predictions(
        self, head: frozen.Head, valid: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities of validation images, of the test part and of external images."""
        external = self.real.get("external", self.real["test"][:0])
        return head(self.real["learn"][valid]), head(self.real["test"]), head(external)

    def passes(self, rows: np.ndarray, share: float) -> Callable[[np.ndarray, int], np.ndarray]:
        """The filter of synthetic images (images, class -> bool [N]): kept is what `lda` of a
        training fold does not rank below all but a share of the class's real images.

        Its probabilities say nothing by themselves: in 128 components they are 0 or 1. So an image
        is compared with real ones that the fit has not seen either, in each of five fits, and left
        out if p = (1 + real images not above it) / (1 + real images) < share (cross-conformal
        prediction, Vovk 2015, doi:10.1007/s10472-013-9368-4).
        """
        learn = self.material.learn[rows]
        labels, dealt = learn.labels, np.full(len(rows), FOLDS)
        for c in np.unique(labels):
            # Units are dealt out class by class, so that each fold has its share of a rare one.
            units, unit = np.unique(learn.units[labels == c], return_inverse=True)
            if len(units) > 1:  # a single one is in every fit
                dealt[labels == c] = unit % FOLDS
        fits: list[tuple[frozen.Head, np.ndarray, np.ndarray]] = []
        for fold in np.setdiff1d(dealt, FOLDS):
            held, seen = rows[dealt == fold], rows[dealt != fold]
            features, of = self.real["learn"][seen], self.material.learn.labels[seen]
            head = frozen.fitted(
                "lda", SHRINKAGES[2], features, of, frozen.balancing(of), frozen.basis(features)
            )
            truth = self.material.learn.labels[held]
            margins = head.margins(self.real["learn"][held])[np.arange(len(held)), truth]
            fits.append((head, margins, truth))

        def passed(images: np.ndarray, label: int) -> np.ndarray:
            below, count = np.ones(len(images)), 1
            for head, margins, truth in fits:
                real = np.sort(margins[truth == label])
                ranks = head.margins(self.of(images))[:, label]
                below += np.searchsorted(real, ranks, side="right")
                count += len(real)
            return below / count >= share

        return passed
