"""The game: who learns when, the average, the addresses of randomness."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.losses import LOSSES
from ganvas.gan.model import GAN
from ganvas.gan.networks import DCGAN
from ganvas.gan.penalties import R1
from ganvas.gan.turns import update

SHAPE = (16, 16, 1)
PAIR = DCGAN(noise=4, width=4, discriminator_width=4, embedding=2)
FULL = pytest.mark.proof


def build(loss="hinge", classes=0, seed=0, execution=1, **options):
    keras.utils.set_random_seed(1)
    gan = GAN(
        PAIR.generator(SHAPE, classes),
        PAIR.discriminator(SHAPE, classes),
        LOSSES[loss](),
        seed=seed,
        **options,
    )
    adam = keras.optimizers.Adam
    gan.compile(adam(1e-3, 0.5), adam(1e-3, 0.5), steps_per_execution=execution)
    return gan


def data(gan, classes=0, batch=4):
    images = tf.random.stateless_uniform((64, *SHAPE), (0, 1), -1, 1)
    labels = tf.range(64) % 3
    parts = (images, labels) if classes else images
    return tf.data.Dataset.from_tensor_slices(parts).repeat().batch(batch * gan.turns)


def fit(gan, steps, classes=0):
    gan.fit(data(gan, classes), epochs=1, steps_per_epoch=steps, shuffle=False, verbose=0)


def train(gan, count):
    """Training steps without a graph, which takes longer to build than a few steps."""
    for images in data(gan).take(count):
        gan.train_step(images)


def weights(model):
    return [v.numpy().copy() for v in model.trainable_variables]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def plain():
    """Weights of (generator, discriminator) after 0, 1 ... 8 steps of a game by `fit`."""
    gan = build()
    path = []

    def note(*_):
        path.append((weights(gan.generator), weights(gan.discriminator)))

    note()
    callback = keras.callbacks.LambdaCallback(on_epoch_end=note)
    gan.fit(data(gan), epochs=8, steps_per_epoch=1, shuffle=False, verbose=0, callbacks=[callback])
    assert int(gan.step.numpy()) == 8
    return path


def test_both_players_learn(plain):
    for before, after in zip(plain[0], plain[2], strict=True):
        assert not same(before, after)


# Each loss, with and without labels, has a step without a graph in contracts/test_losses.py.
@pytest.mark.parametrize(
    ("loss", "classes"),
    [
        pytest.param(loss, classes, marks=() if (loss, classes) == ("relativistic", 3) else FULL)
        for loss in LOSSES
        for classes in (0, 3)
    ],
)
def test_both_players_learn_with_every_loss(loss, classes):
    gan = build(loss, classes)
    before = weights(gan.generator), weights(gan.discriminator)
    fit(gan, 2, classes)
    assert not same(before[0], weights(gan.generator))
    assert not same(before[1], weights(gan.discriminator))
    assert int(gan.step.numpy()) == 2


def test_warm_up_trains_the_discriminator_alone():
    gan = build()
    gan.warm_up(True)
    generator, average = weights(gan.generator), weights(gan.ema_generator)
    discriminator = weights(gan.discriminator)
    fit(gan, 3)
    assert same(generator, weights(gan.generator))
    assert same(average, weights(gan.ema_generator))
    assert not same(discriminator, weights(gan.discriminator))
    gan.warm_up(False)
    fit(gan, 1)
    assert not same(generator, weights(gan.generator))


def test_turns_of_the_discriminator():
    gan = build(discriminator_steps=3)
    train(gan, 2)
    assert gan.turns == 3
    assert int(gan.discriminator_optimizer.iterations.numpy()) == 6
    assert int(gan.generator_optimizer.iterations.numpy()) == 2
    assert build("relativistic", discriminator_steps=3).turns == 4


@pytest.mark.parametrize("loss, generator", [("hinge", 1), ("relativistic", 2)])
def test_each_turn_has_images_of_its_own(loss, generator, monkeypatch):
    """The last batch is the generator's, where the loss reads real images."""
    gan = build(loss, classes=3, discriminator_steps=2)
    images, labels = next(iter(data(gan, 3)))
    seen = []

    def note(real, label, turn="generator", fakes=None):
        seen.append((turn, real.numpy(), label.numpy()))

    monkeypatch.setattr(gan, "train_discriminator", note)
    monkeypatch.setattr(gan, "train_generator", note)
    monkeypatch.setattr(gan, "update_ema", lambda count: None)
    gan.train_step((images, labels))
    assert [turn for turn, *_ in seen] == [0, 1, "generator"]
    for batch, (_, real, label) in zip((0, 1, generator), seen, strict=True):
        np.testing.assert_array_equal(real, images[4 * batch : 4 * batch + 4])
        np.testing.assert_array_equal(label, labels[4 * batch : 4 * batch + 4])


