"""From a recipe and images to a trained run: all parts are connected here. Read this first.

config -> images -> networks -> GAN -> callbacks -> fit
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..base.keras_files import limited
from ..base.progress import reported
from ..base.types import StrPath
from ..base.workers import task
from ..config import Config
from ..data.header import show_request
from ..errors import RunError, UsageError
from ..gan.model import GAN
from ..storage.mirror import mirrored
from ..storage.run import Run, fresh
from . import replicas
from .assembly import Form, assemble, import_own_parts
from .beginning import Begun, begin, settle_parent, told
from .callbacks import restore, state_of
from .choosing import AUTO, check_changes, check_place, choose, read
from .healing import apply_fix, fit, pending_fix
from .own_callbacks import check_callbacks
from .own_networks import own_networks
from .preparing import prepare
from .provenance import announce, check_images, describe, known_of, write_documents
from .session import Session
from .timing import Since, Timed, fit_to_time


@mirrored
@reported
def train(
    data: Any = None,
    recipe: StrPath | Config | None = None,
    *,
    run: StrPath | None = None,
    overrides: Mapping[str, Any] | None = None,
    start_from: StrPath | None = None,
    go_on: bool = False,
    networks: Sequence[keras.Model] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = True,
    each_tick: Callable[[Run], bool] | None = None,
) -> Run:
    """Train a GAN on images.

    Args:
        data: a folder, a .npy or .npz file, prepared shards, "mnist", "keras:NAME", "tfds:NAME";
            images or (images, labels) in memory: an array of uint8, or of floats in [0, 1] or
            [-1, 1], a list of Pillow's, a finite `tf.data.Dataset`; None: the recipe's.
        recipe: a name (see `ganvas recipes`), a .toml file, or a Config; None or "auto": chosen by
            the images and this machine, from the nearest pretrained pair, for one's own images; for
            built-in ones, with `networks`, and with `start_from` "none" it is `quick`.
        run: folder to make; default runs/DATE-DATA-RECIPE. With an address such as gs://B/RUN, it
            is trained in a local folder and uploaded after each tick.
        overrides: recipe values to change, by dotted key: {"train.kimg": 500}, or
            {"train.minutes": 10} for a run of that duration.
        start_from: where to begin: the name of a pretrained pair, "auto" (the nearest one), another
            run, a file (.npz, a pair; .keras, a generator), or "none": from noise.
        go_on: if `run` holds a run already, resume it: for schedulers, which restart a failed
            job with the same arguments.
        networks: Keras models (generator, discriminator), see `gan.networks.Given`.
        callbacks: Keras's, for which an epoch is a tick.
        progress: show a live line, or a line per tick if there is no terminal.
        each_tick: called with the run after each tick, when its log and state are written; if it
            returns True, the run stops, and can be resumed.

    Returns: the run; `ganvas.load(run).sample(64)` draws from it. Its `status()` is
        "finished", or "interrupted" after Ctrl-C (`resume` continues it).
    Raises: UsageError: the request cannot be done; Diverged: a number became NaN or infinite.
    """
    since, own = Since(), own_networks(networks, start_from)
    if task()[1] > 1 and run is None:
        raise UsageError("several workers need one folder that all of them can read: give --run")
    more: dict[str, Any] = {"callbacks": callbacks, "progress": progress, "each_tick": each_tick}
    if go_on and run is not None and (Run(run).folder / "config.toml").is_file():
        return resume(run, data=data, custom_objects=own.classes, **more)
    recipe = "quick" if own.values and recipe in (None, AUTO) else recipe
    with keras.saving.custom_object_scope(own.classes):
        if run is not None and task()[0] == 0:
            Run.check_free(run)  # before images are read, which may take long
        config = choose(data, recipe, {**own.values, **(overrides or {})}, start_from)
        show_request(config, data, networks=own.text)
        made = _run(_session(config, data, given=own.weights, **more), run, since)
    made.custom_objects = own.classes
    return made


def _run(session: Session, folder: StrPath | None, since: Since) -> Run:
    """Make the run's folder and train it, or follow the worker that does."""
    begun, timed = _started(session, since)
    if task()[0] > 0:  # it trains with the others, and only the chief writes
        session.run = Run(folder)  # type: ignore[arg-type]
        fit(session)
        return session.run
    config = session.config
    session.run = Run.create(folder, _run_name(config), config)
    if session.progress:
        announce(config, session.source, session.run.where, told(begun, session.why), timed)
    with session.run.locked():
        write_documents(session.run, describe(config, session.source, begun, timed), session.source)
        if session.given:  # config.toml does not hold the weights with which they began
            session.run.save_state(0, state_of(session.gan))
        fit(session)
    return session.run


def _run_name(config: Config) -> str:
    """The default name of a run, without the date: of its images and its recipe."""
    images = Path(config.data.source.rstrip("/")).name or "images"
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{images}-{config.recipe}").strip("-").lower()


def name(data: Any, recipe: Config) -> Path:
    """A new and empty folder, of the name that `train` gives by default."""
    if isinstance(data, (str, os.PathLike)):
        recipe = recipe.with_values({"data.source": os.fspath(data)})
    return fresh(Path("runs"), _run_name(recipe)).absolute()


