"""Playing the game: stretches of `fit`, stopping cleanly, a rehearsal before the first night."""

from __future__ import annotations

import contextlib
import datetime
import functools
import math
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from ..base.workers import task
from ..config import Config
from ..config.plan import Plan
from ..data import Images
from ..doctor import Finding
from ..errors import Diverged
from ..gan.model import GAN
from ..gan.private import spent
from ..sampling.sampler import Sampler
from ..storage.run import Run
from . import replicas
from .assembly import stream
from .callbacks import (
    Checkpoint,
    EarlyStop,
    Log,
    Logits,
    NaNGuard,
    ProgressBar,
    Samples,
    Scores,
    Signals,
    Watch,
)


def play(
    run: Run,
    gan: GAN,
    plan: Plan,
    source: Images,
    config: Config,
    progress: bool,
    each_tick: Callable[[Run], bool] | None = None,
) -> Finding | None:
    """Fit stretch after stretch, from wherever the game is.

    Returns: with `train.heal`, what the run was stopped for.
    """
    if task()[0] > 0:
        run.told = follow(gan, plan, source, config)
        return None
    if int(gan.step.numpy()) >= plan.total:
        run.update_info(status="finished")
        return None
    # A killed run says what it might have spent, which is more.
    run.update_info(**told(config, source, plan.total, "running"), diverged=None)
    sampler = Sampler(gan.ema_generator, source.names, source.class_shares)
    events = str(run.folder / "events")
    writer = tf.summary.create_file_writer(events) if config.watch.tensorboard else None
    samples = Samples(run, plan, sampler, writer)
    signals = [Signals(run, plan, sampler, source)] if config.watch.signals else []
    scores = Scores(run, plan, sampler, source, config.scores)
    callbacks: list[keras.callbacks.Callback] = [NaNGuard(run, plan), *signals, scores]
    callbacks += [Log(run, plan, writer), samples]
    if config.watch.histograms and writer:
        callbacks.append(Logits(run, plan, source, writer))
    callbacks.append(Checkpoint(run, plan))
    doctor = Watch(run, plan, config.train.heal, writer, progress)
    if config.watch.signals:
        callbacks.append(doctor)
    if each_tick:
        callbacks.append(EarlyStop(run, plan, each_tick))
    status = "stopped"
    try:
        with contextlib.ExitStack() as stack:
            if progress:
                callbacks.append(stack.enter_context(ProgressBar(run, plan, int(gan.step.numpy()))))
            interrupted = stack.enter_context(stop_on_signal(gan))
            fit(gan, plan, source, config, callbacks, interrupted)
        step = int(gan.step.numpy())
        done = step >= plan.total or scores.stopped
        if done or interrupted():
            doctor.patient = None
        status = "finished" if done else "sick" if doctor.patient else "interrupted"
        if step < plan.total:
            samples.snapshot(step)
    except Diverged:
        status = "diverged"
        raise
    finally:
        if writer:
            writer.close()
        run.update_info(**told(config, source, int(gan.step.numpy()), status))
    replicas.tell(gan, done)
    return doctor.patient


def told(config: Config, source: Images, step: int, status: str) -> dict[str, Any]:
    """What run.json says of a run at a step, and of the privacy that it has spent by then."""
    private = {"privacy": spent(config, source.count, step)} if config.privacy.on else {}
    return {"status": status, "updated": now(), **private}


def follow(gan: GAN, plan: Plan, source: Images, config: Config) -> str:
    """Play along as a worker that is not the chief, and write nothing.

    Returns: the run's status, as the chief says it: this worker may see the folder as it was.
    """
    if int(gan.step.numpy()) >= plan.total:
        return "finished"
    with stop_on_signal(gan) as interrupted:
        fit(gan, plan, source, config, [NaNGuard(None, plan)], interrupted)
        return "finished" if replicas.heard(gan) else "interrupted"


def fit(
    gan: GAN,
    plan: Plan,
    source: Images,
    config: Config,
    callbacks: list[keras.callbacks.Callback],
    interrupted: Callable[[], bool],
) -> None:
    """The stretches that are left, each one `keras.Model.fit`."""

    def stop(*_) -> None:
        if interrupted():
            gan.stop_training = True

    # Alone: a signal between two fits, which forget `stop_training` when they begin. Several finish
    # the tick: one that left it would leave the others waiting.
    when = "on_epoch_begin" if task()[1] == 1 else "on_epoch_end"
    callbacks = [keras.callbacks.LambdaCallback(**{when: stop}), *callbacks, replicas.Together()]
    with replicas.not_alone():
        replicas.agree(gan)
    for stretch in plan.stretches(int(gan.step.numpy())):
        if interrupted() and task()[1] == 1:  # several stop together, after a tick
            return
        if stretch.warming_up != gan.warming_up:
            gan.warm_up(stretch.warming_up)
        gan.execute(math.gcd(plan.execution, stretch.steps))
        read = functools.partial(stream, config, plan, source, stretch.start)
        images = replicas.shared(gan.distribute_strategy, read, plan.batch, plan.turns)
        with source.reading(), replicas.not_alone():
            gan.fit(
                images,
                epochs=stretch.ticks,
                steps_per_epoch=stretch.steps,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
        if gan.stop_training:
            return


@contextlib.contextmanager
def stop_on_signal(gan: GAN) -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM let the steps in flight end (several workers: the tick) and the state be
    saved; a second one stops after the next few steps, and the run goes on from its last tick."""
    seen: list[int] = []

    def handler(number, frame):
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        if task()[1] == 1:
            gan.stop_training = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(seen)
        return
    before = {n: signal.signal(n, handler) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def now() -> str:
    """Local time with its zone, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
