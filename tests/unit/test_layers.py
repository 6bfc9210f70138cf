"""Each layer against its formula, worked out in NumPy; and what must hold of all of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from ganvas.gan.layers import (
    Basis,
    BatchNorm,
    Bias,
    Clip,
    ConditionalNorm,
    Conv2D,
    Conv2DTranspose,
    Downsample,
    GroupedConv2D,
    GroupNorm,
    MinibatchDiscrimination,
    MinibatchStd,
    Pack,
    PixelNorm,
    SelfAttention,
    SpectralNorm,
    Upsample,
    WrapPad,
)
from ganvas.gan.losses import NonSaturating
from ganvas.gan.model import GAN
from ganvas.gan.penalties import R1

RNG = np.random.default_rng(0)
MAP = RNG.standard_normal((4, 6, 5, 8)).astype(np.float32)
ROWS = RNG.standard_normal((4, 7)).astype(np.float32)

LAYERS = {
    "attention": (lambda: SelfAttention(), MAP),
    "batch norm": (lambda: BatchNorm(), MAP),
    "attention, spectral": (lambda: SelfAttention(spectral=True), MAP),
    "basis": (lambda: Basis(3, 2), ROWS),
    "bias": (lambda: Bias(), MAP),
    "clip": (lambda: Clip(), MAP),
    "down": (lambda: Downsample(), MAP),
    "group norm": (lambda: GroupNorm(4), MAP),
    "grouped": (lambda: GroupedConv2D(2), MAP),
    "discrimination": (lambda: MinibatchDiscrimination(6, 3), ROWS),
    "pack": (lambda: Pack(2), MAP),
    "pixel": (lambda: PixelNorm(), MAP),
    "spectral conv": (
        lambda: SpectralNorm(layers.Conv2D(3, 3, 2, padding="same", use_bias=False)), MAP),
    "spectral dense": (lambda: SpectralNorm(layers.Dense(3, use_bias=False)), ROWS),
    "spectral transposed": (
        lambda: SpectralNorm(layers.Conv2DTranspose(3, 4, 2, padding="same", use_bias=False)), MAP),
    "std": (lambda: MinibatchStd(), MAP),
    "strided": (lambda: Conv2D(3, 4, 2, padding="same"), MAP),
    "strided transposed": (lambda: Conv2DTranspose(3, 4, 2, padding="same"), MAP),
    "up": (lambda: Upsample(), MAP),
    "wrap": (lambda: WrapPad(2), MAP),
}  # fmt: skip


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def shaken(layer: keras.Layer) -> keras.Layer:
    """With weights that are not zero, one or the identity."""
    rng = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(weight + 0.3 * rng.standard_normal(weight.shape))
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_it_survives_a_file_and_states_its_shape(name, tmp_path):
    make, given = LAYERS[name]
    x = keras.Input(given.shape[1:])
    model = keras.Model(x, make()(x))
    shaken(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    value = model(given)
    np.testing.assert_array_equal(again(given), value)
    assert model.output.shape[1:] == value.shape[1:]


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_first_and_second_order(name):
    """d/dv of sum sin f(x), and of its squared slope along x, by x and by every weight, against
    central differences."""
    make, given = LAYERS[name]
    keras.config.set_dtype_policy("float64")
    try:
        layer = make()
        x = tf.Variable(given.astype(np.float64))
        layer(x)
    finally:
        keras.config.set_dtype_policy("float32")
    shaken(layer)

    options = {"training": True} if name == "batch norm" or name.startswith("strided") else {}

    def total(seen):
        return tf.reduce_sum(tf.sin(tf.cast(layer(seen, **options), tf.float64)))

    def steepness():
        with tf.GradientTape() as tape:
            seen = tf.identity(x)
            tape.watch(seen)
            value = total(seen)
        return tf.reduce_sum(tf.square(tape.gradient(value, seen)))

    variables = [x, *[w.value for w in layer.trainable_weights]]
    for function in (lambda: total(x), steepness):
        assert_true_gradients(function, variables)


def assert_true_gradients(function, variables):
    with tf.GradientTape() as tape:
        value = function()
    gradients = tape.gradient(value, variables)
    rng = np.random.default_rng(1)
    for variable, gradient in zip(variables, gradients, strict=True):
        direction, centre = rng.normal(size=variable.shape), variable.numpy()
        values = []
        for step in (1e-6, -1e-6):
            variable.assign(centre + step * direction)
            values.append(function().numpy())
        variable.assign(centre)
        numeric = (values[0] - values[1]) / 2e-6
        exact = 0.0 if gradient is None else np.sum(tf.convert_to_tensor(gradient) * direction)
        assert exact == pytest.approx(numeric, rel=1e-5, abs=1e-5), variable.name


def train(layer: keras.Layer, given: np.ndarray, calls: int) -> None:
    """So many training calls, traced once."""
    call = tf.function(lambda: layer(given, training=True), autograph=False)
    for _ in range(calls):
        call()


@pytest.mark.parametrize("kind", ["spectral conv", "spectral dense", "spectral transposed"])
def test_sigma_is_the_largest_singular_value(kind):
    make, given = LAYERS[kind]
    layer = make()
    layer(given)
    kernel = layer.layer.kernel.numpy()
    if kind == "spectral transposed":
        kernel = np.swapaxes(kernel, 2, 3)
    largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
    train(layer, given, 200)
    assert float(layer.sigma()) == pytest.approx(largest, rel=1e-5)
    plain, bias = layer.layer(given), layer.bias.numpy()
    np.testing.assert_allclose(layer(given), plain / largest + bias, rtol=1e-4, atol=1e-5)


def test_sigma_in_training_has_true_second_derivatives():
    """One iteration from a fixed u, as in a training call: u and v are constants there."""
    keras.config.set_dtype_policy("float64")
    try:
        layer = SpectralNorm(layers.Dense(3, use_bias=False))
        x = tf.constant(ROWS.astype(np.float64))
        layer(x)
    finally:
        keras.config.set_dtype_policy("float32")
    start = layer.u.numpy()
    kernel = layer.layer.kernel

    def steepness():
        layer.u.assign(start)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.sin(layer(x, training=True)))
        return tf.reduce_sum(tape.gradient(total, x) ** 2)

    with tf.GradientTape() as tape:
        value = steepness()
    exact = tape.gradient(value, kernel.value).numpy()
    matrix = kernel.numpy()
    v = matrix @ start
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    u /= np.linalg.norm(u)

    def by_hand(weights: np.ndarray) -> float:
        scaled = weights / (v @ weights @ u)
        slopes = np.cos(ROWS @ scaled) @ scaled.T
        return float((slopes**2).sum())

    assert float(value) == pytest.approx(by_hand(matrix), rel=1e-6)
    for index in [(0, 0), (3, 2), (6, 1)]:
        shift = np.zeros_like(matrix)
        shift[index] = 1e-6
        numeric = (by_hand(matrix + shift) - by_hand(matrix - shift)) / 2e-6
        assert exact[index] == pytest.approx(numeric, rel=1e-4)


def test_sigma_of_an_embedding():
    layer = SpectralNorm(layers.Embedding(5, 4), use_bias=False)
    labels = np.arange(5, dtype=np.int32)
    layer(labels)
    train(layer, labels, 200)
    assert np.linalg.svd(layer(labels).numpy(), compute_uv=False)[0] == pytest.approx(1, rel=1e-4)


def test_the_gradient_flows_through_sigma():
    """With u converged, d sigma / d W = v u': against differences of NumPy's SVD."""
    layer = SpectralNorm(layers.Dense(3, use_bias=False))
    layer(ROWS)
    train(layer, ROWS, 300)
    with tf.GradientTape() as tape:
        sigma = layer.sigma()
    exact = tape.gradient(sigma, layer.layer.kernel.value).numpy()
    kernel = layer.layer.kernel.numpy().astype(np.float64)
    for index in [(0, 0), (3, 2), (6, 1)]:
        shift = np.zeros_like(kernel)
        shift[index] = 1e-5
        above, below = (np.linalg.svd(kernel + s, compute_uv=False)[0] for s in (shift, -shift))
        assert exact[index] == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-5)


def test_only_training_iterates():
    layer = SpectralNorm(layers.Dense(3, use_bias=False))
    layer(ROWS)
    u = layer.u.numpy()
    layer(ROWS, training=False)
    np.testing.assert_array_equal(layer.u, u)
    layer(ROWS, training=True)
    assert not np.array_equal(layer.u, u)


@pytest.mark.parametrize(
    "inner",
    [
        lambda: layers.Dense(2),
        lambda: layers.Dense(2, use_bias=False, activation="relu"),
        lambda: layers.ReLU(),
    ],
)
def test_spectral_norm_refuses(inner):
    with pytest.raises(ValueError, match="use_bias=False and no activation"):
        SpectralNorm(inner())


def test_minibatch_discrimination_is_a_loop():
    layer = MinibatchDiscrimination(6, 3)
    layer(ROWS)
    shaken(layer)
    directions, scale, bias = (w.numpy() for w in layer.weights)
    kernels = directions / np.sqrt((directions**2).sum(0)) * np.exp(scale)
    rows = np.einsum("na,abc->nbc", ROWS, kernels)
    expected = np.zeros((4, 6))
    for i in range(4):
        for b in range(6):
            for j in range(4):
                if j != i:
                    expected[i, b] += np.exp(-np.abs(rows[i, b] - rows[j, b]).sum())
    value = layer(ROWS).numpy()
    np.testing.assert_array_equal(value[:, :7], ROWS)
    np.testing.assert_allclose(value[:, 7:], expected + bias, rtol=1e-5)


@pytest.mark.parametrize(("batch", "group"), [(8, 4), (6, 3), (5, 1), (2, 2), (1, 1)])
def test_minibatch_std(batch, group):
    given = RNG.standard_normal((batch, 2, 3, 4)).astype(np.float32)
    groups = given.reshape(group, batch // group, 2, 3, 4)
    spread = np.sqrt(groups.var(axis=0) + 1e-8).mean(axis=(1, 2, 3))
    value = MinibatchStd(4)(given).numpy()
    np.testing.assert_array_equal(value[..., :4], given)
    expected = np.tile(spread, group)[:, None, None] * np.ones((1, 2, 3))
    np.testing.assert_allclose(value[..., 4], expected, rtol=1e-4)


def test_minibatch_std_and_a_lazy_penalty_are_compiled_by_xla():
    noise, image = keras.Input((3,), name="noise"), keras.Input((4, 4, 1), name="image")
    drawn = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(noise))
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(MinibatchStd(4)(image)))
    players = keras.Model({"noise": noise}, drawn), keras.Model({"image": image}, logits)
    gan = GAN(*players, NonSaturating(), [R1(1.0, every=2)])
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=True)
    images = RNG.uniform(-1, 1, (8, 4, 4, 1)).astype(np.float32)
    history = gan.fit(
        tf.data.Dataset.from_tensors(images).repeat(), steps_per_epoch=2, shuffle=False, verbose=0
    )
    assert history.history["penalty/r1"][0] > 0


def test_pack_puts_neighbours_on_the_last_axis():
    value = Pack(2)(MAP).numpy()
    np.testing.assert_array_equal(value[0], np.concatenate([MAP[0], MAP[1]], -1))
    np.testing.assert_array_equal(value[1], np.concatenate([MAP[2], MAP[3]], -1))
    np.testing.assert_array_equal(Pack(2)(ROWS)[1], np.concatenate([ROWS[2], ROWS[3]]))


def test_attention_begins_as_the_identity_and_is_the_formula():
    layer = SelfAttention()
    np.testing.assert_array_equal(layer(MAP), MAP)
    layer.gamma.assign(0.5)
    f, g, h, o = (
        part.kernel.numpy()[0, 0] for part in (layer.query, layer.key, layer.value, layer.out)
    )
    padded = np.pad(MAP, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=-np.inf)
    small = padded.reshape(4, 3, 2, 3, 2, 8).max((2, 4)).reshape(4, 9, 8)
    places = MAP.reshape(4, 30, 8)
    scores = np.einsum("nic,njc->nij", places @ f, small @ g)
    looks = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    expected = places + 0.5 * (looks @ (small @ h)) @ o
    np.testing.assert_allclose(layer(MAP), expected.reshape(MAP.shape), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["batch", "group"])
def test_conditional_norm_scales_by_the_label(kind):
    label = np.array([0, 1, 0, 2], np.int32)
    layer = ConditionalNorm(3, kind, groups=2)
    plain = layer([MAP, label], training=True).numpy()
    axes = (0, 1, 2) if kind == "batch" else (1, 2, 4)
    shaped = MAP if kind == "batch" else MAP.reshape(4, 6, 5, 2, 4)
    mean, variance = shaped.mean(axes, keepdims=True), shaped.var(axes, keepdims=True)
    expected = ((shaped - mean) / np.sqrt(variance + 1e-3)).reshape(MAP.shape)
    np.testing.assert_allclose(plain, expected, rtol=1e-3, atol=1e-4)
    shaken(layer)
    value = layer([MAP, label], training=True)
    scale, shift = layer.scale.numpy()[label], layer.shift.numpy()[label]
    expected = expected * scale[:, None, None] + shift[:, None, None]
    np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4)


def test_pixel_norm():
    value = PixelNorm()(MAP).numpy()
    np.testing.assert_allclose((value**2).mean(-1), 1, rtol=1e-4)
    np.testing.assert_allclose(value * np.sqrt((MAP**2).mean(-1, keepdims=True)), MAP, rtol=1e-4)


@pytest.mark.parametrize("taps", [(1, 1), (1, 2, 1), (1, 3, 3, 1), (1, 4, 6, 4, 1)])
def test_resampling_is_the_convolution(taps):
    """Along one axis: zeros between the pixels, then the filter; the filter, then every second."""
    line = RNG.standard_normal(7)
    image = np.tile(line[None, :, None, None], (1, 1, 4, 1)).astype(np.float32)
    taps = np.asarray(taps, float) / sum(taps)
    before = len(taps) // 2
    spread = np.zeros(14)
    spread[::2] = line
    padded = np.pad(spread, (before, len(taps)))
    up = [2 * (padded[i : i + len(taps)] * taps).sum() for i in range(14)]
    value = Upsample(tuple(taps))(image).numpy()
    assert value.shape == (1, 14, 8, 1)
    np.testing.assert_allclose(value[0, :, 3, 0], up, atol=1e-5)
    padded = np.pad(line, ((len(taps) - 1) // 2, len(taps)))
    down = [(padded[i : i + len(taps)] * taps).sum() for i in range(0, 7, 2)]
    wide = np.tile(image, (1, 1, 6, 1))
    value = Downsample(tuple(taps))(wide).numpy()
    assert value.shape == (1, 4, 12, 1)
    np.testing.assert_allclose(value[0, :, 6, 0], down, atol=1e-5)


def test_grouped_is_one_convolution_per_group():
    layer = GroupedConv2D(2)
    value = layer(MAP)
    kernel = layer.kernel.numpy()
    parts = [tf.nn.conv2d(MAP[..., s], kernel[..., s], 1, "SAME") for s in (slice(4), slice(4, 8))]
    np.testing.assert_allclose(value, np.concatenate(parts, -1), rtol=1e-5)
    with pytest.raises(ValueError, match="cannot be divided into 3 groups"):
        GroupedConv2D(3)(MAP)


def test_clip_is_for_pictures_not_for_training():
    np.testing.assert_array_equal(Clip()(MAP, training=True), MAP)
    np.testing.assert_array_equal(Clip()(MAP), np.clip(MAP, -1, 1))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_wrap_continues_with_the_opposite_border(size):
    around = [(0, 0), (size, size), (size, size), (0, 0)]
    np.testing.assert_array_equal(WrapPad(size)(MAP), np.pad(MAP, around, mode="wrap"))


@pytest.mark.parametrize(("size", "words"), [(0, "must be >= 1"), (6, "cannot be wrapped by 6")])
def test_wrap_refuses(size, words):
    with pytest.raises(ValueError, match=words):
        WrapPad(size)(MAP)
