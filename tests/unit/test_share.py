"""How far penalties have taken the discriminator over: against the definition, by differences."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.losses import LOSSES
from ganvas.gan.penalties import R1, R2, Critique, LeCam
from ganvas.gan.share import penalty_share, slopes_at_zero
from ganvas.gan.turns import charge_names

SEED = tf.constant([3, 4])


def gan_of(loss: str, *penalties, burn_in: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        adversarial=LOSSES[loss](), penalties=penalties, charges=charge_names(penalties),
        burn_in=burn_in,
    )  # fmt: skip


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_share_is_the_slope_of_the_penalties_over_that_of_the_loss(loss):
    """D(x) = a (w . x), at a = 1, by central differences; the logits are small."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 16, 3, 3, 1)).astype(np.float32)
    w = 1e-3 * rng.standard_normal((3, 3, 1)).astype(np.float32)
    x += 300 * w  # real images have larger logits
    gan = gan_of(loss, R1(0.3), R2(0.7))

    def parts(scale: float) -> tuple[float, float, dict[str, float]]:
        real, fake = (
            Critique(lambda v: scale * tf.reduce_sum(v * w, [1, 2, 3])[:, None], tf.constant(v))
            for v in (x, y)
        )
        r1, r2 = (float(np.mean(p.per_image(real, fake, SEED))) for p in gan.penalties)
        means = {"real": float(np.mean(real.logits)), "fake": float(np.mean(fake.logits)),
                 "penalty/r1": r1, "penalty/r2": r2}  # fmt: skip
        given = np.mean(gan.adversarial.discriminator(real.logits, fake.logits), dtype=np.float64)
        return 0.3 * r1 + 0.7 * r2, float(given), means

    (up, gain, _), (down, loss_before, _) = parts(1.5), parts(0.5)
    wanted = (up - down) / (loss_before - gain)
    assert penalty_share(gan, parts(1.0)[2], 0) == pytest.approx(wanted, rel=0.02)


def test_share_takes_the_weight_of_its_step():
    gan = gan_of("hinge", R1(0.1, start=0.5, every=8), LeCam(9.0), burn_in=100)
    means = {"real": 0.3, "fake": -0.1, "penalty/r1": 0.2, "penalty/lecam": 5.0}
    shares = [penalty_share(gan, means, step) for step in (0, 50, 100, 900)]
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.1, 0.1], rtol=1e-5)


@pytest.mark.parametrize("penalties", [(), (LeCam(1.0),)])
def test_no_share_without_a_squared_gradient(penalties):
    means = {"real": 1.0, "fake": 0.0, "penalty/lecam": 0.1}
    assert penalty_share(gan_of("hinge", *penalties), means, 0) is None


@pytest.mark.parametrize("real", [-1.0, 0.0, 1e-9])
def test_the_share_is_bounded_where_the_discriminator_says_nothing(real):
    means = {"real": real, "fake": 0.0, "penalty/r1": 0.1}
    assert penalty_share(gan_of("hinge", R1(1.0)), means, 0) == 10


def test_a_loss_that_reads_one_kind_of_logits_pushes_by_that_kind():
    class RealOnly(LOSSES["hinge"]):
        def discriminator(self, real, fake):
            return -real

    assert slopes_at_zero(RealOnly()) == (1.0, 0.0)
