"""A short game alone, on two virtual CPUs, or as one of two processes; writes what came of it.

python replicas.py alone|mirrored|worker plain|full OUT.npz
"""

import json
import sys

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from ganvas.base.building import building
from ganvas.gan.augment import ADA
from ganvas.gan.losses import Hinge, Relativistic
from ganvas.gan.model import GAN
from ganvas.gan.networks import DCGAN
from ganvas.gan.optimizers import Adam
from ganvas.gan.penalties import R1, R2, GradientPenalty, LeCam

SIDE, BATCH, STEPS = 16, 8, 6


def strategy(mode: str) -> tf.distribute.Strategy:
    if mode == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    if mode == "worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def game(full: bool) -> GAN:
    """Plain: nothing random but the noise, and no statistics of a batch. Full: everything."""
    if full:
        networks = DCGAN(8, 8, 8, 8, norm="batch", discriminator_norm="spectral", minibatch="std")
        loss = Relativistic()
        penalties = [R1(0.1), R2(0.1, every=2), GradientPenalty(0.1), LeCam(0.1)]
        options = {"augment": ADA(kimg=0.05, start=0.3), "clip": 0.5, "discriminator_steps": 2}
    else:
        networks = DCGAN(8, 8, 8, 8, norm="none")
        # Half-life of the average: one global batch.
        loss, penalties = Hinge(), [R1(0.1), R2(0.1, every=2)]
        options = {"ema_images": float(BATCH), "ema_ramp": 100.0}
    with building(0):
        pair = networks.generator((SIDE, SIDE, 1), 2), networks.discriminator((SIDE, SIDE, 1), 2)
    gan = GAN(*pair, loss, penalties, seed=3, **options)
    gan.compile(Adam(1e-2, 0.5), Adam(1e-2, 0.5))
    return gan


def meetings() -> int:
    """Places in all graphs of training where workers meet."""
    graphs = context.context()
    return sum(
        node.op.startswith("Collective")
        for name in graphs.list_function_names()
        if name.startswith("__inference")  # and not what runs once, at the start
        for node in graphs.get_function_def(name).node_def
    )


def main(mode: str, kind: str, out: str) -> None:
    with (scope := strategy(mode)).scope():
        gan = game(kind == "full")
    count = BATCH * gan.turns
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (STEPS * count, SIDE, SIDE, 1)).astype(np.float32)
    labels = rng.integers(0, 2, STEPS * count).astype(np.int32)
    stream = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .batch(count, drop_remainder=True)
        .repeat()
    )
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    history = gan.fit(
        stream.with_options(options), epochs=STEPS, steps_per_epoch=1, shuffle=False, verbose=0
    )
    curve = [float(value) for value in history.history["discriminator"]]
    remembered = [v for part in gan.parts for v in part.variables]
    arrays = {"curve": curve, "meetings": meetings()}
    players = [gan.discriminator, gan.ema_generator, gan.discriminator_optimizer]
    kept = [v for player in players for v in player.variables] + remembered
    for i, variable in enumerate(kept):
        replicas = scope.experimental_local_results(variable.value)
        for j, replica in enumerate(replicas):
            arrays[f"weight-{i:03d}-{j}"] = replica.numpy()
    np.savez(out, **arrays)
    print(json.dumps(curve))


if __name__ == "__main__":
    main(*sys.argv[1:])
