"""From a recipe and images to a trained run: the wiring. Read this first.

config -> images -> networks -> GAN -> callbacks -> fit
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import tensorflow as tf

from .. import images as pictures
from ..base.files import disk_errors
from ..base.workers import task
from ..config import Config, load_recipe
from ..config.plan import Plan
from ..data import Images, options_of
from ..data import load as load_images
from ..errors import Advice, ConfigError, RunError, UsageError
from ..gan.model import GAN
from ..storage import remote
from ..storage.mirror import mirrored
from ..storage.run import Run, fresh
from . import replicas
from .assembly import Form, advice, assemble, settle
from .callbacks import real_grid, restore, take_weights
from .healing import play_and_heal, take_cure, untaken
from .loop import now, play

CHANGEABLE = (
    "train.kimg", "train.epochs", "train.tick_kimg", "train.learning_rate",
    "train.discriminator_learning_rate", "train.decay", "train.decay_to", "train.ema_kimg",
    "train.ema_ramp", "train.heal", "train.jit", "train.steps_per_execution", "train.strategy",
    "watch.", "scores.", "gate.", "privacy.epsilon",
)  # fmt: skip


@mirrored
def train(
    data: Any = None,
    recipe: str | os.PathLike | Config = "quick",
    *,
    run: str | os.PathLike | None = None,
    set: Mapping[str, Any] | None = None,
    start_from: str | os.PathLike | None = None,
    go_on: bool = False,
    progress: bool = True,
    each_tick: Callable[[Run], bool] | None = None,
) -> Run:
    """Train a GAN on images.

    Args:
        data: a folder, a .npy or .npz file, prepared shards, "mnist", "keras:NAME",
            "tfds:NAME", or uint8 arrays: images, or (images, labels); None: what the recipe
            names in data.source.
        recipe: a name (see `ganvas recipes`), a .toml file, or a Config.
        run: folder to make; default runs/DATE-DATA-RECIPE. At an address such as gs://B/RUN, it
            is worked on here and sent after each tick.
        set: recipe values to change, by dotted key: {"train.kimg": 500}.
        start_from: another run, whose weights to start from (fine-tuning).
        go_on: where `run` holds a run already, resume it: for schedulers, which start what
            died with the same words.
        progress: show a live line, or a line per tick where there is no terminal.
        each_tick: called with the run after each tick, when its log and state are written;
            where it answers True, the run is stopped, and can go on.

    Returns: the run; `ganvas.load(run).sample(64)` draws from it. Its `status()` is
        "finished", or "interrupted" after Ctrl-C (`resume` goes on).
    Raises: UsageError: what was asked for cannot be done; Diverged: a number went to infinity.
    """
    worker, workers = task()
    follows = worker > 0  # it plays along, and the chief writes
    if workers > 1 and run is None:
        raise UsageError("several workers need one folder that all of them can read: name a run")
    if go_on and run is not None and (Run(run).folder / "config.toml").is_file():
        return resume(run, data=data, progress=progress, each_tick=each_tick)
    if run is not None and not follows:
        Run.check_free(run)  # before the images are read, which may take long
    if start_from:
        parent = remote.address(start_from) or str(Run.open(start_from).folder.absolute())
        recipe = read(recipe, {"parent": parent})
    config = read(recipe, set)
    strategy = replicas.strategy_of(config.train.strategy)  # before TensorFlow does anything else
    replicas.check(config, strategy.num_replicas_in_sync, task()[1])
    config, source = prepare(data, config, None)
    with strategy.scope():
        gan, plan = assemble(config, source)
        anew = take_parent(gan, config)
    if follows:
        followed = Run(run)  # type: ignore[arg-type]
        play(followed, gan, plan, source, config, False)
        return followed
    tell(source, progress)
    new = Run.create(run, _words(config), config)
    with new.locked():
        introduce(new, describe(config, source, anew), source)
        play_and_heal(new, gan, plan, source, config, progress, each_tick)
    return new


def _words(config: Config) -> str:
    """What a run is called where no name was given: after its images and its recipe."""
    word = Path(config.data.source.rstrip("/")).name or "images"
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{word}-{config.recipe}").strip("-").lower()


def name(data: Any, recipe: Config) -> Path:
    """The folder that `train` makes where none is named; it is not made yet."""
    if isinstance(data, (str, os.PathLike)):
        recipe = recipe.with_values({"data.source": os.fspath(data)})
    return fresh(Path("runs"), _words(recipe)).absolute()


@mirrored
def resume(
    run: str | os.PathLike,
    *,
    data: Any = None,
    set: Mapping[str, Any] | None = None,
    progress: bool = True,
    each_tick: Callable[[Run], bool] | None = None,
) -> Run:
    """Go on exactly where a run stopped, also after `kill -9`.

    Args:
        run: its folder.
        data: the images again, where the run was given arrays; else they are found by name.
        set: values to change; only what leaves networks and image stream as they are.
        each_tick: as for `train`.

    Raises: RunError: no run, in use, or its images changed since.
    """
    old = Run.open(run)
    for key in set or {}:
        if not key.startswith(CHANGEABLE):
            raise ConfigError(
                f"{key} cannot change within a run: what can is {', '.join(CHANGEABLE)}; "
                f"for anything else start a new run with --from {old.folder}"
            )
    with contextlib.nullcontext() if (follows := task()[0] > 0) else old.locked():
        before = old.config
        config = read(before.with_values(untaken(old)), set)
        strategy = replicas.strategy_of(config.train.strategy)
        replicas.check(config, strategy.num_replicas_in_sync, task()[1])
        config, source = prepare(data, config, None)
        fingerprint = old.info.get("data", {}).get("fingerprint")
        if fingerprint and fingerprint != source.fingerprint:
            raise RunError(
                f"the images of {old.folder} changed since it began "
                f"({config.data.source or 'arrays'}): put them back, or start a new run with "
                f"--from {old.folder}"
            )
        with strategy.scope():
            gan, plan, anew = continued(old, config, source)
        if follows:
            play(old, gan, plan, source, config, False)
            return old
        old.forget_after(int(gan.step.numpy()))
        introduce(old, {**describe(config, source, anew), **old.info}, source)
        if config != before:
            old.write("config.toml", config.toml())
        play_and_heal(old, gan, plan, source, config, progress, each_tick)
    return old


def continued(run: Run, config: Config, source: Images) -> tuple[GAN, Plan, list[str]]:
    """The game where it stood, and the names of weights that start anew."""
    if untaken(run):  # a kill came between the writing down of a cure and the taking
        return *take_cure(run, config, source), []
    gan, plan = assemble(config, source)
    state = run.load_state()
    if state:
        restore(gan, state)
    return gan, plan, [] if state else take_parent(gan, config)


def load_game(run: str | os.PathLike) -> GAN:
    """Both players as a run left them last, for whoever looks inside: its discriminator's
    features, its logits. To draw images, `ganvas.load` is enough.

    Returns: the game, compiled; its images are not needed and not read.
    Raises: RunError: no run, or nothing saved yet.
    """
    old = Run.open(run)
    state = old.load_state()
    if state is None:
        raise RunError(f"{old.folder} has no state yet: train it for at least one tick")
    about = old.info["data"]
    gan, _ = assemble(old.config, Form(tuple(about["shape"]), len(about["class_shares"])))
    restore(gan, state)
    return gan


def introduce(run: Run, about: Mapping[str, Any], source: Images) -> None:
    """What a run says of itself and its images before the first step.

    A run that goes on calls it too: a kill may have come before all of it was written.
    """
    reals = run.folder / "samples" / "reals.png"
    run.write_json("run.json", about)
    run.write_json("data.json", source.report.to_dict())
    if not reals.exists():
        with disk_errors(reals):
            pictures.write_png(reals, real_grid(source))


def read(recipe: str | os.PathLike | Config, values: Mapping[str, Any] | None) -> Config:
    """A recipe by any word for it, with values changed. Needs no TensorFlow."""
    config = recipe if isinstance(recipe, Config) else load_recipe(recipe)
    return config.with_values(values or {})


def prepare(
    data: Any,
    recipe: str | os.PathLike | Config,
    values: Mapping[str, Any] | None,
) -> tuple[Config, Images]:
    """Read the recipe, check the images, and settle what depends on them."""
    config = read(recipe, values)
    data = config.data.source if data is None else data
    named = isinstance(data, (str, os.PathLike)) and os.fspath(data)
    word = (remote.address(data) or str(remote.path(data))) if named else ""
    if isinstance(data, str) and not word:
        raise UsageError("no images are given, and the recipe names none in data.source: name them")
    file = word.partition(":")[0]
    if word and (Path(word).exists() or file.endswith((".npz", ".npy"))):
        word = str(Path(word).absolute())  # a run can be resumed from any folder
    for sentence in advice(config):
        warnings.warn(sentence, Advice, stacklevel=3)
    source = load_images(data, options_of(config))
    return settle(config, source, word), source


def take_parent(gan: GAN, config: Config) -> list[str]:
    """Start from the weights of the run that the recipe names, if it names one.

    Returns: the names of weights that have another shape and start anew.
    """
    if not config.parent:
        return []
    state = Run.open(config.parent).load_state()
    if state is None:
        raise RunError(f"{config.parent} has no state yet: train it for at least one tick")
    return take_weights(gan, state)


def tell(source: Images, aloud: bool) -> None:
    """What the checkup found, a line each on standard error; data.json has it all."""
    for sentence in source.report.warnings if aloud else ():
        sys.stderr.write(f"note: {sentence}\n")


def describe(config: Config, source: Images, anew: list[str]) -> dict[str, Any]:
    """run.json: where this run comes from."""
    return {
        "status": "running",
        "created": now(),
        "command": shlex.join(sys.argv),
        "recipe": config.recipe,
        "seed": config.train.seed,
        "data": {
            "source": config.data.source,
            "fingerprint": source.fingerprint,
            "count": source.count,
            "shape": list(source.shape),
            "names": list(source.names),
            "class_counts": list(source.class_counts),
            "class_shares": list(source.class_shares),
        },
        "parent": config.parent or None,
        "started_anew": anew,
        "versions": versions(),
        "devices": devices(),
    }


def versions() -> dict[str, str]:
    """What this process runs on."""
    words = {name: metadata.version(name) for name in ("ganvas", "tensorflow", "keras", "numpy")}
    return {**words, "python": platform.python_version(), "platform": platform.platform()}


def devices() -> list[str]:
    """Every device TensorFlow sees, as "CPU" or the GPU's name."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    return [*names, f"CPU ({os.cpu_count()} cores)"]
