"""Generated images against real ones: what `ganvas evaluate` does."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..base.progress import reported, stage
from ..config import Gate
from ..data import Images, Options, header, load as load_images, options_for_others
from ..data.generated import read_generated
from ..errors import DataError, UsageError, no_such
from ..features.base import Extractor
from ..images.sheets import sheet
from ..sampling.sampler import Sampler, load
from ..storage import remote
from ..storage.run import Run
from .base import HELD_OUT, Comparison, Sample
from .copies import nearest
from .gate import judge
from .lost import lost_names
from .own_images import own_images
from .reference import reference_images
from .result import ClassShares, Evaluation, Grids
from .samples import describe, describe_source, extractor_for, pixels_of
from .scores import SCORES, score
from .truncation import curve
from .verdict import verdict_of

FEWEST = 10
MOST_TRAIN = 60_000
NEIGHBOURS = 5


@dataclass(frozen=True)
class Subject:
    """The fakes to score, and the real images that the scores need.

    Attributes:
        images: the fakes, uint8 [N, H, W, C].
        labels: their classes, int [N], numbered as in `real`; None without labels.
        real: the reference.
        spare: other real images, for floors; None if there are none.
        train: training images of the generator; None if they are not known.
        held: held-out images; None if there are too few.
        sampler: the generator of the fakes; None for a folder.
        gate: bounds of the run's recipe.
        model: file of the model within the run.
    """

    images: np.ndarray
    labels: np.ndarray | None
    real: Images
    spare: Images | None
    train: Images | None
    held: Images | None
    sampler: Sampler | None = None
    gate: Gate = field(default_factory=Gate)
    model: str = ""


@reported
def evaluate(
    fakes: Any,
    data: Any = None,
    *,
    metrics: Sequence[str] | None = None,
    n: int = 10_000,
    features: str | os.PathLike[str] = "auto",
    seed: int = 0,
    model: str = "best",
    labels: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Score generated images against real ones.

    Args:
        fakes: a run, or images: a folder, a .npz or .npy file, or a uint8 array.
        data: real images; None: the held-out images of the run, or its training images if fewer
            than 50 are held out.
        metrics: names of scores; None: all.
        n: maximum number of images of each kind.
        features: "digits", "general" or a model file; "auto" chooses by the real images.
        seed: of the noise of the fakes and of every random choice.
        model: of a run: "best" or "last".
        labels: a CSV file with the labels of `data`.
        progress: write to standard error first which images are compared.

    Raises:
        UsageError: no real images, an unknown score, or n < 10.
        DataError: fakes and real images have different shapes.
    """
    return measured(
        fakes, data, metrics=metrics, n=n, features=features, seed=seed, model=model,
        labels=labels, announce=True,
    )  # fmt: skip


def measured(
    fakes: Any, data: Any = None, *, metrics: Sequence[str] | None = None, n: int = 10_000,
    features: str | os.PathLike[str] = "auto", seed: int = 0, model: str = "best",
    labels: str | None = None, announce: bool = False,
) -> Evaluation:  # fmt: skip
    """As `evaluate`, as a part of other work: progress is reported if that of the caller is."""
    began = time.perf_counter()
    _check(data, metrics, n, labels)
    run = _run(fakes)
    began_pretrained = run is not None and bool(run.info.get("transfer"))
    given = (data, n, seed, labels)
    with stage("reading the images"):
        subject = _of_run(run, *given, model) if run else _of_images(fakes, *given)
        extractor = extractor_for(subject.real, features)
    if announce:
        _announce(subject, fakes, held=run is not None and data is None)
    comparison = _compare(subject, extractor, n, seed)
    scores = score(comparison, metrics)
    curves = {"precision", "recall"} <= set(scores)
    classes = _classes(comparison, extractor, subject)
    lost = lost_names(comparison, subject.real.names, classes) if "coverage" in scores else ()
    return Evaluation(
        n_real=len(comparison.real),
        n_fake=len(comparison.fake),
        features=extractor.name,
        features_sha256=extractor.sha256,
        resize=extractor.resize,
        scores=scores,
        gate=judge(subject.gate, scores),
        classes=classes,
        truncation=curve(subject.sampler, comparison, extractor, seed) if curves else (),
        pictures=_pictures(subject, comparison),
        model=subject.model,
        evaluated=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 1),
        verdict=verdict_of(comparison, scores, lost, pretrained=began_pretrained),
        lost_classes=lost,
    )


def _check(data: Any, metrics: Sequence[str] | None, n: int, labels: str | None) -> None:
    for name in metrics or ():
        if name not in SCORES:
            raise UsageError(no_such("score", name, SCORES))
    if n < FEWEST:
        raise UsageError(f"n must be >= {FEWEST}, got {n}: increase it")
    if labels and data is None:
        raise UsageError(f"labels ({labels}) are of other real images: give them by --data")


def _announce(subject: Subject, fakes: Any, held: bool) -> None:
    """Write which images are compared; `held`: with held-out images of the run, if it has any."""
    whole = subject.train if held and subject.train else subject.real
    kind = ("held-out" if subject.held else "training") if held else "real"
    header.show(
        whole,
        {"scored": f"{len(subject.images):,} images of {fakes}, against {subject.real.count:,} "
                   f"{kind} images"},
    )  # fmt: skip


