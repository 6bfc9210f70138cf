"""The training loop: callbacks, and one `fit` per stretch, until the end or Ctrl-C."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from ..base.messages import log
from ..base.signals import stopping
from ..base.workers import task
from ..doctor import Finding
from ..errors import Diverged
from ..sampling.sampler import Sampler
from . import replicas
from .assembly import stream
from .callbacks import (
    Checkpoint,
    Complete,
    EarlyStop,
    Log,
    Logits,
    NaNGuard,
    ProgressBar,
    Samples,
    Scores,
    Signals,
    Watch,
    restore,
    state_of,
)
from .loggers.several import Loggers
from .own_callbacks import OwnCallbacks
from .session import Session


def run_loop(session: Session) -> Finding | None:
    """Train from the session's step to its end, to a signal or to a failure.

    Returns: with `train.heal`, the failure because of which it was stopped.
    Raises: Diverged.
    """
    if task()[0] > 0:
        session.run.final_status = follow(session)
        return None
    run, was_done = session.run, session.done
    tick = run.unscored(session.step)
    if was_done and not tick:
        run.update_info(status="finished")
        return None
    if tick:
        run.forget_after(session.step, complete=False)
    # The privacy cost of all steps: a killed run then states more than it spent, not less.
    session.record("running", session.plan.total, diverged=None)
    status = "stopped"
    loggers = Loggers(run, session.plan, session.config, session.progress)
    loggers.start()
    callbacks = callbacks_of(session, loggers)
    samples, scores, watch = (_one(kind, callbacks) for kind in (Samples, Scores, Watch))
    bar, own = _one(ProgressBar, callbacks), _one(OwnCallbacks, callbacks)
    session.gan.stop_training = False
    try:
        with (
            bar or contextlib.nullcontext(),
            own or contextlib.nullcontext(),
            stopping(stop_of(session), acknowledge) as interrupted,
        ):
            if tick:
                complete(session, callbacks, tick)
            if not was_done:
                fit(session, callbacks, interrupted)
        ended = session.done or scores.stopped
        failure = watch.failure if watch and not ended and not interrupted() else None
        status = "finished" if ended else "sick" if failure else "interrupted"
        if not session.done:
            samples.snapshot(session.step)
    except Diverged:
        status = "diverged"
        raise
    finally:
        session.record(status)
        loggers.finish(status)
    if not failure:  # a failure is complete when its fix is chosen
        run.mark_complete()
    if not was_done:  # otherwise the other workers have ended already
        replicas.announce_end(session.gan, ended)
    return failure


def complete(
    session: Session, callbacks: list[keras.callbacks.Callback], tick: Mapping[str, Any]
) -> None:
    """Do the work of a tick of which a killed process wrote the state only.

    Args:
        tick: what `Checkpoint` wrote before the state.
    """
    for callback in callbacks:
        callback.set_model(session.gan)
    if signals := _one(Signals, callbacks):
        now = state_of(session.gan)
        with session.strategy.scope():
            if session.before:
                restore(session.gan, session.before)
                signals.on_train_begin()
                restore(session.gan, now)
                session.before = None
            else:
                signals.on_train_begin(known=False)
    _one(Checkpoint, callbacks).seconds = tick["seconds"]
    _one(Log, callbacks).wall += tick["seconds"]
    logs = dict(tick["logs"])
    for callback in callbacks:
        if not isinstance(callback, (NaNGuard, Checkpoint, ProgressBar)):
            callback.on_epoch_end(None, logs)


def callbacks_of(session: Session, loggers: Loggers) -> list[keras.callbacks.Callback]:
    """The session's callbacks, in the order in which they run at the end of a tick:

    - NaNGuard first: nothing is written after a number that is not finite.
    - Checkpoint writes the state: what follows may take long, and `complete` repeats it from there.
    - Signals and Scores measure, and Log writes the line that holds what they measured.
    - Log, Samples, Logits and Watch send what they have to the loggers.
    - Samples and Logits make images and histograms.
    - Watch reads the line and may stop the run.
    - Complete: all of the tick is written. OwnCallbacks and EarlyStop call what is the caller's.
    - ProgressBar last.
    """
    run, plan, source, config = session.run, session.plan, session.source, session.config
    sampler = Sampler(session.gan.ema_generator, source.names, source.class_shares)
    watch, each_tick = config.watch, session.each_tick
    histograms = watch.histograms and "tensorboard" in watch.loggers
    heal, checkpoint = config.train.heal, Checkpoint(run, plan)
    samples = Samples(run, plan, sampler, loggers)
    doctor = Watch(run, plan, heal, loggers, session.progress) if watch.signals else None
    listed = [
        NaNGuard(run, plan),
        checkpoint,
        Signals(run, plan, sampler, source) if watch.signals else None,
        Scores(run, plan, sampler, source, config.scores),
        Log(run, plan, checkpoint, loggers),
        samples,
        Logits(run, plan, source, loggers) if histograms else None,
        doctor,
        Complete(run, plan),
        OwnCallbacks(run, plan, session.callbacks) if session.callbacks else None,
        EarlyStop(run, plan, each_tick) if each_tick else None,
        ProgressBar(run, plan, session.step, checkpoint, samples, doctor)
        if session.progress
        else None,
    ]
    return [callback for callback in listed if callback]


def _one(kind: type, callbacks: list[keras.callbacks.Callback]) -> Any:
    """The callback of this kind; None if there is none."""
    return next((callback for callback in callbacks if isinstance(callback, kind)), None)


def follow(session: Session) -> str:
    """Train as a worker that is not the chief, and write nothing.

    Returns: the run's status, received from the chief: this worker may see an older run folder.
    """
    if session.done:
        return "finished"
    with stopping(stop_of(session)) as interrupted:
        fit(session, [NaNGuard(None, session.plan)], interrupted)
        return "finished" if replicas.await_end(session.gan) else "interrupted"


def stop_of(session: Session) -> Callable[[], None]:
    """The function that the first signal calls: the current steps end and the state is saved.
    Several workers finish the tick, because they wait for each other in each step."""

    def stop() -> None:
        if task()[1] == 1:
            session.gan.stop_training = True

    return stop


def acknowledge() -> None:
    """Answer the first signal, at once: the steps that are being computed may take long."""
    when = "these steps" if task()[1] == 1 else "this tick"
    log.warning(f"stopping after {when}, when the state is saved; Ctrl-C again stops at once")


def fit(
    session: Session,
    callbacks: list[keras.callbacks.Callback],
    interrupted: Callable[[], bool],
) -> None:
    """Train the remaining stretches, each with one `keras.Model.fit`."""
    gan, plan = session.gan, session.plan

    def stop(*_: Any) -> None:
        if interrupted():
            gan.stop_training = True

    # One worker: a signal may come between two fits, and each fit resets `stop_training`.
    when = "on_epoch_begin" if task()[1] == 1 else "on_epoch_end"
    callbacks = [
        keras.callbacks.LambdaCallback(**{when: stop}),
        *callbacks,
        replicas.StopTogether(),
    ]
    with replicas.worker_errors():
        replicas.check_same_step(gan)
        stop_now = getattr(gan, "stop_training", False)  # when the last tick was completed
        if any(replicas.from_all_workers(gan.distribute_strategy, int(stop_now))):
            return
    for stretch in plan.stretches(session.step):
        if interrupted() and task()[1] == 1:  # several stop together, after a tick
            return
        if stretch.warming_up != gan.warming_up:
            gan.warm_up(stretch.warming_up)
        gan.execute(math.gcd(plan.execution, stretch.steps))
        read = functools.partial(stream, session.config, plan, session.source, stretch.start)
        images = replicas.shared(gan.distribute_strategy, read, plan.batch, plan.turns)
        with session.source.reading(), replicas.worker_errors():
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
