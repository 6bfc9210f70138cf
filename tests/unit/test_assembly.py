"""What a settled recipe becomes: advice, refusals, precision, clipping, burn-in, balance."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.config import parse
from ganvas.data import Options, base, load
from ganvas.errors import ConfigError, DataError
from ganvas.gan.networks import R3GAN
from ganvas.gan.optimizers import Adam, eased
from ganvas.gan.penalties import PENALTIES, Critique
from ganvas.training.assembly import advice, assemble
from ganvas.training.preparing import prepare
from refusals import refuses

TINY = {
    "train.batch": 8, "train.kimg": 0.1, "train.steps_per_execution": 2,
    "networks.width": 4, "networks.discriminator_width": 4, "networks.noise": 8,
}  # fmt: skip


@pytest.fixture(scope="module")
def make_game(grey):
    def make(**values):
        values = {key.replace("__", "."): value for key, value in values.items()}
        config, source = prepare(grey, parse({}).with_values({**TINY, **values}), None)
        return assemble(config, source)[0], source

    return make


@pytest.fixture
def game(make_game):
    return make_game


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"loss": "relativistic", "penalties": [{"name": "r1", "weight": 1.0, "every": 4}]},
         "every = 1"),
        ({"loss": "wasserstein"}, "without a bound"),
        ({"penalties": [{"name": "gradient"}], "networks.discriminator_norm": "batch"},
         "mix images"),
        ({"penalties": [{"name": "dragan"}], "networks.discriminator_norm": "batch"},
         "mix images"),
        ({"penalties": [{"name": "gradient"}], "networks.minibatch": "std"}, "mix images"),
        ({"loss": "relativistic", "augment": "ada"}, 'augment = "diff"'),
        ({"loss": "least-squares", "augment": "ada"}, 'augment = "diff"'),
        ({"loss": "wasserstein", "penalties": [{"name": "lecam"}]}, "without a bound"),
    ],
)  # fmt: skip
def test_advice(values, words):
    (sentence,) = advice(parse({}).with_values(values))
    assert words in sentence


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"loss": "relativistic", "penalties": [{"name": "r1", "weight": 1.0}], "augment": "diff"},
        {"loss": "wasserstein", "train.clip": 0.01},
        {"loss": "wasserstein", "penalties": [{"name": "gradient"}]},
        {"loss": "wasserstein", "networks.discriminator_norm": "spectral"},
        {"penalties": [{"name": "gradient"}], "networks.discriminator_norm": "layer"},
        {"augment": "ada", "penalties": [{"name": "r1", "weight": 1.0, "every": 16}]},
    ],
)
def test_nothing_to_say(values):
    assert advice(parse({}).with_values(values)) == []


def test_fakes_cannot_be_shared_with_a_relativistic_loss(game):
    with refuses(ConfigError, "train.shared_fakes"):
        game(loss="relativistic", train__shared_fakes=True)


def test_a_batch_that_cannot_be_packed_is_refused(game):
    with refuses(ConfigError, "train.batch", "8", "3"):
        game(networks__pack=3)


def test_standard_deviation_of_single_images_is_refused(game):
    with refuses(ConfigError, "train.batch", "5"):
        game(networks__minibatch="std", train__batch=5)


def test_a_classifier_of_packs_is_refused():
    with refuses(ConfigError):
        advice(parse({}).with_values({"networks.head": "auxiliary", "networks.pack": 2}))


def test_a_class_of_another_kind_is_refused():
    with refuses(ConfigError):
        advice(parse({"loss": "json:JSONDecoder"}))


def test_each_place_in_a_pack_has_its_label(game):
    """The discriminator sees which image has which label."""
    gan, _ = game(networks__pack=2)
    rng = np.random.default_rng(0)
    for weight in gan.discriminator.trainable_weights:
        weight.assign(weight + rng.standard_normal(weight.shape))
    images = tf.constant(rng.uniform(-1, 1, (2, 16, 16, 1)), tf.float32)
    logits = [float(gan.logits(images, tf.constant(order))[0, 0]) for order in ([0, 1], [1, 0])]
    assert abs(logits[0] - logits[1]) > 1e-3


def test_packs_play_with_every_penalty_that_can_take_them(game):
    gan, source = game(networks__pack=2, penalties=[{"name": "r1", "weight": 1.0}])
    logs = gan.train_step(next(iter(source.stream(8, 0))))
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_clipped_weights_stay_clipped(game):
    gan, source = game(
        loss="wasserstein", train__clip=0.01, train__optimizer="rmsprop", train__learning_rate=0.1
    )
    gan.train_step(next(iter(source.stream(8, 0))))
    largest = [np.abs(weight).max() for weight in gan.discriminator.get_weights() if weight.size]
    assert max(largest) == pytest.approx(0.01)
    assert isinstance(gan.generator_optimizer, keras.optimizers.RMSprop)
    assert max(np.abs(weight).max() for weight in gan.generator.get_weights()) > 0.01


def test_eased_falls_along_half_a_cosine():
    values = [float(eased(tf.constant(step), 10, 1.0, 0.2)) for step in (0, 5, 10, 99)]
    np.testing.assert_allclose(values, [1.0, 0.6, 0.2, 0.2], atol=1e-6)
    assert eased(tf.constant(3), 0, 1.0, 0.2) == 0.2


def test_a_penalty_burns_in(game):
    gan, _ = game(penalties=[{"name": "r1", "weight": 1.0, "start": 5.0}], train__burn_in_kimg=0.08)
    assert gan.burn_in == 10
    real, fake = (
        Critique(lambda x: tf.reduce_sum(x**2, [1, 2, 3])[:, None], sign * tf.ones((8, 16, 16, 1)))
        for sign in (1, -1)
    )
    charged = []
    for step in (0, 5, 10, 20):
        gan.step.assign(step)
        charged.append(float(gan.charge(0, real, fake)))
    np.testing.assert_allclose(np.array(charged) / charged[2], [5, 3, 1, 1], rtol=1e-5)


def test_beta2_burns_in():
    """One weight, constant gradient g: the second moment is 1 - product of beta2's, times g^2."""
    weight = keras.Variable([1.0])
    optimizer = Adam(1e-3, 0.0, 0.99, beta2_start=0.5, burn_in=4)
    optimizer.build([weight])
    expected = 0.0
    for step in range(6):
        beta2 = 0.99 + (0.5 - 0.99) * (0.5 + 0.5 * np.cos(np.pi * min(step / 4, 1)))
        expected = beta2 * expected + (1 - beta2) * 9
        optimizer.apply([tf.constant([3.0])], [weight])
    np.testing.assert_allclose(optimizer._velocities[0].numpy(), [expected], rtol=1e-4)


