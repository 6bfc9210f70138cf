"""One piece of quality_board.py by this package: `python benchmarks/board_own.py PIECE.json`."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from board_clock import Piece, pin, play

if __name__ == "__main__":
    pin(Piece.read(sys.argv[1]).core)

import keras
import numpy as np
import tensorflow as tf

from ganvas.sampling.sampler import Sampler
from ganvas.training import replicas
from ganvas.training.beginning import begin, settle_parent
from ganvas.training.choosing import choose
from ganvas.training.preparing import prepare
from ganvas.training.session import Session


class Own:
    """A GAN of a recipe in training; its chunk is one execution."""

    def __init__(self, piece: Piece, chunks: int | None) -> None:
        keras.backend.clear_session()
        about = piece.contender
        values = {"data.holdout": 0.0, **about["overrides"], "train.seed": piece.seed}
        arrays, labels = piece.arrays()
        data = piece.folder or (arrays if labels is None else (arrays, labels))
        config = choose(data, about["recipe"], values, about["start_from"])
        if chunks:
            steps = chunks * config.train.steps_per_execution
            images = config.train.batch * config.train.discriminator_steps
            config = config.with_values({"train.kimg": steps * images / 1000})
        config, source = prepare(data, config, None)
        config, _ = settle_parent(config, source)
        session = Session(config, source, replicas.strategy_of("single"), False)
        session.assemble()
        begin(session.gan, config, source)
        self.gan, self.plan = session.gan, session.plan
        self.source, plan = source, session.plan
        self.images = plan.execution * plan.batch * plan.discriminator_steps
        self.weights = self.gan.generator.count_params(), self.gan.discriminator.count_params()
        self.batches = iter(source.stream(plan.batch * plan.turns, piece.seed))
        self.sampler = Sampler(self.gan.ema_generator, source.names, source.class_shares)
        self.gan.make_train_function()

    def train(self) -> dict[str, float]:
        """Train one execution. Returns: the means since the metrics were reset."""
        logs = self.gan.train_function(self.batches)
        return {name: float(value) for name, value in logs.items()}  # waits for the steps

    def chunk(self) -> None:
        self.train()

    def draw(self, count: int, seed: int) -> np.ndarray:
        return self.sampler.sample(count, seed=seed)


def main() -> None:
    piece = Piece.read(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    play(piece, lambda chunks: Own(piece, chunks))


if __name__ == "__main__":
    main()
