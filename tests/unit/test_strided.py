"""Convolutions of stride 2: both forms are Keras's layers, with gradients of every order."""

from __future__ import annotations

import json
import zipfile
from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.base.compat.tensorflow import onednn
from ganvas.gan.layers import Conv2D, Conv2DTranspose, SpectralNorm, strided
from ganvas.gan.losses import NonSaturating
from ganvas.gan.model import GAN
from ganvas.gan.networks import DCGAN
from ganvas.gan.penalties import R1, Critique

CASES = [
    *product(((8, 8), (7, 10)), (3, 4), ("same", "valid"), (3,)),
    ((28, 28), 4, "same", 1),
    ((5, 7), 4, "same", 16),
    ((6, 6), 3, "same", 32),
    ((50, 70), 4, "same", 3),
]


@pytest.fixture(params=["native", "sub-pixel"])
def form(request, monkeypatch):
    monkeypatch.setattr(strided, "subpixel_pays", lambda kernel: request.param == "sub-pixel")


def orders(layer, x, kernel):
    """f(x), the gradients of a nonlinear sum of it, and the gradients of a sum of those."""
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as inner:
            inner.watch([x, kernel])
            value = layer(x)
            total = tf.reduce_sum(tf.sin(value))
        first = inner.gradient(total, [x, kernel])
        slope = tf.add_n([tf.reduce_sum(tf.square(g)) for g in first])
    return [value, *first, *outer.gradient(slope, [x, kernel])]


@pytest.mark.parametrize(("size", "side", "padding", "channels"), CASES)
@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
def test_it_is_the_layer_of_keras(form, kind, size, side, padding, channels):
    filters, given = (5, channels) if kind == "Conv2D" else (channels, 5)
    options = {"strides": 2, "padding": padding, "activation": "tanh"}
    ours = getattr(strided, kind)(filters, side, **options)
    theirs = getattr(keras.layers, kind)(filters, side, **options)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.standard_normal((2, *size, given)), tf.float32)
    for layer in (ours, theirs):
        layer.build(x.shape)
    ours.bias.assign(rng.standard_normal(filters))
    theirs.set_weights(ours.get_weights())
    kernel = ours.kernel.value, theirs.kernel.value
    found = orders(lambda x: ours(x, training=True), x, kernel[0])
    wanted = orders(theirs, x, kernel[1])
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)
    assert np.array_equal(ours(x), theirs(x))  # outside training: Keras's own operation


def gan_of() -> GAN:
    keras.utils.set_random_seed(0)
    networks = DCGAN(noise=8, width=4, discriminator_width=4, minibatch="std")
    shape = (18, 22, 3)
    gan = GAN(
        networks.generator(shape), networks.discriminator(shape), NonSaturating(), [R1(1.0)], seed=1
    )
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def images_of(count: int) -> tf.Tensor:
    return tf.random.stateless_uniform((count, 18, 22, 3), (1, 2), -1, 1)


def test_a_training_is_that_of_plain_layers(form, monkeypatch):
    gan = gan_of()
    with monkeypatch.context() as patch:
        for name in ("Conv2D", "Conv2DTranspose"):
            patch.setattr(f"ganvas.gan.networks.dcgan.{name}", getattr(keras.layers, name))
        other = gan_of()
    start = gan.get_weights()
    for one in (gan, other):
        step = tf.function(one.train_step, autograph=False)
        for _ in range(2):
            step(images_of(8))
    assert Conv2DTranspose not in map(type, other.generator.layers)
    for network in ("generator", "discriminator"):
        pair = (getattr(one, network).get_weights() for one in (gan, other))
        for weight, wanted in zip(*pair, strict=True):
            np.testing.assert_allclose(weight, wanted, rtol=1e-4, atol=1e-5)
    moved = [np.abs(w - b).max() for w, b in zip(gan.get_weights(), start, strict=True)]
    assert max(moved) > 0.01


def test_r1_changes_the_kernel_as_with_plain_layers(form):
    layer, plain = Conv2D(6, 4, 2, padding="same"), keras.layers.Conv2D(6, 4, 2, padding="same")
    images = images_of(3)
    gradients = []
    for one, options in ((layer, {"training": True}), (plain, {})):
        one.build(images.shape)
        one.set_weights(layer.get_weights())
        with tf.GradientTape() as tape:
            real = Critique(lambda x, f=one, o=options: tf.reduce_mean(
                tf.square(f(x, **o)), axis=(1, 2)), images)  # fmt: skip
            value = tf.reduce_mean(R1(1.0).per_image(real, real, tf.constant([0, 0])))
        gradients.append(tape.gradient(value, one.kernel.value).numpy())
    assert np.linalg.norm(gradients[0]) > 0
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("jit", [False, True])
def test_mixed_precision_and_xla(form, jit):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = SpectralNorm(Conv2DTranspose(3, 4, 2, padding="same", use_bias=False))
        x = tf.ones((2, 4, 5, 6))
        layer.build(x.shape)
    finally:
        keras.config.set_dtype_policy("float32")

    @tf.function(jit_compile=jit, autograph=False)
    def slope():
        with tf.GradientTape() as tape:
            value = layer(x, training=True)
        return value, tape.gradient(value, layer.layer.kernel.value)

    value, gradient = slope()
    assert value.dtype == tf.bfloat16
    assert gradient.dtype == tf.float32
    assert np.isfinite(gradient.numpy()).all()


def test_a_file_can_hold_keras_layers_instead(tmp_path):
    generator = DCGAN(noise=8, width=4, norm="none").generator((16, 16, 1))
    copy = strided.plain(generator)
    copy.set_weights(generator.get_weights())
    noise = {"noise": tf.ones((2, 8))}
    assert np.array_equal(copy(noise), generator(noise))
    copy.save(tmp_path / "copy.keras")
    with zipfile.ZipFile(tmp_path / "copy.keras") as archive:
        assert "ganvas" not in archive.read("config.json").decode()
    assert strided.plain(copy) is copy
    configs = [[one.get_config() for one in each.layers] for each in (generator, copy)]
    assert json.dumps(configs[0]) == json.dumps(configs[1])


@pytest.mark.parametrize(
    "options", [{"strides": 1}, {"kernel_size": 5}, {"groups": 2}, {"dilation_rate": 2}]
)
def test_other_convolutions_are_refused(options):
    with pytest.raises(ValueError, match=r"strides|use keras\.layers\.Conv2D"):
        Conv2D(**{"filters": 4, "kernel_size": 4, "strides": 2, **options})


def test_the_rule_depends_on_the_machine_only(monkeypatch):
    kernels = {(4, 4, 3, 32): onednn(), (4, 4, 32, 64): not onednn(), (3, 3, 64, 64): False}
    for kernel, wanted in kernels.items():
        assert strided.subpixel_pays(kernel) == wanted
    monkeypatch.setattr(strided, "_has_gpu", lambda: True)
    assert not any(map(strided.subpixel_pays, kernels))
