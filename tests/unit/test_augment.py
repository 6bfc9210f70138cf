"""Augmentations against what their papers say, worked out in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.augment import ADA, DiffAugment
from ganvas.gan.augment.ada import _about_grey
from ganvas.gan.augment.diff import cut_out, recolour, translate
from ganvas.gan.augment.warp import identity, rotation, scaling, shift, warp

SEED = tf.constant([1, 2])
GIVEN = np.random.default_rng(0).uniform(-1, 1, (40, 16, 24, 3)).astype(np.float32)
SQUARE = GIVEN[:, :, :16]


def test_translation_moves_whole_pixels_up_to_an_eighth_and_fills_with_zero():
    moved = translate(tf.constant(GIVEN), SEED).numpy()
    padded = np.pad(GIVEN, ((0, 0), (2, 2), (3, 3), (0, 0)))
    found = []
    for image, source in zip(moved, padded, strict=True):
        places = [(r, c) for r in range(5) for c in range(7)
                  if np.array_equal(image, source[r : r + 16, c : c + 24])]  # fmt: skip
        assert len(places) == 1
        found += places
    assert {r for r, _ in found} == set(range(5))
    assert {c for _, c in found} == set(range(7))


def test_cutout_is_one_rectangle_of_half_the_sides():
    holes = cut_out(tf.ones((200, 16, 24, 1)), SEED).numpy()[..., 0] == 0
    full = [(hole.any(1).sum(), hole.any(0).sum()) for hole in holes]
    for hole, (height, width) in zip(holes, full, strict=True):
        assert hole.sum() == height * width, "a rectangle"
        assert 4 <= height <= 8
        assert 6 <= width <= 12
    assert (8, 12) in full
    assert holes.mean(0).min() > 0, "it reaches everywhere"


def test_colour_is_the_formula():
    draws = tf.random.stateless_uniform((40, 3), SEED, alg="philox").numpy()
    brightness, saturation, contrast = draws.T[..., None, None, None]
    x = GIVEN + brightness - 0.5
    mean = x.mean(3, keepdims=True)
    x = mean + (x - mean) * 2 * saturation
    mean = x.mean((1, 2, 3), keepdims=True)
    expected = mean + (x - mean) * (0.5 + contrast)
    np.testing.assert_allclose(recolour(tf.constant(GIVEN), SEED), expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["", "color", "cutout,spin"])
@pytest.mark.parametrize("part", [ADA, DiffAugment])
def test_an_unknown_policy_is_refused(part, policy):
    with pytest.raises(ValueError, match="policy must be any of"):
        part(policy=policy)


def test_warps_are_what_they_say():
    images, one = tf.constant(SQUARE), tf.ones(40)
    beyond = np.pad(SQUARE, ((0, 0), (0, 0), (0, 3), (0, 0)), mode="reflect")
    for matrix, expected in (
        (identity(images), SQUARE),
        (scaling(-one, one), SQUARE[:, :, ::-1]),
        (rotation(one * np.pi / 2), np.rot90(SQUARE, 1, (1, 2))),
        (shift(3 * one, 0 * one), beyond[:, :, 3:]),
    ):
        np.testing.assert_allclose(warp(images, matrix[:, :2]), expected, atol=1e-4)
    half = warp(images, shift(0.5 * one, 0 * one)[:, :2]).numpy()[:, :, :15]
    np.testing.assert_allclose(half, (SQUARE[:, :, :15] + SQUARE[:, :, 1:]) / 2, atol=1e-5)


def test_ada_changes_as_often_as_p_says():
    given = tf.constant(np.tile(SQUARE[:1], (2000, 1, 1, 1)))

    def changed(**options) -> float:
        seen = ADA(**options)(given, SEED).numpy()
        return float((np.abs(seen - given).max((1, 2, 3)) > 1e-3).mean())

    assert changed(start=0.0) == 0.0
    # Two mirrors, four turns, whole shifts from -2 to 2 with halved ends: what draws nothing.
    p, none = 0.5, 1.0
    for share in (1 / 2, 1 / 4, 1 / 4, 1 / 4):
        none *= 1 - p * (1 - share)
    assert changed(start=p, policy="blit") == pytest.approx(1 - none, abs=0.04)
    assert changed(start=1.0) > 0.99


def test_hue_is_a_turn_about_the_grey_axis():
    grey, angle, saturation = -1.0, 0.7, 1.5
    given = (tf.constant([one]) for one in (grey, angle, saturation))
    matrix = _about_grey(*given).numpy()[0].T  # of columns
    axis = np.full(3, 3**-0.5)
    along, across = np.outer(axis, axis), np.cross(axis, np.eye(3)).T
    turned = np.cos(angle) * (np.eye(3) - along) + np.sin(angle) * across
    np.testing.assert_allclose(matrix, grey * along + saturation * turned, atol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_ada_in_a_function_has_the_gradients_that_it_has_outside(jit):
    """In a branch that is taken, within a branch of a lazy penalty. XLA, which has no sparse
    products, draws other numbers: it is compared with itself."""
    ada, given = ADA(start=0.5), tf.constant(SQUARE[:4])
    weight = tf.constant(0.7)

    def slopes(x, branch):
        with tf.GradientTape() as outer:
            outer.watch([x, weight])
            with tf.GradientTape() as inner:
                inner.watch(x)
                total = tf.reduce_sum((weight * ada(x, SEED)) ** 3)

            def penalty():
                return tf.reduce_sum(inner.gradient(total, x) ** 2)

            value = tf.cond(tf.reduce_any(x > -2), penalty, lambda: 0.0) if branch else penalty()
        return outer.gradient(value, [x, weight])

    ada.xla = jit
    apart, compiled = (
        tf.function(partial(slopes, branch=branch), jit_compile=jit, autograph=False)
        for branch in (False, True)
    )
    wanted = apart(given) if jit else slopes(given, branch=False)
    for one, other in zip(compiled(given), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3 * np.abs(other).max())


def test_p_follows_its_controller():
    """A discriminator that is sure of 90 % of the real images: r = 0.8 > 0.6, so p rises by
    4 batches / kimg every fourth turn; one that is sure of none takes it back, not below 0."""
    ada = ADA(target=0.6, kimg=1.0)
    sure = tf.constant(np.where(np.arange(40) % 10, 1.0, -1.0).astype(np.float32))
    seen = []
    for _ in range(12):
        ada.observe(sure, 40)
        seen.append(round(float(ada.strength), 4))
    assert seen == [0.0] * 3 + [0.16] * 4 + [0.32] * 4 + [0.48]
    for _ in range(16):
        ada.observe(-sure, 40)
    assert float(ada.strength) == 0.0
    for _ in range(40):
        ada.observe(sure, 40)
    assert float(ada.strength) == 1.0


def test_p_rises_where_the_discriminator_learns_its_images_by_heart(make_gan, batch):
    gan = make_gan(augment=ADA(kimg=0.5, policy="blit"), rate=4e-3)  # one policy: a small graph
    gan.warm_up(True)  # the generator never catches up
    eight = tf.data.Dataset.from_tensors(batch(8)).repeat()
    gan.fit(eight, epochs=1, steps_per_epoch=50, shuffle=False, verbose=0)
    assert float(gan.augment.strength) > 0.2


def test_ada_refuses_nonsense():
    for options in ({"target": 1.0}, {"kimg": 0}, {"start": 1.5}):
        with pytest.raises(ValueError, match="target must be in"):
            ADA(**options)
