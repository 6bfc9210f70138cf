"""The subject of an audit: a generator or its images, training images, held-out images."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...data import Images, Options, options_of
from ...data.generated import read_generated
from ...data.sources import load as load_images
from ...errors import DataError, RunError, UsageError
from ...evaluation.samples import shrink
from ...evaluation.subject import assert_same_shape
from ...images import Levels
from ...sampling.sampler import Sampler, load
from ...storage.manifest import is_model, verify
from ...storage.remote import trusted
from ...storage.run import Run
from . import people as identities
from .part import Part

MOST = 60_000  # images of a part that are used
FEWEST = 20
LEAST_SHARE = 20  # a holdout below a twentieth of the training images is refused
_CHUNK = 1000


@dataclass(frozen=True)
class Case:
    """The data that the tests read.

    Attributes:
        name: of the audited run, model or images.
        fakes: uint8 [N, H, W, C]; noise [N, Z] and labels [N] where they were drawn here.
        names: of the classes that `labels` number; the same in both parts.
        sampler: the generator; None for a folder of images.
        run: None where there is no discriminator.
        bound: the guarantee of differential privacy, as in run.json; None without one.
        notes: cautions for the reader of the report.
        seed: of every random choice.
    """

    name: str
    fakes: np.ndarray
    train: Part
    holdout: Part
    labels: np.ndarray | None = None
    noise: np.ndarray | None = None
    names: tuple[str, ...] = ()
    sampler: Sampler | None = None
    run: Run | None = None
    bound: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    seed: int = 0

    @property
    def people(self) -> np.ndarray | None:
        """Who is on the images of both parts, training part first; None where they are not people
        (classes that occur in both parts) or not known."""
        train, holdout = self.train.people, self.holdout.people
        if train is None or holdout is None or set(train) & set(holdout):
            return None
        return np.concatenate([train, holdout])

    @property
    def units(self) -> tuple[int, int]:
        """How many can be trained on or held out independently: people where they are known, else
        images."""
        parts = self.train, self.holdout
        if self.people is None:
            return len(parts[0]), len(parts[1])
        counts = [len(np.unique(np.asarray(part.people))) for part in parts]
        return counts[0], counts[1]

    @property
    def places(self) -> np.ndarray:
        """Names of the images of both parts, text: paths, or train/ROW and holdout/ROW."""
        named = []
        for name, part in (("train", self.train), ("holdout", self.holdout)):
            places = part.source.places
            named += [places[row] if places else f"{name}/{row}" for row in part.rows]
        return np.array(named)

    @property
    def small(self) -> np.ndarray:
        """The fakes, at most 32 pixels a side."""
        return shrink(self.fakes)


def gather(
    subject: Any, train: Any, holdout: Any, identity: Any, n: int, seed: int, model: str = "best"
) -> Case:
    """Read all data, and refuse images with which no audit is valid.

    Raises: UsageError, DataError: see docs/reference/privacy.md.
    """
    sampler, run, drawn = _subject(subject, n, seed, model)
    shape = sampler.shape if sampler else drawn.shape
    notes: list[str] = []
    trained = _source(train, shape, run, notes, "train")
    if holdout is None:
        held = trained.held_out()
    else:
        held = _source(holdout, shape, None, notes, "holdout", trained.levels)
    if held is None:
        raise UsageError("no training images were held out: give other images by --holdout")
    parts = _part(trained, seed), _part(held, seed)
    _refuse_overlap(trained, held)
    _refuse_few(parts[0], parts[1], notes)
    parts, names = _labelled(*parts)
    parts = identities.identified(*parts, identity)
    fakes, labels, noise = _images(sampler, drawn, n, seed, names)
    name = str(subject) if isinstance(subject, (str, os.PathLike)) else "arrays"
    return Case(
        name, fakes, *parts, labels, noise, names, sampler, run, _bound(subject, run), notes, seed
    )


def _bound(subject: Any, run: Run | None) -> dict[str, Any] | None:
    if run:
        return run.info.get("privacy")
    model = isinstance(subject, (str, os.PathLike)) and is_model(subject)
    return verify(subject).get("privacy") if model else None


def training_images(run: Any, train: Any, model: str = "best") -> tuple[Sampler, Images]:
    """A run's generator, and its training images in the generator's shape."""
    sampler, opened, _ = _subject(run, 0, 0, model)
    if sampler is None:
        raise UsageError(f"{run} must be a run, but contains images: give a run folder")
    return sampler, _source(train, sampler.shape, opened, [], "train")


def _subject(subject: Any, n: int, seed: int, model: str) -> tuple[Sampler | None, Run | None, Any]:
    if isinstance(subject, Sampler):
        return subject, None, None
    path = isinstance(subject, (str, os.PathLike))
    if path and is_model(subject):
        return load(subject), None, None
    if path and (Path(subject) / "config.toml").is_file():
        run = Run.open(subject)
        return load(run, model), run, None
    return None, None, read_generated(subject, FEWEST)


def _images(
    sampler: Sampler | None, drawn: Any, n: int, seed: int, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    if sampler:
        noise, labels = sampler.noise(n, seed), sampler.labels(n, None, seed)
        return sampler.decode(noise, labels), labels, noise
    rows = drawn.rows[np.random.default_rng([seed, 2]).permutation(drawn.count)[:n]]
    labels = drawn.labels[rows] if drawn.names and tuple(drawn.names) == names else None
    return drawn.pixels(rows), labels, None


def _source(
    data: Any,
    shape: Any,
    run: Run | None,
    notes: list[str],
    option: str,
    levels: Levels = "auto",
) -> Images:
    config = run.config if run else None
    if data is None and not (config and config.data.source):
        raise UsageError(f"the training images are not known: give them by --{option}")
    own = config and config.data.source and (data is None or _same(data, config.data.source))
    if own and run and config:
        if data is None:
            trusted(config.data.source)
        known = run.images.get("fingerprint", "")
        source = load_images(config.data.source, replace(options_of(config, run), balanced=False))
        if source.fingerprint != known:
            raise RunError(
                f"the images of {run.folder} have changed since its training "
                f"({config.data.source}): restore them, or train again"
            )
        if source.names:
            return source
        # The run was trained without labels, or with groups in their place; they may name people.
        plain = replace(options_of(config), labels=True, balanced=False, clusters=0)
        named = load_images(config.data.source, plain)
        # The holdout stays that of the run.
        if np.array_equal(named.file_hashes, source.file_hashes):
            source.names, source.labels, source.classes = named.names, named.labels, named.classes
        return source
    if config and config.data.source:
        levels = config.data.levels
    plain = Options(holdout=0, levels=levels, judged=True)
    source = load_images(data, plain)
    if source.shape != tuple(shape):
        smallest = source.report.sizes["smallest"]
        if smallest[0] < shape[0] or smallest[1] < shape[1]:
            assert_same_shape(shape, (*smallest, source.shape[2]))
        source = load_images(data, replace(plain, size=shape[:2], channels=shape[2]))
    if run and option == "train":
        notes.append(
            "The run was trained on other files or on arrays: the audit assumes that these are its "
            "training images."
        )
    return source


def _same(data: Any, source: str) -> bool:
    """Whether both name the same images."""
    if not isinstance(data, (str, os.PathLike)):
        return False
    name = os.fspath(data)
    return name == source or (Path(name).exists() and str(Path(name).absolute()) == source)


def _part(source: Images, seed: int) -> Part:
    chosen = np.random.default_rng([seed, 4]).permutation(source.count)[:MOST]
    rows = np.sort(source.rows[chosen])
    pieces = [shrink(source.pixels(rows[i : i + _CHUNK])) for i in range(0, len(rows), _CHUNK)]
    return Part(source, rows, np.concatenate(pieces))


def _refuse_overlap(train: Images, holdout: Images) -> None:
    def digests(source: Images) -> set[bytes]:
        return {
            image.tobytes()
            for i in range(0, source.count, _CHUNK)
            for image in source.pixels(source.rows[i : i + _CHUNK])
        }

    shared = len(digests(train) & digests(holdout))
    if shared:
        what = "1 image is" if shared == 1 else f"{shared} images are"
        raise DataError(
            f"{what} in both the training part and the holdout: remove them from one part"
        )


def _refuse_few(train: Part, holdout: Part, notes: list[str]) -> None:
    if min(len(train), len(holdout)) < FEWEST:
        raise DataError(
            f"at least {FEWEST} training and {FEWEST} held-out images are needed, got {len(train)} "
            f"and {len(holdout)}: give more"
        )
    if LEAST_SHARE * len(holdout) < len(train):
        raise DataError(
            f"the holdout must have at least {-(-len(train) // LEAST_SHARE)} images "
            f"(1/{LEAST_SHARE} of the {len(train)} training images), got {len(holdout)}: hold out "
            "more"
        )
    if 2 * len(holdout) < len(train):
        notes.append(
            f"The holdout has {len(holdout):,} images and the training part {len(train):,}: a "
            "holdout of the same size would detect smaller leaks."
        )


def _labelled(train: Part, holdout: Part) -> tuple[tuple[Part, Part], tuple[str, ...]]:
    """Labels, where both parts have the same classes."""
    names = tuple(train.source.names)
    if not names or tuple(holdout.source.names) != names:
        return (train, holdout), ()
    both = [replace(part, labels=part.source.labels[part.rows]) for part in (train, holdout)]
    return (both[0], both[1]), names
