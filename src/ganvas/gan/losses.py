"""The adversarial losses, side by side.

Each takes logits and returns one value per image; nothing here reduces, weights or logs.
`real` and `fake` are logits [B] of the same length; both parts are minimised.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import tensorflow as tf
from tensorflow.math import softplus
from tensorflow.nn import relu

from ..base.types import Tensor


class Loss(ABC):
    """The losses of discriminator and generator.

    `reads_real`: whether the generator's loss needs logits of real images; then a step draws a
    further batch of real images for the generator's turn.
    """

    reads_real: bool = False

    @abstractmethod
    def discriminator(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """Shapes: [B], [B] -> [B]."""

    @abstractmethod
    def generator(self, real: tf.Tensor | None, fake: tf.Tensor) -> tf.Tensor:
        """Shapes: [B] (None unless `reads_real`), [B] -> [B]."""


class NonSaturating(Loss):
    """Cross-entropy for the discriminator; the generator maximises log D(fake).

    softplus(-x) = -log sigmoid(x), so this is the binary cross-entropy of the textbook.
    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real) + softplus(fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake)


class Saturating(Loss):
    """The minimax loss: the generator minimises log(1 - D(fake)).

    Its gradient vanishes if the discriminator is certain; it is here for comparison.
    Source: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real) + softplus(fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake)


class Hinge(Loss):
    """The discriminator's loss is 0 for a logit beyond a margin.

    Args:
        margin: in units of the logit, above 0.

    Source: Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, eq. 16-17.
    """

    def __init__(self, margin: float = 1.0) -> None:
        if margin <= 0:
            raise ValueError(f"margin must be > 0, got {margin}")
        self.margin = margin

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(self.margin - real) + relu(self.margin + fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake


class LeastSquares(Loss):
    """Squared distance of the logits from 1 on real images and from 0 on fakes.

    The generator gets a gradient even if the discriminator is certain.
    Source: Mao et al. 2017, arXiv:1611.04076, eq. 9 (a = 0, b = c = 1).
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (tf.square(real - 1) + tf.square(fake))

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * tf.square(fake - 1)


class Wasserstein(Loss):
    """The earth mover's distance, if the critic's slope is bounded: it needs `train.clip` (the
    original), a gradient penalty, or spectral normalisation.

    Source: Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake


class Relativistic(Loss):
    """Relativistic pairing (RpGAN): each real image is compared with one fake.

    A generator that drops a mode has a high loss for the pairs with that mode, so it keeps more
    modes. Differs: eq. 2 of the R3GAN paper is zero-sum; its experiments, and this, use the
    non-saturating form.
    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734; Huang et al. 2024, arXiv:2501.05441.
    """

    reads_real = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - fake)


class RelativisticAverage(Loss):
    """Each image is compared with the average of the other kind in its batch (RaGAN).

    With several replicas, the average is over the replica's part of the batch.

    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.2.
    """

    reads_real = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(tf.reduce_mean(fake) - real) + softplus(fake - tf.reduce_mean(real))

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - tf.reduce_mean(fake)) + softplus(tf.reduce_mean(real) - fake)


LOSSES: dict[str, type[Loss]] = {
    "hinge": Hinge,
    "least-squares": LeastSquares,
    "nonsaturating": NonSaturating,
    "relativistic": Relativistic,
    "relativistic-average": RelativisticAverage,
    "saturating": Saturating,
    "wasserstein": Wasserstein,
}
"""The losses that a recipe may name."""
