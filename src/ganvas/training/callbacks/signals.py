"""A run's vital signs, once a tick: what the doctor reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...config.plan import Plan
from ...data import Images
from ...doctor import signals
from ...images import to_float
from ...sampling.sampler import Sampler
from ...storage.run import Run
from .base import EachTick

COUNT = 128
SEED = 2
"""Of the noise and of the choice of images: neither the grids' nor the scores'."""


class Signals(EachTick):
    """Comes before the log. The pictures are the averaged generator's, as a user would draw them;
    logits are of the generator that plays. The noise and the real images are the same each tick."""

    def __init__(self, run: Run, plan: Plan, sampler: Sampler, source: Images) -> None:
        super().__init__(run, plan)
        self.sampler = sampler
        count = plan.batch * max(1, COUNT // plan.batch)  # which the discriminator can judge
        self.real, self.label = _some(source, count)
        rng = np.random.default_rng(SEED)
        self.noise = rng.standard_normal((count, sampler.noise_size), np.float32)
        held = source.held_out()
        full = held is not None and held.count >= count
        self.held = _some(held, count) if held is not None and full else None
        self.weights: dict[str, list[np.ndarray]] = {}
        self.before: np.ndarray | None = None
        self.read: Callable[..., Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """What a run that goes on starts from is what it was at its last tick."""
        if self.read is None:
            # Functions: a third of the time that the layers take one by one.
            model, noise, label = reader(self.model.discriminator), self.noise, self.label
            self.read = tf.function(lambda inputs: model(inputs, training=False))
            self.play = tf.function(lambda: self.model.generate(noise, label, training=False))
            self.weights, self.before = self._weights(), self._draw()
            self.step = int(self.model.step.numpy())

    def tick(self, step: int, logs: dict[str, float]) -> dict[str, float] | None:
        now, pictures = self._weights(), self._draw()
        found = signals.of_pictures(pictures, self.real, self.before)
        fake = self.play()
        on_real, real = self._judge(to_float(self.real), self.label)
        on_fake, features = self._judge(fake, self.label)
        on_held = self._judge(to_float(self.held[0]), self.held[1])[0] if self.held else None
        found |= signals.of_logits(on_real, on_fake, on_held)
        found["feature_diversity"] = signals.of_features(features, real)
        for player, weights in now.items():
            found[f"step/{player}"] = _moved(weights, self.weights[player]) / (step - self.step)
        self.weights, self.before, self.step = now, pictures, step
        return {f"signal/{name}": value for name, value in found.items()}

    def _draw(self) -> np.ndarray:
        return self.sampler.decode(self.noise, self.label)

    def _weights(self) -> dict[str, list[np.ndarray]]:
        players = {"generator": self.model.generator, "discriminator": self.model.discriminator}
        return {
            name: [weight.numpy() for weight in player.trainable_variables]
            for name, player in players.items()
        }

    def _judge(self, images: Any, label: Any) -> tuple[np.ndarray, np.ndarray]:
        """Logits [N] and features [N, D]; a batch at a time, as it learns."""
        logits, features = [], []
        for start in range(0, len(images), self.plan.batch):
            inputs = {"image": tf.convert_to_tensor(images[start : start + self.plan.batch])}
            if label is not None:
                inputs["label"] = tf.convert_to_tensor(label[start : start + self.plan.batch])
            said, seen = self.read(inputs)  # type: ignore[misc]
            logits.append(np.asarray(said, np.float32)[:, 0])
            features.append(np.asarray(seen, np.float32))
        return np.concatenate(logits), np.concatenate(features)


def reader(discriminator: keras.Model) -> keras.Model:
    """{"image", "label"?} -> the discriminator's logits, and the features they are made of: what
    its last dense layer reads, or the logits, where there is no such layer."""
    features = discriminator.output
    for layer in discriminator.layers:
        single = isinstance(layer.output, keras.KerasTensor) and layer.output.shape[1:] == (1,)
        if single and isinstance(layer.input, keras.KerasTensor) and len(layer.input.shape) == 2:
            features = layer.input
            break
    return keras.Model(discriminator.input, [discriminator.output, features])


def _some(source: Images, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The same images each time, again from the first where there are too few."""
    order = np.random.default_rng(SEED).permutation(source.count)
    rows = source.rows[np.resize(order, count)]
    return source.pixels(rows), source.labels[rows] if source.classes else None


def _moved(now: list[np.ndarray], then: list[np.ndarray]) -> float:
    """How far weights went, over how far they are from zero."""
    gone = sum(float(((a - b) ** 2).sum()) for a, b in zip(now, then, strict=True))
    return float(np.sqrt(gone / max(sum(float((a**2).sum()) for a in now), 1e-12)))