def _run(fakes: Any) -> Run | None:
    if isinstance(fakes, (str, os.PathLike)) and (
        remote.address(fakes) or (Path(fakes) / "config.toml").is_file()
    ):
        return Run.open(fakes)
    return fakes if isinstance(fakes, Run) else None


def _of_run(run: Run, data: Any, n: int, seed: int, labels: str | None, model: str) -> Subject:
    config = run.config
    own, data = own_images(run, config, data)
    sampler = load(run, model)
    reference, kind = reference_images(own) if own else (None, "")
    held = reference if kind == HELD_OUT else None
    if data is None and own is None:
        raise UsageError(
            f"{run.folder} was trained on arrays, which are not stored: give real images by --data"
        )
    if data is None and reference is not None:
        real, spare = reference, own if held else None
    else:
        real, spare = load_images(data, options_for_others(config, labels)), None
    assert_same_shape(sampler.shape, real.shape)
    images = sampler.sample(n, seed=seed)
    drawn = sampler.labels(n, None, seed) if sampler.names else None
    path = sampler.file
    return Subject(
        images, _numbered(drawn, sampler.names, real.names), real, spare, own, held, sampler,
        config.gate, path.relative_to(run.folder).as_posix() if path else "",
    )  # fmt: skip


def _of_images(fakes: Any, data: Any, n: int, seed: int, labels: str | None) -> Subject:
    if data is None:
        raise UsageError("no real images to compare with: give them by --data")
    given = read_generated(fakes, FEWEST)
    height, width = size = given.shape[:2]
    options = Options(labels=labels or True, holdout=0, judged=True)
    real = load_images(data, options)
    smallest = real.report.sizes["smallest"]
    if real.shape[:2] != size and smallest[0] >= height and smallest[1] >= width:
        real = load_images(data, replace(options, size=size))
    assert_same_shape(given.shape, real.shape)
    rows = given.rows[np.random.default_rng([seed, 2]).permutation(given.count)[:n]]
    own = _numbered(given.labels[rows], given.names, real.names) if given.names else None
    train = real if is_training_part(data) else None
    return Subject(given.pixels(rows), own, real, None, train, None)


def assert_same_shape(fake: Sequence[int], real: Sequence[int]) -> None:
    """Raises: DataError: the images have different shapes."""
    if tuple(fake) != tuple(real):
        raise DataError(
            f"the generated images are {_size(fake)}, the real ones {_size(real)}: give real "
            "images with the same channels and at least the same size"
        )


def is_training_part(data: Any) -> bool:
    """Whether these images may be training images, by their name."""
    return not str(data).endswith((":test", ":val")) if isinstance(data, (str, Path)) else True


def _size(shape: Sequence[int]) -> str:
    size = "×".join(str(side) for side in shape[:2]) + " px"
    return f"{size} with {shape[2]} channel{'s' * (shape[2] > 1)}" if len(shape) > 2 else size


def _numbered(
    labels: np.ndarray | None, names: Sequence[str], real: Sequence[str]
) -> np.ndarray | None:
    """Labels, numbered as in the real images; None if the real images lack a class."""
    if labels is None or not set(names) <= set(real):
        return None
    return np.array([list(real).index(name) for name in names], np.int32)[labels]


def _compare(subject: Subject, extractor: Extractor, n: int, seed: int) -> Comparison:
    def some(source: Images | None, count: int) -> Sample | None:
        return describe_source(source, extractor, count, seed) if source else None

    fake = describe(subject.images, extractor, subject.labels)
    real = describe_source(subject.real, extractor, n, seed)
    spare = some(subject.spare, len(fake))
    if spare and len(spare) < len(fake):
        spare = None  # the floor depends on the number of images
    train = pixels_of(subject.train, MOST_TRAIN, seed) if subject.train else None
    held = pixels_of(subject.held, n, seed) if subject.held else None
    return Comparison(real, fake, spare, train, held, seed)


def _classes(comparison: Comparison, extractor: Extractor, subject: Subject) -> ClassShares | None:
    """Share of each class, predicted by the extractor; None if it has no such classes."""
    real, fake = comparison.real.probabilities, comparison.fake.probabilities
    if real is None or fake is None or not 1 < extractor.classes <= 50:
        return None
    shares = [np.bincount(p.argmax(1), minlength=extractor.classes) / len(p) for p in (real, fake)]
    known = subject.real.names
    names = known if len(known) == extractor.classes else range(extractor.classes)
    return ClassShares(
        names=tuple(str(name) for name in names),
        real=tuple(shares[0].round(4).tolist()),
        fake=tuple(shares[1].round(4).tolist()),
    )


def _pictures(subject: Subject, comparison: Comparison) -> Grids:
    real = subject.real.pixels(subject.real.rows[:64])
    neighbours = None
    if comparison.train is not None:
        shown = comparison.fake[:8]
        found, _ = nearest(shown, comparison.train, NEIGHBOURS)
        rows = np.concatenate(
            [np.concatenate([shown.pixels[i : i + 1], comparison.train.pixels[found[i]]])
             for i in range(len(shown))]
        )  # fmt: skip
        neighbours = sheet(rows, NEIGHBOURS + 1)
    return Grids(sheet(subject.images[:64], 8), sheet(real, 8), neighbours)
