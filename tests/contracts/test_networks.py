"""Every network in the table keeps the contract, and its discriminator's layers have true
second-order gradients (TensorFlow drops some silently, see docs/theory/gradient-penalties.md)."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.layers.strided import plain
from ganvas.gan.networks import DCGAN, NETWORKS, R3GAN, ResNet

SHAPES = [(16, 16, 1), (28, 28, 1), (32, 32, 3), (48, 64, 3), (50, 70, 4), (17, 23, 2)]
SMALL = {
    "dcgan": {"width": 4, "discriminator_width": 4, "noise": 8},
    "resnet": {"width": 4, "discriminator_width": 4, "max_width": 8, "noise": 8},
    "r3gan": {"width": 8, "max_width": 16, "blocks": 1, "group": 8, "noise": 8},
    "texture": {"width": 4, "discriminator_width": 4, "max_width": 8, "local": 3, "overall": 2},
}


def small(name, **more):
    """The networks of that name, with few channels."""
    return NETWORKS[name](**{**SMALL.get(name, {}), **more})


def cannot_build(name, shape, classes):
    return name == "textbook" and (classes or shape[0] % 4 or shape[1] % 4)


def pairs():
    """All combinations. `make test` takes the smallest shape, odd sides and many halvings, with
    labels or without in turns; the others are left to `make proof`."""
    for row, name in enumerate(NETWORKS):
        for column, shape in enumerate(SHAPES):
            for classes in (0, 3):
                if cannot_build(name, shape, classes):
                    continue
                kept = shape in [(16, 16, 1), (17, 23, 2), (50, 70, 4)] or name == "textbook"
                kept = kept and (bool(classes) == (row + column) % 2 or name == "textbook")
                marks = () if kept else pytest.mark.proof
                yield pytest.param(name, shape, classes, marks=marks)


def inputs(model, batch=4):
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 3, batch).astype(np.int32)
        if name == "label"
        else rng.uniform(-1, 1, (batch, *tensor.shape[1:])).astype(np.float32)
        for name, tensor in model.input.items()
    }


@pytest.mark.parametrize(("name", "shape", "classes"), list(pairs()), ids=str)
def test_contract(name, shape, classes):
    networks = small(name)
    generator = networks.generator(shape, classes)
    discriminator = networks.discriminator(shape, classes)
    label = {"label"} if classes else set()
    assert set(generator.input) == {"noise"} | label
    assert set(discriminator.input) == {"image"} | label
    images = generator(inputs(generator)).numpy()
    assert images.shape == (4, *shape)
    assert np.abs(images).max() <= 1
    logits = discriminator(inputs(discriminator)).numpy()
    assert logits.shape == (4, 1)
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
    generator = small(name).generator((28, 28, 1))
    generator.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    given = inputs(generator)
    np.testing.assert_array_equal(generator(given), again(given))


@pytest.mark.parametrize(
    "arguments",
    [{"norm": "instance"}, {"width": 0}, {"noise": -1}, {"pack": 0}, {"head": "linear"},
     {"minibatch": "both"}, {"condition": "none"}, {"discriminator_norm": "pixel"}],
)  # fmt: skip
@pytest.mark.parametrize("networks", [DCGAN, ResNet])
def test_refuses(networks, arguments):
    with pytest.raises(ValueError, match=r"must be (one of|>= 1)"):
        networks(**arguments)


def test_r3gan_refuses_groups_that_do_not_divide():
    with pytest.raises(ValueError, match="got 16"):
        R3GAN(width=20)


VARIANTS = {  # arguments, and outputs of the discriminator for 4 images of 3 classes
    "layer norms": ({"norm": "layer", "discriminator_norm": "layer"}, (4, 1)),
    "group norms": ({"norm": "group", "discriminator_norm": "group"}, (4, 1)),
    "pixel": ({"norm": "pixel"}, (4, 1)),
    "bare": ({"norm": "none", "discriminator_norm": "none", "condition": "embedding"}, (4, 1)),
    "spectral": ({"discriminator_norm": "spectral"}, (4, 1)),
    "batch norms by label": ({"condition": "norm", "discriminator_norm": "batch"}, (4, 1)),
    "group norms by label": ({"condition": "norm", "norm": "group"}, (4, 1)),
    "auxiliary": ({"head": "auxiliary"}, (4, 4)),
    "auxiliary, spectral": ({"head": "auxiliary", "discriminator_norm": "spectral"}, (4, 4)),
    "discrimination": ({"minibatch": "discrimination"}, (4, 1)),
    "std": ({"minibatch": "std"}, (4, 1)),
    "packs": ({"pack": 2}, (2, 1)),
    "attention": ({"attention": True}, (4, 1)),
    "attention, spectral, packs, std": (
        {"attention": True, "discriminator_norm": "spectral", "pack": 2, "minibatch": "std"},
        (2, 1),
    ),
}
WIDER = {"width": 8, "discriminator_width": 8}  # attention takes 8 channels
SHAPE = (20, 28, 2)
LEAST = {"resnet": (10, 14, 2), "r3gan": (10, 14, 2)}
"""Images on which a network has every kind of its layers, and fewer of them than on SHAPE."""


def variants():
    """All combinations on SHAPE are left to `make proof`. `make test` takes each variant of one
    network with labels, of the other without: they share base.py, which makes the variants."""
    for row, name in enumerate(("dcgan", "resnet")):
        for column, variant in enumerate(VARIANTS):
            for classes in (0, 3):
                kept = bool(classes) == (row + column) % 2
                if kept:
                    yield pytest.param(name, variant, classes, LEAST.get(name, SHAPE))
                if not kept or name in LEAST:
                    yield pytest.param(name, variant, classes, SHAPE, marks=pytest.mark.proof)


@pytest.mark.parametrize(("name", "variant", "classes", "size"), list(variants()), ids=str)
def test_variants(name, variant, classes, size, tmp_path):
    arguments, shape = VARIANTS[variant]
    networks = small(name, **WIDER, **arguments)
    generator = networks.generator(size, classes)
    discriminator = networks.discriminator(size, classes)
    images = generator(inputs(generator)).numpy()
    assert images.shape == (4, *size)
    assert np.abs(images).max() <= 1
    expected = shape if classes else (shape[0], 1)
    assert discriminator(inputs(discriminator), training=True).shape == expected
    if not classes:
        return  # it has no layer that is not saved with labels, or in `test_saves_and_loads`
    generator.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(generator(inputs(generator)), again(inputs(generator)))


def test_a_full_size_map_before_the_image():
    generator = small("dcgan", width=16, full_size=True, condition="norm").generator(SHAPE, 3)
    last = generator.layers[-2]
    assert last.kernel_size == (3, 3)
    assert last.input.shape[1:] == (*SHAPE[:2], 4)
    assert generator(inputs(generator)).shape == (4, *SHAPE)


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_change_images_and_logits(name):
    if cannot_build(name, (16, 16, 1), 3):
        pytest.skip("takes no labels")
    networks = small(name)
    generator = networks.generator((16, 16, 1), 3)
    discriminator = networks.discriminator((16, 16, 1), 3)
    for model in (generator, discriminator):
        rng = np.random.default_rng(0)
        for weight in model.trainable_weights:  # some begin at zero, or alike for all labels
            weight.assign(weight + 0.1 * rng.standard_normal(weight.shape))
        given = inputs(model)
        values = [
            model({**given, "label": np.full(4, label, np.int32)}).numpy() for label in (0, 1)
        ]
        assert not np.allclose(*values)


def discriminators():
    """Network, classes, variant, shape. `make test` takes each network with labels, where it takes
    any, and each variant, whose discriminator is its own, of one network; the rest is proof."""
    grid = [(name, classes, "") for name in NETWORKS for classes in (0, 3)]
    grid = [case for case in grid if not cannot_build(case[0], SHAPE, case[1])]
    kept = [case for case in grid if case[1] or cannot_build(case[0], SHAPE, 3)]
    for row, name in enumerate(("dcgan", "resnet")):
        grid += [(name, 3, variant) for variant in VARIANTS]
        kept += [(name, 3, one) for one in list(VARIANTS)[row::2] if one not in OF_GENERATORS]
    yield from (pytest.param(*case, LEAST.get(case[0], SHAPE)) for case in kept)
    rest = [case for case in grid if case not in kept or case[0] in LEAST]
    yield from (pytest.param(*case, SHAPE, marks=pytest.mark.proof) for case in rest)


OF_GENERATORS = ("pixel", "group norms by label")


@pytest.fixture
def float64():
    """Differences are exact; some layers of Keras compute in its float type, not in theirs."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "classes", "variant", "shape"), list(discriminators()), ids=str)
