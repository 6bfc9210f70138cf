"""Penalties: terms of the discriminator's loss for steep or inconsistent logits.

A penalty gets two `Critique`s, one of real and one of fake images, and returns one value per
image. It shares the forward pass with the loss. The GAN multiplies the value by `weight`, and
computes a lazy penalty only each `every`-th step (and multiplies it by `every`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import keras
import tensorflow as tf

from ..base.types import Tensor
from .augment import DiffAugment


class Critique:
    """The discriminator's output for a batch, and its gradient.

    Args:
        discriminator: a function of images [B, H, W, C] -> logits [B, 1 (+ classes)].
        images: [B, H, W, C].

    Attributes:
        images: as given.
        logits: [B] float32.
        classes: [B, classes] float32, the logits of an auxiliary classifier.
    """

    def __init__(self, discriminator: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> None:
        self.images = images
        self.discriminator = discriminator
        # Persistent, because two penalties may need the gradient of one critique.
        self._tape = tf.GradientTape(persistent=True)
        with self._tape:
            self._tape.watch(images)
            output = tf.cast(discriminator(images), tf.float32)
            self.logits, self.classes = output[:, 0], output[:, 1:]

    def gradient(self) -> tf.Tensor:
        """d logits / d images, [B, H, W, C]: the effect of each pixel on its image's logit."""
        return self._tape.gradient(self.logits, self.images)

    def half_squared_slope(self) -> tf.Tensor:
        """Half the squared Euclidean norm of the gradient, float32 [B]; one value per pack if the
        discriminator takes packs."""
        rows = tf.reshape(tf.cast(self.gradient(), tf.float32), (tf.shape(self.logits)[0], -1))
        return 0.5 * tf.reduce_sum(tf.square(rows), axis=1)

    def share(self, seed: tf.Tensor) -> tf.Tensor:
        """A number in [0, 1) for each logit, as [B, 1, 1, 1]; equal for all images of a pack."""
        logits, images = tf.shape(self.logits)[0], tf.shape(self.images)[0]
        shares = tf.random.stateless_uniform((logits, 1, 1, 1), seed, alg="philox")
        return tf.repeat(shares, images // logits, axis=0)

    def of(self, images: tf.Tensor) -> Critique:
        """The critique of other images with the same labels, by the same discriminator."""
        return Critique(self.discriminator, images)


class Penalty(ABC):
    """A term of the discriminator's loss that keeps its logits smooth.

    Attributes:
        weight: factor of the value.
        start: the weight at the first step; it changes to `weight` over the burn-in
            (`train.burn_in_kimg`).
        every: compute only each `every`-th step, and multiply by `every`. Only the penalties on
            given images take it (lazy regularisation); for the others no source supports it.
        variables: the state that it keeps from step to step, saved with the run.
        squared_gradient: whether the value is half a squared gradient, zero where the
            discriminator is flat.
    """

    squared_gradient: bool = False

    def __init__(self, weight: float, every: int = 1, start: float | None = None) -> None:
        if weight < 0 or every < 1 or (start is not None and start < 0):
            raise ValueError(
                "weight must be >= 0, every >= 1 and start >= 0, got "
                f"weight {weight}, every {every}, start {start}"
            )
        self.weight = weight
        self.every = every
        self.start = weight if start is None else start
        self.variables: list[keras.Variable] = []

    @abstractmethod
    def per_image(self, real: Critique, fake: Critique, seed: tf.Tensor) -> tf.Tensor:
        """Shapes: images [B, H, W, C] in both, seed int32 [2] of random numbers -> [B].

        Unweighted.
        """

    def observe(self, real: tf.Tensor, fake: tf.Tensor) -> None:  # noqa: B027 - most need not
        """Update the state by this turn's logits [B]; called once a turn, after `per_image`."""


class R1(Penalty):
    """Keeps the discriminator flat around real images: half the squared norm of its gradient.

    Args:
        weight: factor (gamma). Multiply by 4 when the resolution doubles.
        every: compute only each `every`-th step, and multiply by `every`.
        start: weight at the first step; it changes to `weight` within `train.burn_in_kimg`. Unset:
            the same.

    Shapes: images [B, H, W, C] -> [B].
    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9; lazy: Karras et al. 2020,
        arXiv:1912.04958, appendix B.
    """

    squared_gradient = True

    def per_image(self, real: Tensor, fake: Tensor, seed: Tensor) -> Tensor:
        return real.half_squared_slope()


class R2(Penalty):
    """Keeps the discriminator flat around fake images: R1 on fakes.

    Args:
        weight: factor (gamma). Multiply by 4 when the resolution doubles.
        every: compute only each `every`-th step, and multiply by `every`.
        start: weight at the first step; it changes to `weight` within `train.burn_in_kimg`. Unset:
            the same.

    Shapes: images [B, H, W, C] -> [B].
    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 10.
    """

    squared_gradient = True

    def per_image(self, real: Tensor, fake: Tensor, seed: Tensor) -> Tensor:
        return fake.half_squared_slope()


class GradientPenalty(Penalty):
    """Holds the critic's slope near 1 on the lines between real and fake images (WGAN-GP).

    (|grad D(x)| - 1)^2 at x = a real + (1 - a) fake, a ~ U(0, 1), one per image. Leave batch
    normalisation out of the critic: the penalty is for each image by itself.

    Args:
        weight: factor (lambda), 10 in the paper; 0.1 for points in the plane.

    Shapes: images [B, H, W, C] -> [B].
    Source: Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1.
    """

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__(weight)

    def per_image(self, real: Tensor, fake: Tensor, seed: Tensor) -> Tensor:
        share = real.share(seed)
        between = share * real.images + (1 - share) * fake.images
        return squared_distance_from_1(real.of(between))


class Dragan(Penalty):
    """Holds the slope near 1 around real images: sharp peaks there go with mode collapse.

    The gradient penalty at x = real + a c s u, with a ~ U(0, 1) one per image, s the standard
    deviation of the batch and u ~ U(0, 1) one per pixel. Differs: the paper's algorithm 1 has
    Gaussian noise of fixed size; this is the scaled noise of the authors' experiments.

    Args:
        weight: factor (lambda).
        spread: size of the noise (c), in standard deviations of the real images.

    Shapes: images [B, H, W, C] -> [B].
    Source: Kodali et al. 2017, arXiv:1705.07215, section 2.3.
    """

    def __init__(self, weight: float = 10.0, spread: float = 0.5) -> None:
        super().__init__(weight)
        if spread < 0:
            raise ValueError(f"spread must be >= 0, got {spread}")
        self.spread = spread

    def per_image(self, real: Tensor, fake: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        noise = tf.random.stateless_uniform(tf.shape(real.images), seeds[1], alg="philox")
        near = (
            real.images
            + real.share(seeds[0]) * self.spread * tf.math.reduce_std(real.images) * noise
        )
        return squared_distance_from_1(real.of(near))


class LeCam(Penalty):
    """Keeps the logits of each kind near the running average of the other: for few images.

    (D(x) - a_fake)^2 + (D(G(z)) - a_real)^2, with the averages a of earlier turns.

    Args:
        weight: factor (lambda); the paper takes 0.01 to 0.3.
        decay: of the averages, per turn of the discriminator, 0 to below 1.

    Shapes: logits [B] -> [B].
    Source: Tseng et al. 2021, arXiv:2104.03310, eq. 5 to 7.
    """

    def __init__(self, weight: float = 0.1, decay: float = 0.99) -> None:
        super().__init__(weight)
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.decay = decay
        self.real, self.fake = (
            keras.Variable(0.0, trainable=False, name=f"lecam_{kind}", aggregation="mean")
            for kind in ("real", "fake")
        )
        self.variables = [self.real, self.fake]

    def per_image(self, real: Tensor, fake: Tensor, seed: Tensor) -> Tensor:
        return tf.square(real.logits - self.fake.value) + tf.square(fake.logits - self.real.value)

    def observe(self, real: Tensor, fake: Tensor) -> None:
        for average, logits in ((self.real, real), (self.fake, fake)):
            now = tf.reduce_mean(logits)
            average.assign(now + self.decay * (average.value - now))


class Consistency(Penalty):
    """The discriminator has the same logit for an image and its augmented copy (bCR).

    (D(x) - D(T(x)))^2, on real and on fake images; T is an augmentation of `DiffAugment`.

    Args:
        weight: factor (lambda), the same for both kinds; 10 in the paper.
        policy: which of "colour", "translation" and "cutout", separated by commas.

    Shapes: images [B, H, W, C] -> [B].
    Source: Zhao et al. 2020, arXiv:2002.04724, algorithm 1.
    """

    def __init__(self, weight: float = 10.0, policy: str = "translation") -> None:
        super().__init__(weight)
        self.policy = policy
        self._augment = DiffAugment(policy)

    def per_image(self, real: Tensor, fake: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        changes = [
            critique.logits - critique.of(self._augment(critique.images, seeds[i])).logits
            for i, critique in enumerate((real, fake))
        ]
        return tf.square(changes[0]) + tf.square(changes[1])


def squared_distance_from_1(critique: Critique) -> tf.Tensor:
    """(slope - 1)^2, [B]. The square root has no derivative at zero: hence 1e-12."""
    return tf.square(tf.sqrt(2 * critique.half_squared_slope() + 1e-12) - 1)


PENALTIES: dict[str, type[Penalty]] = {
    "consistency": Consistency,
    "dragan": Dragan,
    "gradient": GradientPenalty,
    "lecam": LeCam,
    "r1": R1,
    "r2": R2,
}
"""The penalties that a recipe may name."""