@mirrored
@reported
def resume(
    run: StrPath,
    *,
    data: Any = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    custom_objects: Mapping[str, Any] | None = None,
    progress: bool = True,
    each_tick: Callable[[Run], bool] | None = None,
) -> Run:
    """Resume a run exactly where it stopped, also after `kill -9`.

    Args:
        run: its folder.
        data: the images again, if the run was given arrays, or their new place, if they have moved;
            else they are found where they were. The new place is written into config.toml.
        overrides: values to change; only values that do not affect networks and image stream.
        custom_objects: own classes of its networks that are not registered with Keras, by name.
        callbacks, each_tick: as for `train`.

    Raises: RunError: no run, a run in use, or its images are gone or have changed.
    """
    old = Run.open(run)
    check_changes(old, overrides or {})
    follows, own = task()[0] > 0, keras.saving.custom_object_scope(custom_objects or {})
    with own, contextlib.nullcontext() if follows else old.locked():
        before = old.config
        check_place(old, data)
        show_request(before, data, old.where)
        config = read(before.with_values(pending_fix(old)), overrides)
        session = _session(config, data, progress, each_tick, callbacks, run=old)
        session.run = old
        config, source = session.config, session.source
        check_images(old, source, config.data.source)
        if progress and not follows:
            announce(config, source)
        begun = _restored(session)
        if not follows:
            old.forget_after(session.step)
            write_documents(old, describe(config, source, begun) | known_of(old, config), source)
            if config != before:
                old.write_recipe(config)
        fit(session)
    old.custom_objects = custom_objects or {}
    return old


def train_or_resume(
    data: Any,
    recipe: StrPath | Config,
    run: StrPath,
    values: Mapping[str, Any] | None = None,
    *,
    progress: bool = True,
    each_tick: Callable[[Run], bool] | None = None,
) -> Run:
    """Train a run to its end: start it, resume it, or return it if it is finished. For kits and
    tuning.

    Args:
        data, recipe, progress, each_tick: as for `train`; arrays must be the same each time.
        run: its folder.
        values: recipe values; for an existing run, only a larger train.kimg has an effect.

    Returns: the run, "finished" or "interrupted".
    """
    import_own_parts(read(recipe, values))  # a finished run is only read, maybe in a new process
    folder = Path(run)
    if not (folder / "config.toml").is_file():
        return train(
            data, recipe, run=folder, overrides=values, progress=progress, each_tick=each_tick
        )
    old = Run.open(folder)
    kimg = (values or {}).get("train.kimg", 0)
    longer = {"train.kimg": kimg} if kimg > old.config.train.kimg else {}
    if old.status() == "finished" and not longer:
        return old
    if isinstance(data, (str, os.PathLike)) and old.config.data.source:
        with contextlib.suppress(RunError):
            old.check_place("")
            data = None  # they are where they were
    return resume(folder, data=data, overrides=longer, progress=progress, each_tick=each_tick)


def _session(
    config: Config,
    data: Any,
    progress: bool,
    each_tick: Callable[[Run], bool] | None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    given: Sequence[list[np.ndarray]] = (),
    run: Run | None = None,
) -> Session:
    """The session of a recipe and images, still without GAN; `run` is resumed by it."""
    callbacks = check_callbacks(callbacks)
    strategy = replicas.strategy_of(config.train.strategy)  # before any other use of TensorFlow
    replicas.check(config, strategy.num_replicas_in_sync, task()[1])
    shown = progress and sys.stderr is not None  # a program without a console has none
    config, source = prepare(data, config, None, run, shown and task()[0] == 0)
    config, why = settle_parent(config, source)
    return Session(config, source, strategy, shown, each_tick, why, callbacks, given)


def _started(session: Session, since: Since) -> tuple[Begun | None, Timed | None]:
    """Build the GAN, begin from other networks, and fit to time what the recipe leaves open."""
    session.assemble()
    begun = _begun(session)
    timed = fit_to_time(session, since)
    return _begun(session) if timed and timed.anew else begun, timed


def _begun(session: Session) -> Begun | None:
    """Begin from the networks that the recipe names; if a pair was chosen and does not fit the
    recipe's own networks, from noise."""
    try:
        return begin(session.gan, session.config, session.source)
    except RunError as error:
        if not session.why:
            raise
        session.why = str(error)
        session.assemble(session.config.with_values({"parent": ""}))
        return None


def _restored(session: Session) -> Begun | None:
    """Build the GAN in the state of its run; if it has none, as it began.

    Returns: what it has of other networks, if it begins now.
    """
    if pending_fix(session.run):  # the run was killed between choosing a fix and applying it
        apply_fix(session, session.config)
        return None
    session.assemble()
    run = session.run
    state = run.load_state()
    if state is None:
        return begin(session.gan, session.config, session.source)
    step = int(state["step"])
    with session.strategy.scope():
        if run.unscored(step):
            with contextlib.suppress(RunError):  # unreadable, or the parent is gone
                session.before = run.load_state(before=step)
                if session.before is None and all(row["step"] >= step for row in run.rows()):
                    begin(session.gan, session.config, session.source)
                    session.before = state_of(session.gan)
        restore(session.gan, state)
    return None


def load_game(run: StrPath) -> GAN:
    """The GAN of a run with its last state, for inspection: the discriminator's features and
    logits. To draw images, use `ganvas.load`. Own parts that its recipe names must be imported.

    Returns: the GAN, compiled; the images of the run are not read.
    Raises: RunError: no run, or nothing saved yet.
    """
    old = Run.open(run)
    state = old.load_state()
    if state is None:
        raise RunError(f"{old.folder} has no saved state yet: train it for at least one tick")
    about = old.images
    with limited(sum(array.size for array in state.values())):
        gan, _ = assemble(old.config, Form(tuple(about["shape"]), len(about["class_shares"])))
    restore(gan, state)
    return gan
