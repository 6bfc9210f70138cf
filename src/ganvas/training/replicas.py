"""Training on several devices or machines: their strategy, what each reads, which one writes.

A worker is a process; a replica is a device that holds the weights. All replicas have the same
weights. The chief, the first worker, writes the run, which every worker must be able to read.
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


def strategy_of(name: str) -> tf.distribute.Strategy:
    """The strategy of a name. Call it before any other function of TensorFlow.

    Args:
        name: "single"; "mirrored": every GPU of this machine; "multiworker": those of all
            workers in TF_CONFIG; "auto": chosen by the workers and GPUs that are available.

    Raises: ConfigError: "multiworker" without TF_CONFIG.
    """
    _, workers = task()
    gpus = tf.config.list_logical_devices("GPU") if workers == 1 else []
    if name == "multiworker" and workers == 1:
        raise ConfigError(
            "train.strategy = multiworker finds no other worker: TF_CONFIG must name the cluster"
        )
    if name == "multiworker" or (name == "auto" and workers > 1):
        if not tf.config.list_physical_devices("GPU"):
            keep_memory()
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = gpus or tf.config.list_logical_devices("CPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def check(config: Config, replicas: int, workers: int) -> None:
    """Raises: ConfigError: so many replicas, of so many workers, cannot train this recipe."""
    name = config.train.strategy
    if workers > 1 and name in ("single", "mirrored"):
        raise ConfigError(
            f"train.strategy = {name} runs in one process, got {workers} workers: set auto, or "
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
    if config.train.minutes and workers > 1:
        raise ConfigError(
            "train.minutes works in one process, because several workers measure different speeds: "
            "set train.kimg"
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
    """The input of `fit`: each replica reads a different part of the same batches.

    Args:
        stream: function of the indices of the images of a step that are read, int [K], or None for
            all; it returns an endless data set of them.
        batch: images of a turn, for all replicas together.
        turns: batches that a step takes from the stream.
    """
    worker, workers = task()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return stream(None)
    rows = rows_of_replicas(batch, turns, replicas)
    if workers == 1:
        return stream(rows.ravel())  # Keras gives each replica an equal part of it
    own = rows.reshape(workers, -1)[worker]

    def read(_: Any) -> tf.data.Dataset:
        data = stream(own) if replicas == workers else stream(own).rebatch(rows.shape[1])
        # Otherwise the workers synchronise before each step to check that all have images.
        return data.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    return strategy.distribute_datasets_from_function(read)


def rows_of_replicas(batch: int, turns: int, replicas: int) -> np.ndarray:
    """Indices of the images of a step that each replica reads, int
    [replicas, turns * batch / replicas]: a part of each turn's batch, so that the images of a turn
    do not depend on the number of replicas."""
    indices = np.arange(turns * batch).reshape(turns, replicas, -1)
    return indices.swapaxes(0, 1).reshape(replicas, -1)


def from_all_workers(strategy: tf.distribute.Strategy, value: int) -> list[int]:
    """The values of all workers; waits for all of them."""
    worker, workers = task()
    if workers == 1:
        return [value]
    own = tf.one_hot(worker, workers, value, 0, dtype=tf.int64)
    devices = strategy.num_replicas_in_sync // workers  # each of them adds the value
    return [int(one) // devices for one in _total(strategy)(own).numpy()]


@functools.cache
def _total(strategy: tf.distribute.Strategy) -> tf.types.experimental.GenericFunction:
    """The sum over all replicas."""
    return summed(strategy, lambda own: own)


@contextlib.contextmanager
def worker_errors() -> Iterator[None]:
    """Turn the errors of TensorFlow for a lost worker into one WorkerGone."""
    try:
        yield
    except LOST as error:
        raise WorkerGone(
            f"another worker is gone ({type(error).__name__}): start all workers again; the run "
            "resumes from its last tick"
        ) from error


def check_same_step(gan: GAN) -> None:
    """Raises: RunError: the workers are at different steps, because one cannot read the run."""
    steps = from_all_workers(gan.distribute_strategy, int(gan.step.numpy()))
    if len(set(steps)) > 1:
        raise RunError(
            f"the workers resume from different steps ({', '.join(map(str, steps))}): the run "
            "folder must be one that all of them can read"
        )


def announce_end(gan: GAN, done: bool) -> None:
    """As the chief, after all is written, send to the others whether the run is done. A worker that
    has already ended is ignored."""
    with contextlib.suppress(*LOST):
        from_all_workers(gan.distribute_strategy, int(done))


def await_end(gan: GAN) -> bool:
    """Wait for the chief's `announce_end`, and return its value."""
    with worker_errors():
        return bool(from_all_workers(gan.distribute_strategy, 0)[0])


class StopTogether(keras.callbacks.Callback):
    """Last callback: if one worker stops, all stop after the same step."""

    def on_epoch_end(self, epoch: Any, logs: Any = None) -> None:
        stops = from_all_workers(self.model.distribute_strategy, int(self.model.stop_training))
        self.model.stop_training = any(stops)
