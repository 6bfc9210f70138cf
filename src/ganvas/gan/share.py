"""How far gradient penalties have taken the discriminator over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from .losses import Loss
from .optimizers import eased

if TYPE_CHECKING:
    from .model import GAN


MOST = 10.0


def penalty_share(gan: GAN, means: Mapping[str, float], step: float) -> float | None:
    """The penalties' pull towards a flat discriminator, over the loss's push away from it.

    Both are the change of the discriminator's loss while all logits grow by the same factor: of R1
    and R2, 2 × weight × value; of the loss, at most what it is for logits near zero, such as
    D(real) - D(fake) for the hinge loss. At 1 the penalties alone limit the logits: no image is
    beyond the hinge's margin, or certain, and the discriminator's judgement says little.

    Args:
        means: of a tick: `real`, `fake` and those of the penalties.
        step: at which the penalties' weights are taken; they change over the burn-in.

    Returns: at most `MOST`, also if the loss does not push; None if the GAN has neither R1 nor R2.
    """
    values = {
        penalty: means[name]
        for penalty, name in zip(gan.penalties, gan.charges, strict=True)
        if penalty.squared_gradient and name in means
    }
    pull = sum(
        2 * float(eased(tf.constant(step), gan.burn_in, penalty.start, penalty.weight)) * value
        for penalty, value in values.items()
    )
    push = sum(
        slope * means[kind]
        for slope, kind in zip(slopes_at_zero(gan.adversarial), ("real", "fake"), strict=True)
    )
    if not values:
        return None
    if push <= 0:
        return MOST if pull > 0 else 0.0
    return min(pull / push, MOST)


def slopes_at_zero(loss: Loss) -> tuple[float, float]:
    """How fast the discriminator's loss falls as the logits of real images, and those of fakes,
    rise from zero: 1 and -1 for the hinge loss, 1/2 and -1/2 for cross-entropy."""
    logits = tf.zeros(1), tf.zeros(1)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss.discriminator(*logits)
    slopes = tape.gradient(value, logits, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return -float(slopes[0][0]), -float(slopes[1][0])
