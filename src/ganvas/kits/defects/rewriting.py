"""A new version of a detector from an old one: other calibration images, or another score.

Nothing is fitted anew: the old version's graph is called, so its scores stay the same to the bit.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import DataError, UsageError
from ...exporting.publish import publishing
from ...storage import manifest
from .card import card
from .dealing import distinct, distinct_rows
from .detector import Detector
from .folder import BASELINES, FORMAT, LITERT, ROI, ranked, write_graphs, write_kept
from .good_images import needed, read
from .grouping import Groups, check_groups, read_groups
from .promise import Promise
from .ranks import Ranks, flagged

Outputs = dict[str, tf.Tensor]
_OF_OLD = ("files", "peaks", "findable")
"""Facts of the old calibration images, which do not hold for the new ones."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Good images that calibrate a version.

    Attributes:
        images: uint8 [n, H, W, C].
        promise: what they guarantee.
        groups: of each, in the order of the promise; None: one group.
    """

    images: np.ndarray
    promise: Promise
    groups: np.ndarray | None = None

    def kept(self) -> dict[str, np.ndarray]:
        """The arrays that a model keeps."""
        groups = {} if self.groups is None else {"groups": self.groups}
        return {"x": self.images, **groups}


def calibrate(
    model: str | os.PathLike[str],
    good: Any,
    *,
    alpha: float | None = None,
    groups: str | Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Detector:
    """Calibrate a detector by new good images: after another lamp, lens or batch of material.

    Nothing is trained; scores and heat-maps stay the same, and p-values and verdicts follow from
    the new images alone. The old version stays as it is.

    Args:
        model: MODEL (its newest version is taken) or MODEL/N.
        good: good images that the detector has never seen, as `score` takes them.
        alpha: share of good images that may be flagged; None: the detector's.
        groups: see `fit`: each group is calibrated by itself.
        out: another model folder; None: the next version of MODEL.

    Raises: DataError: too few images. UsageError: a model that was fitted by an older version.
    """
    detector = Detector.load(model)
    check_format(detector)
    alpha = detector.alpha if alpha is None else alpha
    found = new_calibration(detector, good, alpha, groups)
    score = detector.score(found.images, heatmaps=False).score
    writer = Rewriter(detector, found, score, alpha)
    return writer.write(target(detector, out))


def new_calibration(
    detector: Detector, good: Any, alpha: float, groups: str | Sequence[str] | None = None
) -> Calibration:
    """Read images that calibrate a detector; equal ones count once.

    Raises: DataError: too few, or of another size.
    """
    least = needed(alpha)
    if groups is not None:
        given = {"levels": detector.levels, "channels": detector.shape[2]}
        read_found = read_groups(good, None, groups, **given)
        rows = distinct_rows(read_found.pixels)
        images = detector.checked(read_found.pixels[rows])
        of, every = Groups([read_found.classes[row] for row in rows]), np.arange(len(images))
        check_groups(of, alpha)
        return Calibration(images, Promise("groups", of.sizes(every)), of.numbers(every))
    images = distinct(read(good, detector.shape, detector.levels).pixels)
    if len(images) < least:
        raise DataError(
            f"alpha = {alpha:g} needs at least {least} different new good images for calibration, "
            f"got {len(images)}: give more, or increase alpha"
        )
    return Calibration(images, Promise("split", {"": len(images)}))


def target(detector: Detector, out: str | os.PathLike[str] | None) -> Path:
    """The model folder of a new version."""
    if out is not None:
        return Path(out)
    if not detector.place.name.isdecimal():
        raise UsageError(
            f"{detector.place} is no numbered version of a model: name a folder by --out"
        )
    return detector.place.parent


def check_format(detector: Detector) -> None:
    """Raises: UsageError: the model is of an older format."""
    if detector.facts.get("format", 1) < FORMAT:
        raise UsageError(
            f"{detector.place} was fitted by an older version of ganvas (format "
            f"{detector.facts.get('format', 1)}, needs {FORMAT}): fit it again"
        )
    if "tile" in detector.facts:
        raise UsageError(
            f"{detector.place} cuts large images into tiles, and is calibrated by whole ones: fit "
            "it again with the new good images"
        )


class Rewriter(tf.Module):
    """The old graph, and what replaces its score and p-value.

    Args:
        found, score: calibration images and their scores.
        judged: outputs of the signature `places` -> scores [N]; None: the score stays.
        facts: for the manifest, in place of the old ones.
    """

    def __init__(
        self,
        detector: Detector,
        found: Calibration,
        score: np.ndarray,
        alpha: float,
        judged: Callable[[Outputs], tf.Tensor] | None = None,
        facts: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self._detector, self._found, self._judged = detector, found, judged
        self._facts, self._score = facts or {}, score
        self.model = detector.model
        self.judged_by = judged if isinstance(judged, tf.Module) else None
        self.ranks = Ranks(list(found.promise.groups.values()))
        self.ranks.set(score, found.groups)
        self.alpha = tf.Variable(np.float32(alpha), trainable=False)
        for name in ("encode", "generate", "deepest"):  # of a GAN
            if hasattr(self.model, name):
                setattr(self, name, getattr(self.model, name))

    def write(self, out: Path) -> Detector:
        """Write the next version of a model folder."""
        old = self._detector
        with publishing(out, None) as (part, final):
            self._write(part, final.name)
            for name in (BASELINES, ROI):
                if (old.place / name).is_file():
                    shutil.copyfile(old.place / name, part / name)
            manifest.write(part, self._about)
        return Detector.load(final)

    def _write(self, part: Path, version: str) -> None:
        images = self._found.images
        kept = self._found.kept()
        if "scale" in (old := self._detector.kept()):
            kept["scale"] = old["scale"]
        spec = tf.TensorSpec((None, *images.shape[1:]), tf.uint8, "image")
        functions = {
            name: tf.function(self._function(name), input_signature=[spec], autograph=False)
            for name in self.model.signatures
        }
        apart = write_graphs(self, functions, self._function("serving_default"), images, part)
        write_kept(kept, part)
        facts = self._detector.facts
        self._about: dict[str, Any] = {
            **{name: value for name, value in facts.items() if name not in _OF_OLD},
            "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "alpha": float(self.alpha.numpy()),
            "parts": {**facts["parts"], "calibrate": len(images)},
            "promise": self._found.promise.to_dict(),
            "calibration": ranked(self._score),
            "calibrated": {
                "from": self._detector.place.name,
                "fingerprint": hashlib.sha256(images.tobytes()).hexdigest(),
            },
            "artefacts": {"saved_model": {}, LITERT: {"largest_error": apart}},
            **self._facts,
        }
        text = card(self._about, version)
        (part / "MODEL_CARD.md").write_text(text, encoding="utf-8")

    def _function(self, name: str) -> Callable[[tf.Tensor], Outputs]:
        """A signature of the old graph with the new score and p-value."""
        if name == "look":
            return lambda image: self.model.signatures["look"](image=image)
        if (score := self._judged) is None:
            return lambda image: self._replaced(self.model.signatures[name](image=image))
        wanted = set(self.model.signatures[name].structured_outputs)

        def judged(image: tf.Tensor) -> Outputs:
            # One call has all that is needed; what nobody reads is not computed.
            every = self.model.signatures["places"](image=image)
            found = self._replaced({**every, "score": score(every)})
            return {key: value for key, value in found.items() if key in wanted}

        return judged

    def _replaced(self, outputs: Outputs) -> Outputs:
        p_value = self.ranks(outputs["score"])
        return {**outputs, "p_value": p_value, "defective": flagged(p_value, self.alpha)}