def test_average_follows_its_formula():
    gan = build(ema_images=10.0, ema_ramp=0.5)
    average = [w.numpy() for w in gan.generator.weights]
    for step in range(1, 4):
        train(gan, 1)
        half_life = min(10.0, 0.5 * 4 * step)
        keep = 0.5 ** (4 / half_life)
        current = [w.numpy() for w in gan.generator.weights]
        average = [c + keep * (a - c) for a, c in zip(average, current, strict=True)]
    for expected, weight in zip(average, gan.ema_generator.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_same_seed_same_run_other_seed_other_run():
    runs = []
    for seed in (5, 5, 6):
        gan = build(seed=seed)
        train(gan, 3)
        runs.append(weights(gan.generator))
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_steps_per_execution_changes_nothing(plain):
    four = build(execution=4)
    fit(four, 8)
    for a, b in zip(plain[8][0], weights(four.generator), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_lazy_penalty_is_paid_when_due_and_counted_every_times():
    gan = build(penalties=[R1(weight=2.0, every=3)])
    real = tf.random.stateless_uniform((4, *SHAPE), (0, 1), -1, 1)
    critiques = gan.critique(real, None), gan.critique(-real, None)
    value = float(tf.reduce_mean(gan.penalties[0].per_image(*critiques, gan.address())))
    paid = []
    for step in range(4):
        gan.step.assign(step)
        paid.append(float(gan.charge(0, *critiques)))
    assert paid[1] == paid[2] == 0
    assert paid[0] == paid[3] == pytest.approx(6.0 * value, rel=1e-5)


def test_lazy_penalty_trains_inside_fit(plain):
    lazy = build(penalties=[R1(weight=50.0, every=2)])
    fit(lazy, 3)
    assert not same(weights(lazy.discriminator), plain[3][1])


def test_an_auxiliary_classifier_is_paid_for_by_both():
    """Cross-entropy of the label: in full on real images and on fakes."""
    keras.utils.set_random_seed(1)
    pair = DCGAN(noise=4, width=4, discriminator_width=4, embedding=2, head="auxiliary")
    gan = GAN(pair.generator(SHAPE, 3), pair.discriminator(SHAPE, 3), LOSSES["hinge"]())
    images = tf.random.stateless_uniform((6, *SHAPE), (0, 1), -1, 1)
    label = tf.constant([0, 1, 2, 2, 1, 0])
    said = gan.critique(images, label)
    assert said.classes.shape == (6, 3)
    scores = said.classes.numpy() - said.classes.numpy().max(1, keepdims=True)
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    expected = -np.log(shares[np.arange(6), label.numpy()]).mean()
    assert float(gan.classify(said, label, "discriminator")) == pytest.approx(expected, rel=1e-5)
    assert float(gan.classify(said, label, "generator")) == pytest.approx(expected, rel=1e-5)


def test_a_label_that_comes_twice_counts_as_the_sum():
    """The gradient of an embedding comes as rows, one for each look: its norm is not theirs."""
    layer = keras.layers.Embedding(3, 2, embeddings_initializer="zeros")
    layer.build()
    labels = tf.constant([1, 1, 2])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(labels))
    optimizer = keras.optimizers.SGD(1.0)
    slope = update(optimizer, layer, tape, total)
    expected = np.array([[0, 0], [2, 2], [1, 1]], np.float32)
    assert float(slope) == pytest.approx(np.linalg.norm(expected))
    np.testing.assert_allclose(layer.embeddings.numpy(), -expected)


@pytest.mark.parametrize(
    ("classes", "data", "words"),
    [
        (3, tf.zeros((4, *SHAPE)), "got images without labels"),
        (0, tf.zeros((5, *SHAPE)), "equal batches"),
    ],
)
def test_wrong_data_is_one_sentence(classes, data, words):
    gan = build("relativistic", classes=classes)
    with pytest.raises(ValueError, match=words):
        gan.train_step(data)


def test_a_discriminator_with_outputs_that_nobody_reads_is_refused():
    image = keras.Input(SHAPE, name="image")
    four = keras.Model({"image": image}, keras.layers.Dense(4)(keras.layers.Flatten()(image)))
    with pytest.raises(ValueError, match="the discriminator has 4 outputs"):
        GAN(PAIR.generator(SHAPE), four, LOSSES["hinge"]())


def test_two_penalties_of_a_kind_have_a_meter_each():
    gan = build(penalties=[R1(1.0), R1(2.0), R1(3.0)])
    assert gan.charges == ["penalty/r1", "penalty/r1-2", "penalty/r1-3"]


def test_noise_has_an_address():
    gan = build(seed=3)
    like = tf.zeros((5, 1))
    first = gan.noise(like, "generator")
    np.testing.assert_array_equal(first, gan.noise(like, "generator"))
    assert not np.array_equal(first, gan.noise(like, "discriminator", 0))
    gan.step.assign(1)
    assert not np.array_equal(first, gan.noise(like, "generator"))


def test_shared_fakes_are_made_once_and_judged_by_the_updated_discriminator(monkeypatch):
    """The generator's gradient is that of its loss on the fakes of the discriminator's turn, under
    the discriminator after its update."""
    gan, other = build("nonsaturating", shared_fakes=True), build("nonsaturating")
    generate, made = gan.generate, []
    monkeypatch.setattr(gan, "generate", lambda *a, **b: made.append(generate(*a, **b)) or made[-1])
    images = next(iter(data(gan)))
    gan.train_step(images)
    assert len(made) == 1
    # The same by hand, in the parts that a step without shared fakes has.
    noise = other.noise(images, "generator")
    other.train_discriminator(images, None, 0, other.record(noise, None))
    other.train_generator(images, None)
    other.update_ema(len(images))
    for network in ("generator", "discriminator", "ema_generator"):
        pair = (getattr(each, network) for each in (gan, other))
        learned = ([w for w in each.weights if "moving" not in w.path] for each in pair)
        for one, wanted in zip(*learned, strict=True):
            np.testing.assert_allclose(one, wanted, atol=3e-6)


def test_shared_fakes_move_the_generator_in_a_graph_and_not_in_the_warm_up():
    gan = build("hinge", shared_fakes=True)
    start = weights(gan.generator)
    gan.warm_up(True)
    fit(gan, 1)
    assert same(start, weights(gan.generator))
    gan.warm_up(False)
    fit(gan, 2)
    assert not same(start, weights(gan.generator))


@pytest.mark.parametrize("options", [{"discriminator_steps": 2}, {"loss": "relativistic"}])
def test_shared_fakes_need_one_turn_and_no_pairs(options):
    with pytest.raises(ValueError, match="shared_fakes needs"):
        build(shared_fakes=True, **options)
