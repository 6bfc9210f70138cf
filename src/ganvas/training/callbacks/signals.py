"""Signals of a run, once a tick, for the doctor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...config.plan import Plan
from ...data import Images
from ...doctor import signals
from ...features.bundled import general
from ...features.extractors import choose
from ...gan.optimizers import decayed
from ...gan.share import penalty_share
from ...images import to_float
from ...sampling.sampler import Sampler
from ...storage.run import Run
from .base import EachTick

COUNT = 128
SIDE = 64
"""Lite0 takes a quarter of the time that it takes at the 128 px of the scores."""
SEED = 2
"""Seed of the noise and of the choice of images: different from those of grids and scores."""


class Signals(EachTick):
    """Called before the log. The pictures come from the averaged generator, as samples do; the
    logits from the trained generator. Noise and real images are the same each tick.

    Images that are not digits are compared in frozen features, too: on colour images, pixels can be
    distributed as they should be while the images are blobs.
    """

    def __init__(self, run: Run, plan: Plan, sampler: Sampler, source: Images) -> None:
        super().__init__(run, plan)
        self.sampler = sampler
        count = plan.batch * max(1, COUNT // plan.batch)  # a multiple of the batch
        self.real, self.label = _some(source, count)
        self.extractor = None if choose(self.real) == "digits" else general(SIDE)
        self.real_features: np.ndarray | None = None
        rng = np.random.default_rng(SEED)
        self.noise = rng.standard_normal((count, sampler.noise_size), np.float32)
        held = source.held_out()
        full = held is not None and held.count >= count
        self.held = _some(held, count) if held is not None and full else None
        self.weights: dict[str, list[np.ndarray]] = {}
        self.before: np.ndarray | None = None
        self.read: Callable[..., Any] | None = None

    def on_train_begin(self, logs: Any = None, known: bool = True) -> None:
        """In a resumed run, the weights now are those of its last tick.

        Args:
            known: False if they are not: the next tick has no signals of change.
        """
        if self.read is None:
            # Functions need a third of the time of eager execution.
            model, noise, label = reader(self.model.discriminator), self.noise, self.label
            self.read = tf.function(lambda inputs: model(inputs, training=False))
            self.generate_fakes = tf.function(
                lambda: self.model.generate(noise, label, training=False)
            )
            if known:
                self.weights, self.before = self._weights(), self._draw()
            self.step = int(self.model.step.numpy())

    def tick(self, step: int, logs: dict[str, float]) -> dict[str, float] | None:
        now, pictures = self._weights(), self._draw()
        found = signals.of_pictures(pictures, self.real, self.before) | self._frozen(pictures)
        fake = self.generate_fakes()
        on_real, real = self._logits(to_float(self.real), self.label)
        on_fake, features = self._logits(fake, self.label)
        on_held = self._logits(to_float(self.held[0]), self.held[1])[0] if self.held else None
        found |= signals.of_logits(on_real, on_fake, on_held)
        found["feature_diversity"] = signals.of_features(features, real)
        share = penalty_share(self.model, logs, step - self.plan.tick / 2)
        found |= {} if share is None else {"penalty_share": share}
        found["rate"] = decayed(self.model.generator_optimizer)
        for name, weights in self.weights.items():
            found[f"step/{name}"] = _distance(now[name], weights) / (step - self.step)
        self.weights, self.before, self.step = now, pictures, step
        return {f"signal/{name}": value for name, value in found.items()}

    def _frozen(self, pictures: np.ndarray) -> dict[str, float]:
        """Signals in frozen features; none of digits."""
        if self.extractor is None:
            return {}
        if self.real_features is None:
            self.real_features = self.extractor(self.real)[0]
        found = signals.of_vectors(self.extractor(pictures)[0], self.real_features)
        return {f"lite0/{name}": value for name, value in found.items()}

    def _draw(self) -> np.ndarray:
        return self.sampler.decode(self.noise, self.label)

    def _weights(self) -> dict[str, list[np.ndarray]]:
        networks = {"generator": self.model.generator, "discriminator": self.model.discriminator}
        return {
            name: [weight.numpy() for weight in network.trainable_variables]
            for name, network in networks.items()
        }

    def _logits(self, images: Any, label: Any) -> tuple[np.ndarray, np.ndarray]:
        """Logits [N] and features [N, D]; in batches of the training's size."""
        logits, features = [], []
        for start in range(0, len(images), self.plan.batch):
            inputs = {"image": tf.convert_to_tensor(images[start : start + self.plan.batch])}
            if label is not None:
                inputs["label"] = tf.convert_to_tensor(label[start : start + self.plan.batch])
            output, inner = self.read(inputs)  # type: ignore[misc]
            logits.append(np.asarray(output, np.float32)[:, 0])
            features.append(np.asarray(inner, np.float32))
        return np.concatenate(logits), np.concatenate(features)


def reader(discriminator: keras.Model) -> keras.Model:
    """{"image", "label"?} -> the discriminator's logits, and its features: the input of its last
    dense layer, or the logits if there is no such layer."""
    features = discriminator.output
    for layer in discriminator.layers:
        single = isinstance(layer.output, keras.KerasTensor) and layer.output.shape[1:] == (1,)
        if single and isinstance(layer.input, keras.KerasTensor) and len(layer.input.shape) == 2:
            features = layer.input
            break
    return keras.Model(discriminator.input, [discriminator.output, features])


def _some(source: Images, count: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The same images each time; they are repeated if there are too few."""
    order = np.random.default_rng(SEED).permutation(source.count)
    rows = source.rows[np.resize(order, count)]
    return source.pixels(rows), source.labels[rows] if source.classes else None


def _distance(now: list[np.ndarray], then: list[np.ndarray]) -> float:
    """The distance of the weights, over their norm."""
    gone = sum(float(((a - b) ** 2).sum()) for a, b in zip(now, then, strict=True))
    return float(np.sqrt(gone / max(sum(float((a**2).sum()) for a in now), 1e-12)))
