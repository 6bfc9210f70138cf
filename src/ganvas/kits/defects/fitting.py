"""`ganvas defects fit`: good images -> a calibrated model folder that can be served."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...base.progress import reported, say
from ...config import Config
from ...exporting.publish import check_free, publishing
from ...storage.job import begin
from . import encoder as encoders, feature_parts, training
from .baselines import Baselines
from .choosing import Choice, choose, wants_gan
from .cross import CrossScorer
from .dealing import MEMORY, Dealt, counts, read_and_deal, some_patches, summary
from .detector import Detector
from .feature_parts import FeatureParts
from .findable import Findable, findable
from .folder import publish
from .frozen import Frozen
from .options import DETAILS, WithGan, check_options
from .patch_parts import GanParts, PixelParts
from .patches import Grid
from .planting import LARGE, SIZES, plant
from .roi import Roi, read_roi
from .scorer import Scorer, spread_of

WORK, REQUEST = "work", "fit.json"
KIMG = 64.0
ENCODER_STEPS = 250
PLANTED = 480
"""About how many defects are planted to choose the parts."""


@reported
def fit(
    good: Any,
    out: str | os.PathLike[str],
    *,
    alpha: float = 0.05,
    size: tuple[int, int] | None = None,
    detail: int = DETAILS[0],
    with_gan: WithGan = "auto",
    patch: int | None = None,
    kimg: float = KIMG,
    encoder_steps: int = ENCODER_STEPS,
    seed: int = 0,
    all_good: bool = False,
    groups: str | Sequence[str] | None = None,
    cross: bool = False,
    roi: Any = None,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Detector:
    """Learn from good images, and write OUT/N/: a detector that `ganvas serve` serves.

    If it is stopped while it trains a GAN, a call with the same arguments resumes it.

    Args:
        good: images of good parts only: a folder, an .npz or .npy file, or uint8 [N, H, W(, C)].
        out: the model's folder, of versions.
        alpha: the share of good images that it may flag. It is guaranteed, and at least
            1 / alpha - 1 good images are needed for calibration alone.
        size: (height, width) to resize images to while fitting; images to score must have this
            size.
        detail: pixels of the longer side, as the frozen network sees it: 128, or 256 for smaller
            defects in four times the time.
        with_gan: whether a GAN is trained too, whose parts then compete in the choice: "yes", "no",
            or "auto": see `choosing.wants_gan`.
        patch: side of the patches in pixels that pixels and GAN are compared by, 16 to 64; None: a
            small square image is one patch, else 32.
        kimg, encoder_steps: lengths of the GAN's training, in thousand images, and the encoder's.
        seed: of every random choice; all_good: the images' classes, if any, are all good.
        groups: "folder" (sub-folders or labels), FILE.csv or FILE.csv:COLUMN, or a name for each
            image: lamps or batches. None is split between two uses, and each one calibrates.
        cross: calibrate by all images but a few, for 30 to 60 images. Without a GAN; the
            guarantee is twice alpha.
        roi: the region of interest: a file (white: inspected) or bool [H, W]; None: everything.
        overrides: values of the GAN's recipe to change, by dotted key.
        progress: report progress on standard error.

    Returns: the detector, as `Detector.load(out)` gives it.
    Raises: DataError: too few images, several sizes, or labels; nothing was written.
    """
    check_options(with_gan, detail, groups, cross, roi)
    given = read_and_deal(
        good, alpha, size=size, all_good=all_good, groups=groups, cross=cross, seed=seed
    )
    given, region = _within(given, roi)
    grid = Grid(given.images.shape[1:3], patch)
    number, config = check_free(Path(out), None), training.recipe(kimg, seed, overrides or {})
    facts = {"alpha": alpha, "detail": detail, "patch": grid.side, "seed": seed}
    steps, length = Steps(given, grid, facts, Path(out), number, progress, region), {"kimg": kimg}
    length["encoder_steps"] = encoder_steps
    return steps.crossed() if cross else steps.split(with_gan, config, length)


class Steps:
    """The steps of a fit, and what they share; `facts` are the options that a model depends on."""

    def __init__(
        self, given: Dealt, grid: Grid, facts: dict[str, Any], out: Path, number: int,
        progress: bool, roi: Roi | None = None,
    ):  # fmt: skip
        self.given, self.grid, self.facts = given, grid, facts
        self.images, self.parts = given.images, given.parts
        self.out, self.number, self.progress, self.roi = out, number, progress, roi
        self.facts["fingerprint"] = hashlib.sha256(self.images.tobytes()).hexdigest()
        self.message(f"{len(self.images)} good images: {summary(self.parts)}")
        self.patches = some_patches(self.images[self.parts.learn], grid, facts["seed"])

    def split(self, with_gan: WithGan, config: Config, length: dict[str, Any]) -> Detector:
        """Learn, choose the parts, calibrate by images of their own, and write the model folder.

        Args: length: facts of the training of a GAN.
        """
        scorer = self.without_gan()
        choice = None if with_gan == "yes" else self.chosen(scorer)
        if choice is None or wants_gan(with_gan, self.grid.count == 1, choice.auroc):
            self.facts |= length
            scorer = self.with_gan(scorer, config)
            choice = self.chosen(scorer)
        return self.published(scorer, choice)

    def without_gan(self) -> Scorer:
        """Densities of frozen features and of pixels."""
        learn, seed = self.images[self.parts.learn], self.facts["seed"]
        frozen = Frozen(self.images.shape[1:], self.facts["detail"])
        features = FeatureParts(frozen, feature_parts.fit(frozen, learn, seed))
        pixels = PixelParts(PixelParts.fit(self.patches))
        held = list(self.given.promise.groups.values())
        return Scorer(self.grid, features, pixels, held, roi=self.roi)

    def with_gan(self, scorer: Scorer, config: Config) -> Scorer:
        """The same, with a GAN that is trained, resumed, or read from the work folder."""
        recipe = hashlib.sha256(config.toml().encode()).hexdigest()
        work = _begun(self.out / WORK / str(self.number), {**self.facts, "recipe": recipe})
        self.message("training the GAN")
        gan = training.train_gan(self.patches, work / "gan", config, progress=self.progress)
        self.message("training the encoder")
        encoder = encoders.train(
            gan, self.patches, work / "encoder.npz", steps=self.facts["encoder_steps"],
            seed=self.facts["seed"],
        )  # fmt: skip
        trained = GanParts(gan, encoder, GanParts.fit(gan, self.patches))
        held = list(self.given.promise.groups.values())
        return Scorer(self.grid, scorer.features, scorer.pixels, held, trained, self.roi)

    def chosen(self, scorer: Scorer) -> Choice:
        """The parts that the scorer uses from now on."""
        self.message("choosing the parts by planted defects")
        return chosen(scorer, self.images[self.parts.scale], self.facts["seed"])

    def published(self, scorer: Scorer, choice: Choice) -> Detector:
        """Calibrate the scorer and write the model folder."""
        self.message(f"chosen: {', '.join(choice.parts)}; calibrating")
        scale, held = self.images[self.parts.scale], self.images[self.parts.calibrate]
        calibrate(scorer, scale, held, self.facts["alpha"], self.given.groups)
        groups = {} if self.given.groups is None else {"groups": self.given.groups}
        kept = {"x": held, "scale": scale, **groups}
        peaks, found = self.peaks(scorer), self.findable(scorer)
        facts: dict[str, Any] = {"choice": choice.to_dict(), "peaks": peaks}
        facts["findable"] = found.to_dict()
        facts |= {"roi": round(self.roi.share, 4)} if self.roi else {}
        return self._written(scorer, kept, facts)

    def crossed(self) -> Detector:
        """Calibrate each image by the others, and write the model folder."""
        frozen = Frozen(self.images.shape[1:], self.facts["detail"])
        whole, alpha = self.grid.count == 1, self.facts["alpha"]
        scorer = CrossScorer(self.grid, frozen, self.images, self.parts, alpha, whole)
        return self._written(scorer, {"x": self.images[self.parts.calibrate]}, {})

    def _written(
        self, scorer: Scorer | CrossScorer, kept: dict[str, np.ndarray], facts: dict[str, Any]
    ) -> Detector:
        baselines = Baselines.fit(self.patches, self.grid)
        self.message("writing the model folder")
        about = {
            "parts": counts(self.parts), **self.facts, "patches": self.grid.count,
            "levels": self.given.levels, "promise": self.given.promise.to_dict(), **facts,
        }  # fmt: skip
        with publishing(self.out, self.number) as (part, final):
            publish(scorer, baselines, kept, about, part, final.name)
        return Detector.load(final)

    def peaks(self, scorer: Scorer) -> list[float]:
        """The highest heat of each calibration image."""
        highest = traced(lambda image: tf.reduce_max(scorer(image)["heatmap"], (1, 2)))
        found = in_batches(highest, self.images[self.parts.calibrate], scorer.batch())
        return [round(float(one), 5) for one in found]

    def findable(self, scorer: Scorer) -> Findable:
        """What is found of defects that are planted into calibration images."""
        self.message("measuring which planted defects are found")
        verdict = traced(lambda image: scorer.verdict(image)["p_value"])
        return findable(
            lambda images: in_batches(verdict, images, scorer.batch()),
            self.images[self.parts.calibrate], self.facts["alpha"], self.facts["seed"],
            whole=self.grid.count == 1, roi=None if self.roi is None else self.roi.mask,
        )  # fmt: skip

    def message(self, text: str) -> None:
        if self.progress:
            say(text)


def _within(given: Dealt, roi: Any) -> tuple[Dealt, Roi | None]:
    """The images, filled outside of a region of interest, and the region."""
    if roi is None:
        return given, None
    region = Roi.of(read_roi(roi, given.images.shape[1:3]), given.images[given.parts.learn])
    return given._replace(images=region.inside(given.images)), region


def chosen(scorer: Scorer, scale: np.ndarray, seed: int) -> Choice:
    """Scale the parts of a scorer, choose those that it uses, and set both.

    Args:
        scale: good images that nothing was learnt from, uint8 [N, H, W, C].
        seed: of the planted defects.
    """
    measure, size = traced(scorer.measure), scorer.batch(scorer.names)
    logs = in_batches(measure, scale, size)
    scorer.centre.assign(logs.mean(0))
    scorer.spread.assign(np.maximum(logs.std(0), 1e-3))
    times = max(1, round(PLANTED / len(scale)))
    each = max(1, int(MEMORY / (times * scale[0].nbytes)))
    bad: list[np.ndarray] = []
    kinds: list[str] = []
    for start in range(0, len(scale), each):
        rows = range(start, min(len(scale), start + each))
        sizes = LARGE if scorer.grid.count == 1 else SIZES
        within = None if scorer.roi is None else scorer.roi.mask
        planted = plant(scale, times, seed, rows=rows, sizes=sizes, within=within)
        bad.append(in_batches(measure, planted.images, size))
        kinds += planted.kinds
    centre, spread = scorer.centre.numpy(), scorer.spread.numpy()
    planted_logs = np.concatenate(bad)
    choice = choose(
        (logs - centre) / spread, (planted_logs - centre) / spread, scorer.names, kinds,
        whole=scorer.grid.count == 1,
    )  # fmt: skip
    scorer.use(choice.parts)
    return choice


def calibrate(
    scorer: Scorer, scale: np.ndarray, held: np.ndarray, alpha: float,
    groups: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Set the scale of heat-maps and the calibration of a scorer by good images that nothing was
    learnt from, uint8 each.

    Args: groups: of `held`, see `Ranks.set`.
    """
    run = traced(scorer.maps)
    sums: list[Any] = [0.0] * len(scorer.drawn)
    squares = list(sums)
    for batch in _batches(scale, scorer.batch()):
        for i, one in enumerate(run(batch)):
            sums[i] = sums[i] + one.numpy().astype(np.float64).sum(0)
            squares[i] = squares[i] + np.square(one.numpy().astype(np.float64)).sum(0)
    for i in range(len(sums)):
        mean = sums[i] / len(scale)
        scorer.usual[i].assign(mean)
        scorer.varying[i].assign(spread_of(squares[i] / len(scale), mean))
    verdict = traced(lambda image: scorer.verdict(image)["score"])
    scorer.ranks.set(in_batches(verdict, held, scorer.batch()), groups)
    scorer.alpha.assign(alpha)


def traced(call: Callable[..., Any]) -> Callable[..., Any]:
    return tf.function(call, autograph=False, reduce_retracing=True)


def _batches(images: np.ndarray, size: int) -> Iterator[tf.Tensor]:
    for start in range(0, len(images), size):
        yield tf.constant(images[start : start + size])


def in_batches(run: Callable[..., Any], images: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([run(batch).numpy() for batch in _batches(images, size)])


def _begun(work: Path, request: Mapping[str, Any]) -> Path:
    """The folder of intermediate results, for this request. Raises: RunError: for another one."""
    if not (work / REQUEST).is_file():
        shutil.rmtree(work, ignore_errors=True)  # remains of a work folder that was removed
    begin(work, request, REQUEST)
    return work