def test_second_order_gradients(name, classes, variant, shape):
    """d/dw of |d logit / d image|^2, for every weight, against central differences."""
    keras.utils.set_random_seed(0)
    arguments = {**WIDER, **VARIANTS[variant][0]} if variant else {}
    model = small(name, **arguments).discriminator(shape, classes)
    given = {key: tf.constant(array) for key, array in inputs(model).items()}
    image = tf.cast(given["image"], tf.float64)

    def steepness():
        with tf.GradientTape() as tape:
            tape.watch(image)
            logits = model({**given, "image": image}, training=False)
        return tf.reduce_sum(tf.square(tape.gradient(logits, image)))

    rng = np.random.default_rng(1)
    variables = model.trainable_variables
    for variable in variables:  # some begin at zero
        variable.assign(variable + 0.1 * rng.normal(size=variable.shape))
    with tf.GradientTape() as tape:  # not traced: that takes longer than one call
        value = steepness()
    gradients = tape.gradient(value, [v.value for v in variables])
    traced = tf.function(steepness)
    assert float(traced()) == pytest.approx(float(value), rel=1e-9)
    for variable, gradient in zip(variables, gradients, strict=True):
        direction = rng.normal(size=variable.shape)
        centre, step = variable.numpy(), 1e-7  # so small that no kink of a leaky ReLU is crossed
        variable.assign(centre + step * direction)
        above = traced().numpy()
        variable.assign(centre - step * direction)
        below = traced().numpy()
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


def own_layers(model):
    return [one for one in model.layers if type(one).__module__.startswith("ganvas.")]


def test_which_generators_load_without_ganvas():
    """As docs/tour.md says."""
    averaged = {name: plain(small(name).generator((16, 16, 1), 0)) for name in NETWORKS}
    assert {name for name, one in averaged.items() if not own_layers(one)} == {"textbook"}
    assert not own_layers(plain(small("dcgan", norm="none").generator((16, 16, 1), 0)))
