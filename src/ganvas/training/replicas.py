"""Several devices or machines that play one game: which they are, what each reads, who writes.

A worker is a process; a replica is a device that holds the weights. All replicas keep the same
weights; the chief, the first worker, writes the run, which every worker must be able to read.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.workers import keep_memory, task
from ..config import Config
from ..errors import ConfigError, RunError, WorkerGone
from ..gan.model import GAN
from ..gan.replicated import summed

LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)


def strategy_of(word: str) -> tf.distribute.Strategy:
    """How the replicas play together. Call it before any other work of TensorFlow.

    Args:
        word: "single"; "mirrored": every GPU of this machine; "multiworker": those of all
            workers in TF_CONFIG; "auto": whichever fits what there is.

    Raises: ConfigError: "multiworker" without TF_CONFIG.
    """
    _, workers = task()
    gpus = tf.config.list_logical_devices("GPU") if workers == 1 else []
    if word == "multiworker" and workers == 1:
        raise ConfigError(
            "train.strategy = multiworker finds no other worker: TF_CONFIG must name the cluster"
        )
    if word == "multiworker" or (word == "auto" and workers > 1):
        if not tf.config.list_physical_devices("GPU"):
            keep_memory()
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    if word == "mirrored" or (word == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def check(config: Config, replicas: int, workers: int) -> None:
    """Raises: ConfigError: what so many replicas, of so many workers, cannot play."""
    word = config.train.strategy
    if workers > 1 and word in ("single", "mirrored"):
        raise ConfigError(
            f"train.strategy = {word} runs in one process, got {workers} workers: set auto, or "
            "start one worker"
        )
    if config.train.batch % replicas:
        raise ConfigError(
            f"train.batch = {config.train.batch} cannot be shared by {replicas} replicas: set a "
            f"multiple of {replicas}"
        )
    if config.privacy.on and replicas > 1:
        raise ConfigError(
            "differentially private training runs on one device, because its batches have no fixed "
            "size: set train.strategy = single, in one process"
        )
    if config.train.jit and replicas > 1:
        raise ConfigError(
            "train.jit works on one device, got several replicas: set train.jit = false"
        )
    if config.train.heal and workers > 1:
        raise ConfigError(
            "train.heal works in one process, got several workers: set train.heal = false"
        )


def shared(
    strategy: tf.distribute.Strategy,
    stream: Callable[[np.ndarray | None], tf.data.Dataset],
    batch: int,
    turns: int,
) -> Any:
    """A stream as each replica reads it: all read different parts of the same batches.

    Args:
        stream: (places of the images of a step that are read, int [K], or all) -> these, step by
            step, without end.
        batch: images of a turn, all replicas together.
        turns: batches that a step takes from the stream.
    """
    worker, workers = task()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return stream(None)
    hands = rows_of_replicas(batch, turns, replicas)
    if workers == 1:
        return stream(hands.ravel())  # of which Keras gives each replica an equal part
    own = hands.reshape(workers, -1)[worker]

    def read(_: Any) -> tf.data.Dataset:
        data = stream(own) if replicas == workers else stream(own).rebatch(hands.shape[1])
        # Said, because else the workers meet before each step to ask whether all have images.
        return data.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    return strategy.distribute_datasets_from_function(read)


def rows_of_replicas(batch: int, turns: int, replicas: int) -> np.ndarray:
    """Which images of a step each replica reads, int [replicas, turns * batch / replicas]: its part
    of every turn's batch, so that a turn is of the same images however many replicas share it."""
    places = np.arange(turns * batch).reshape(turns, replicas, -1)
    return places.swapaxes(0, 1).reshape(replicas, -1)


def from_all_workers(strategy: tf.distribute.Strategy, value: int) -> list[int]:
    """What each worker says; waits for all of them."""
    worker, workers = task()
    if workers == 1:
        return [value]
    own = tf.one_hot(worker, workers, value, 0, dtype=tf.int64)
    devices = strategy.num_replicas_in_sync // workers  # each of which says it
    return [int(one) // devices for one in _total(strategy)(own).numpy()]


@functools.cache
def _total(strategy: tf.distribute.Strategy) -> tf.types.experimental.GenericFunction:
    """The sum over all replicas."""
    return summed(strategy, lambda own: own)


@contextlib.contextmanager
def worker_errors() -> Iterator[None]:
    """Turns what TensorFlow raises when another worker is gone into one sentence."""
    try:
        yield
    except LOST as error:
        raise WorkerGone(
            f"another worker is gone ({type(error).__name__}): start all workers again; the run "
            "resumes from its last tick"
        ) from error


def check_same_step(gan: GAN) -> None:
    """Raises: RunError: the workers stand at different steps, since one did not find the run."""
    steps = from_all_workers(gan.distribute_strategy, int(gan.step.numpy()))
    if len(set(steps)) > 1:
        raise RunError(
            f"the workers resume from different steps ({', '.join(map(str, steps))}): the run "
            "folder must be one that all of them can read"
        )


def announce_end(gan: GAN, done: bool) -> None:
    """As the chief, when all is written, tell the others whether the run is done; who is gone by
    now is not missed."""
    with contextlib.suppress(*LOST):
        from_all_workers(gan.distribute_strategy, int(done))


def await_end(gan: GAN) -> bool:
    """What the chief tells, once it does."""
    with worker_errors():
        return bool(from_all_workers(gan.distribute_strategy, 0)[0])


class StopTogether(keras.callbacks.Callback):
    """Comes last: what stops one worker stops all, after the same step."""

    def on_epoch_end(self, epoch: Any, logs: Any = None) -> None:
        stops = from_all_workers(self.model.distribute_strategy, int(self.model.stop_training))
        self.model.stop_training = any(stops)