# --- bfloat16 ---------------------------------------------------------------------------------


def test_bfloat16_computes_low_and_remembers_high(game):
    gan, source = game(train__precision="bfloat16")
    assert gan.generator.layers[-3].compute_dtype == "bfloat16"
    assert gan.generator.output.dtype == "float32"
    assert {v.dtype for v in gan.generator.variables + gan.discriminator.variables} <= {
        "float32", "int32", "uint32",
    }  # fmt: skip
    assert {layer.compute_dtype for layer in gan.ema_generator.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32", "only inside"
    images = gan.generate(tf.zeros((2, 8)), tf.zeros(2, tf.int32))
    assert images.dtype == tf.float32
    next(iter(source.stream(8, 0)))


@pytest.fixture(scope="module")
def games(make_game):
    """Precision -> a game with every penalty."""
    penalties = [{"name": name, "weight": 1.0} for name in sorted(PENALTIES)]
    return {
        precision: make_game(train__precision=precision, data__labels=False, penalties=penalties)[0]
        for precision in ("float32", "bfloat16")
    }


@pytest.mark.parametrize("name", sorted(PENALTIES))
def test_penalties_are_safe_in_bfloat16(name, games, batch):
    """Finite, of the size they have in float32, and felt by every weight of the discriminator."""
    values = {}
    for precision, gan in games.items():
        real = tf.constant(batch(8))
        with tf.GradientTape() as tape:
            critiques = [gan.critique(images, None) for images in (real, -real)]
            value = gan.charge(sorted(PENALTIES).index(name), *critiques)
        slopes = tape.gradient(value, [v.value for v in gan.discriminator.trainable_variables])
        assert all(np.isfinite(s).all() for s in slopes if s is not None)
        assert value.dtype == tf.float32
        values[precision] = float(value)
    assert values["bfloat16"] == pytest.approx(values["float32"], rel=0.05, abs=1e-4)


def test_a_game_in_bfloat16_with_everything_stays_finite(game):
    gan, source = game(
        train__precision="bfloat16", loss="relativistic-average", augment="diff",
        networks__discriminator_norm="spectral", networks__minibatch="discrimination",
        networks__condition="norm", networks__norm="group",
        penalties=[{"name": "r1", "weight": 1.0}, {"name": "r2", "weight": 1.0}],
    )  # fmt: skip
    for images in source.stream(16, 0).take(3):
        logs = gan.train_step(images)
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_large_logits_keep_their_differences_in_bfloat16(game, batch):
    gan, _ = game(train__precision="bfloat16", data__labels=False)
    head = [layer for layer in gan.discriminator.layers if isinstance(layer, keras.layers.Dense)]
    head[-1].bias.assign([100.0])
    logits = gan.critique(tf.constant(batch(64)), None).logits.numpy()
    assert len(set(logits.tolist())) > 60


# --- classes ----------------------------------------------------------------------------------


def numbered(count: int) -> np.ndarray:
    """uint8 [N, 16, 16]: image i begins with the value i."""
    pixels = np.zeros((count, 16, 16), np.uint8)
    pixels[:, 0, 0] = np.arange(count)
    pixels[:, 1] = 255
    return pixels


@pytest.fixture
def not_ahead(monkeypatch):
    """Read one batch at a time: orders of small classes take long to draw, and a stream of tiny
    images would read thousands of them ahead."""
    monkeypatch.setattr(base, "_PIECE_BYTES", 1)
    monkeypatch.setattr(base, "_WORKERS", 1)
    monkeypatch.setattr(base, "_AHEAD", 0)


def test_balanced_classes_come_alike_often_and_each_image_in_turn(not_ahead):
    """90 images of one class, 10 of another, none of a third."""
    labels = np.where(np.arange(100) < 90, 0, 2)
    source = load((numbered(100), labels), Options(balanced=True, holdout=0))
    assert source.class_shares == (0.5, 0.5)
    seen, classes = [], []
    for images, label in source.stream(20, seed=3).take(9):
        seen += list(np.round((images.numpy()[:, 0, 0, 0] + 1) * 127.5).astype(int))
        classes += list(label.numpy())
    assert classes.count(0) == classes.count(1) == 90
    assert sorted(set(seen)) == list(range(100)), "each image of the large class once"
    assert [seen.count(i) for i in range(90, 100)] == [9] * 10, "the small class nine times"
    for images, _ in source.stream(20, seed=3, start=37).take(1):
        going_on = np.round((images.numpy()[:, 0, 0, 0] + 1) * 127.5).astype(int)
    assert list(going_on) == seen[37:57]


def test_balanced_classes_meet_in_ever_new_pairs(not_ahead):
    source = load((numbered(20), np.arange(20) % 2), Options(balanced=True, holdout=0))
    ((images, labels),) = source.stream(1000, seed=3).take(1)
    which = np.round((images.numpy()[:, 0, 0, 0] + 1) * 127.5).astype(int)
    pairs = {tuple(sorted(pair)) for pair in which.reshape(-1, 2).tolist()}
    assert len(pairs) > 90, "of 100; ten if they met in the same order for ever"
    assert (np.sort(labels.numpy().reshape(-1, 2), axis=1) == [0, 1]).all()


def test_balance_needs_classes():
    with refuses(DataError):
        load(numbered(20), Options(balanced=True))


def test_balance_needs_single_images(tmp_path, npz):
    from ganvas.data import prepare as pack

    pack(npz, tmp_path / "packed")
    with refuses(DataError):
        load(tmp_path / "packed", Options(balanced=True))


# --- what an exporter meets -------------------------------------------------------------------


def test_r3gan_needs_no_xla():
    """`keras.layers.Conv2D(groups=...)` would mark its function as one that must be compiled."""
    generator = R3GAN(8, 8, 16, 1, 8).generator((16, 16, 3))
    function = tf.function(lambda noise: generator({"noise": noise}))
    graph = function.get_concrete_function(tf.TensorSpec((4, 8))).graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    marked = [f for f in graph.library.function if "_XlaMustCompile" in f.attr]
    assert not marked
    assert not [node for node in nodes if "_XlaMustCompile" in node.attr]
