"""Every network in the table keeps the contract, and its discriminator's layers have true
second-order gradients (TensorFlow drops some silently, see docs/theory/losses.md)."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.networks import DCGAN, NETWORKS

SHAPES = [(16, 16, 1), (28, 28, 1), (32, 32, 3), (48, 64, 3), (50, 70, 4), (17, 23, 2)]
SMALL = {"dcgan": {"width": 4, "discriminator_width": 4, "noise": 8}}


def pairs():
    for name in NETWORKS:
        for shape in SHAPES:
            for classes in (0, 3):
                try:
                    networks = NETWORKS[name](**SMALL.get(name, {}))
                    networks.generator(shape, classes)
                except ValueError:
                    continue  # a network may refuse; that it takes something is tested below
                yield pytest.param(networks, shape, classes, id=f"{name}-{shape}-{classes}")


def inputs(model, batch=3):
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 3, batch).astype(np.int32)
        if name == "label"
        else rng.uniform(-1, 1, (batch, *tensor.shape[1:])).astype(np.float32)
        for name, tensor in model.input.items()
    }


@pytest.mark.parametrize(("networks", "shape", "classes"), list(pairs()))
def test_contract(networks, shape, classes):
    generator = networks.generator(shape, classes)
    discriminator = networks.discriminator(shape, classes)
    label = {"label"} if classes else set()
    assert set(generator.input) == {"noise"} | label
    assert set(discriminator.input) == {"image"} | label
    images = generator(inputs(generator)).numpy()
    assert images.shape == (3, *shape)
    assert np.abs(images).max() <= 1
    logits = discriminator(inputs(discriminator)).numpy()
    assert logits.shape == (3, 1)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_takes_mnist(name):
    assert NETWORKS[name]().generator((28, 28, 1)).output.shape[1:] == (28, 28, 1)


def test_dcgan_builds_at_256():
    networks = DCGAN(width=2, discriminator_width=2, max_width=16)
    assert networks.generator((256, 256, 3)).output.shape[1:] == (256, 256, 3)
    assert networks.discriminator((256, 256, 3)).output.shape[1:] == (1,)


@pytest.mark.parametrize("name", NETWORKS)
def test_saves_and_loads(name, tmp_path):
    generator = NETWORKS[name](**SMALL.get(name, {})).generator((28, 28, 1))
    generator.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    given = inputs(generator)
    np.testing.assert_array_equal(generator(given), again(given))


@pytest.mark.parametrize("arguments", [{"norm": "layer"}, {"width": 0}, {"noise": -1}])
def test_dcgan_refuses(arguments):
    with pytest.raises(ValueError, match=r"norm|at least 1"):
        DCGAN(**arguments)


def discriminators():
    """One of each network, in float64, so that differences are exact."""
    keras.config.set_floatx("float64")  # inputs
    keras.config.set_dtype_policy("float64")  # layers
    try:
        for name in NETWORKS:
            for classes in (0, 3):
                networks = NETWORKS[name](**SMALL.get(name, {}))
                try:
                    model = networks.discriminator((16, 16, 2), classes)
                except ValueError:
                    continue
                yield pytest.param(model, id=f"{name}-{classes}")
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("model", list(discriminators()))
def test_second_order_gradients(model):
    """d/dw of |d logit / d image|^2, for every weight, against central differences."""
    given = {name: tf.constant(array) for name, array in inputs(model).items()}
    image = tf.cast(given["image"], tf.float64)

    def steepness():
        with tf.GradientTape() as tape:
            tape.watch(image)
            logits = model({**given, "image": image}, training=False)
        return tf.reduce_sum(tf.square(tape.gradient(logits, image)))

    with tf.GradientTape() as tape:
        value = steepness()
    variables = model.trainable_variables
    gradients = tape.gradient(value, [v.value for v in variables])
    rng = np.random.default_rng(1)
    for variable, gradient in zip(variables, gradients, strict=True):
        direction = rng.normal(size=variable.shape)
        centre, step = variable.numpy(), 1e-7  # so small that no kink of a leaky ReLU is crossed
        variable.assign(centre + step * direction)
        above = steepness().numpy()
        variable.assign(centre - step * direction)
        below = steepness().numpy()
        variable.assign(centre)
        numeric = (above - below) / (2 * step)
        exact = 0.0 if gradient is None else float(np.sum(_dense(gradient) * direction))
        assert exact == pytest.approx(numeric, rel=1e-4, abs=1e-4), variable.path


def _dense(gradient):
    return tf.convert_to_tensor(gradient).numpy()


def test_the_check_finds_bilinear_resizing():
    """The known silent failure would be caught: the numeric slope is there, the gradient not."""
    weight = tf.Variable(tf.random.stateless_normal((3, 3, 2, 1), (0, 1)))
    image = tf.random.stateless_normal((1, 8, 8, 2), (0, 2))
    first = tf.Variable(tf.random.stateless_normal((3, 3, 2, 2), (0, 3)))

    def steepness():
        with tf.GradientTape() as tape:
            tape.watch(image)
            x = tf.image.resize(tf.nn.conv2d(image, first, 1, "SAME"), (16, 16))
            logit = tf.reduce_sum(tf.nn.conv2d(x, weight, 1, "SAME"))
        return tf.reduce_sum(tf.square(tape.gradient(logit, image)))

    with tf.GradientTape() as tape:
        value = steepness()
    assert value > 0
    assert tape.gradient(value, weight) is None
