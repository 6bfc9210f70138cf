"""Differential privacy: clipping, noise, samples and accounts, each against its own definition."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from ganvas.config import Config, load_recipe
from ganvas.data import Options
from ganvas.data.sources import load
from ganvas.errors import ConfigError, DataError, MissingExtra
from ganvas.gan import accounting
from ganvas.gan.private import PrivateGAN, check, clip_and_sum
from ganvas.training.assembly import assemble, settle, stream
from refusals import refuses

needs_accountant = pytest.mark.skipif(
    not importlib.util.find_spec("dp_accounting"),
    reason="the extra `privacy` is not installed",
)
SMALL = {
    "networks": {"name": "dcgan", "noise": 8, "width": 4, "discriminator_width": 4,
                 "max_width": 8, "embedding": 4},
    "train.batch": 16, "train.discriminator_steps": 3, "train.kimg": 0.48,
    "privacy.noise": 1.0, "privacy.epsilon": None,
}  # fmt: skip


def config(**values) -> Config:
    return load_recipe("dp").with_values({**SMALL, **values})


@pytest.fixture(scope="module")
def source(grey):
    return load(grey, Options(holdout=0, private=True))


@pytest.fixture(scope="module")
def game(source):
    gan, plan = assemble(config(), source)
    return gan, plan


def test_clip_and_sum_by_hand():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(5, 3, 2)), rng.normal(size=(5, 4))
    included = np.array([1, 1, 0, 1, 1], np.float32)
    lengths = np.sqrt((one**2).sum((1, 2)) + (two**2).sum(1))
    scale = included * np.minimum(1, 2.0 / lengths)
    sums, cut = clip_and_sum([tf.constant(one, tf.float32), tf.constant(two, tf.float32)],
                             tf.constant(included), 2.0)  # fmt: skip
    np.testing.assert_allclose(sums[0], (scale[:, None, None] * one).sum(0), rtol=1e-5)
    np.testing.assert_allclose(sums[1], (scale[:, None] * two).sum(0), rtol=1e-5)
    np.testing.assert_array_equal(cut, lengths > 2)


class Spy:
    """In the optimizer's place: keeps the gradients."""

    def apply(self, gradients, variables):
        self.seen = gradients


@pytest.fixture(scope="module")
def one_turn(game):
    """(images, labels, included, noise, clip, turn=0) -> gradients of a turn, which is traced
    once."""
    gan, _ = game

    @tf.function
    def traced(real, label, included, turn, noise, clip):
        spy = Spy()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gan, "discriminator_optimizer", spy)
            patch.setattr(gan, "noise_multiplier", noise)
            patch.setattr(gan, "clip_norm", clip)
            gan.train_privately(real, label, included, turn)
        return spy.seen

    def turn_of(real, label, included, *, noise, clip, turn=0):
        floats = (tf.constant(value, tf.float32) for value in (noise, clip))
        given = (tf.constant(real), tf.constant(label), tf.constant(included, tf.float32))
        return [one.numpy() for one in traced(*given, tf.constant(turn), *floats)]

    return turn_of


@pytest.fixture
def sample(batch):
    return batch(12), np.arange(12, dtype=np.int32) % 2


def test_without_noise_or_clipping_it_is_the_ordinary_gradient(game, one_turn, sample):
    gan, _ = game
    real, label = sample
    seen = one_turn(real, label, np.ones(12), noise=0.0, clip=1e9)
    fake = gan.partners(tf.constant(label), 0)
    weights = [v.value for v in gan.discriminator.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        game_ = gan.adversarial.discriminator(
            gan.logits(tf.constant(real), tf.constant(label))[:, 0],
            gan.logits(fake, tf.constant(label))[:, 0],
        )
        total = tf.reduce_sum(game_) / gan.batch
    expected = [tf.convert_to_tensor(g) for g in tape.gradient(total, weights)]
    for a, b in zip(seen, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_no_image_moves_a_turn_by_more_than_the_clip(game, one_turn, sample):
    gan, _ = game
    real, label = sample
    included = np.ones(12, np.float32)
    every = one_turn(50 * real, label, included, noise=1.0, clip=0.05)
    included[7] = 0
    without = one_turn(50 * real, label, included, noise=1.0, clip=0.05)
    moved = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(every, without, strict=True)))
    assert moved * gan.batch == pytest.approx(0.05, rel=1e-3)


def test_a_fake_does_not_follow_the_sample(game):
    """Batch normalisation in the generator must not carry a sample's size or labels into fakes."""
    gan, _ = game

    class Counting:
        def __call__(self, inputs, training):
            self.seen = {k: np.asarray(v) for k, v in inputs.items()}
            return tf.cast(inputs["label"], tf.float32)[:, None, None, None]

    before, gan.generator = gan.generator, Counting()
    try:
        fakes, pools = [], []
        for labels in ([0] * 5, [1, 0] * 20):
            fakes.append(np.asarray(gan.partners(tf.constant(labels), 0))[:, 0, 0, 0])
            pools.append(gan.generator.seen)
    finally:
        gan.generator = before
    np.testing.assert_array_equal(fakes[0], 0)
    np.testing.assert_array_equal(fakes[1], [1, 0] * 20)
    for key in pools[0]:
        np.testing.assert_array_equal(pools[0][key], pools[1][key])


def test_the_noise_has_its_size_and_is_fresh_each_turn(game, one_turn, sample):
    gan, _ = game
    nobody = np.zeros(12, np.float32)
    first, second, third = (
        one_turn(*sample, nobody, noise=3.0, clip=0.5, turn=turn) for turn in (0, 1, 0)
    )
    values = np.concatenate([g.ravel() for g in first]) * gan.batch
    assert values.std() == pytest.approx(1.5, rel=4 / np.sqrt(2 * len(values)))
    other = np.concatenate([g.ravel() for g in second]) * gan.batch
    assert abs(np.corrcoef(values, other)[0, 1]) < 5 / np.sqrt(len(values))
    again = np.concatenate([g.ravel() for g in third]) * gan.batch
    np.testing.assert_array_equal(values, again)


def test_the_generator_sees_no_image(game, source):
    """The same step on other images moves the generator alike, given the same discriminator."""
    gan, _ = game
    calls = []

    class Watching:
        reads_real = False

        def generator(self, real, fake):
            calls.append(real)
            return -fake

    before, gan.adversarial = gan.adversarial, Watching()
    gan.train_generator(tf.zeros((4, 1)), gan.even_labels(4, "generator"))
    gan.adversarial = before
    assert calls == [None]


def samples(source, seed, start, count, rate=0.1, turns=2):
    stream = source.poisson(rate, turns, seed, start)
    return [{k: v.numpy() for k, v in step.items()} for step in stream.take(count)]


def test_poisson_samples_are_addressed_and_independent(source):
    whole = samples(source, 7, 0, 60)
    for a, b in zip(whole[57:], samples(source, 7, 57, 3), strict=True):
        assert all(np.array_equal(a[key], b[key]) for key in a)
    sizes = [
        int(step["included"][step["turn"] == turn].sum()) for step in whole for turn in range(2)
    ]
    mean, variance = 25.6, 256 * 0.1 * 0.9
    assert np.mean(sizes) == pytest.approx(mean, abs=4 * np.sqrt(variance / len(sizes)))
    assert np.var(sizes) == pytest.approx(variance, rel=0.5)
    assert len(set(sizes)) > 5, "a fixed size is no Poisson sample"
    other = samples(source, 8, 0, 1)[0]
    assert other["images"].shape != whole[0]["images"].shape or not np.array_equal(
        other["images"], whole[0]["images"]
    )


def test_a_sample_is_never_empty_and_its_filler_never_counts(source):
    for step in samples(source, 0, 0, 5, rate=1e-9, turns=3):
        np.testing.assert_array_equal(step["included"], [0, 0, 0])
        np.testing.assert_array_equal(step["turn"], [0, 1, 2])


def test_shards_are_refused(npz, tmp_path):
    from ganvas.data import prepare

    prepare(npz, tmp_path / "shards", Options(holdout=0))
    with refuses(DataError):
        load(tmp_path / "shards", Options()).poisson(0.1, 1, 0)


def test_how_often_a_class_came_is_not_told(grey):
    images, labels = grey
    uneven = load((images[:200], labels[:200] * (np.arange(200) < 40)), Options(private=True))
    assert uneven.class_shares == (0.5, 0.5)
    absent = load((images, labels), Options(private=True))
    absent.__dict__["class_counts"] = (256, 0)
    assert absent.class_shares == (0.5, 0.5)


@pytest.mark.parametrize(
    "values,words",
    [
        ({"penalties": ["r1"]}, "penalties uses the images"),
        ({"scores.times": 3}, "scores.times"),
        ({"data.clusters": 5}, "data.clusters"),
        ({"augment": "ada"}, "augment"),
        ({"train.heal": True}, "train.heal"),
        ({"privacy.delta": 1.0}, "privacy.delta"),
    ],
)
def test_recipes_that_leak_beside_are_refused(values, words):
    with pytest.raises(ConfigError, match=words):
        config(**values)


@pytest.mark.parametrize(
    "networks,words",
    [
        ({"discriminator_norm": "batch"}, "keeps a state"),
        ({"discriminator_norm": "spectral"}, "keeps a state"),
        ({"minibatch": "std"}, "compares images"),
        ({"pack": 2}, "compares images"),
        ({"head": "auxiliary"}, "auxiliary"),
    ],
)
def test_players_that_mix_images_are_refused(networks, words, source):
    with pytest.raises(ConfigError, match=words):
        assemble(config(networks={**SMALL["networks"], **networks}), source)


def test_losses_that_show_the_generator_images_are_refused(source):
    with refuses(ConfigError):
        assemble(config(loss="relativistic"), source)


def test_layer_norm_is_one_images_own(source):
    gan, _ = assemble(config(networks={**SMALL["networks"], "discriminator_norm": "layer"}), source)
    assert isinstance(gan, PrivateGAN)
    check(gan)


@needs_accountant
def test_one_release_costs_what_the_formula_says():
    """Balle and Wang 2018, arXiv:1805.06530, theorem 8."""
    from scipy import optimize, stats

    def delta(epsilon, noise):
        a, b = 0.5 / noise, epsilon * noise
        return stats.norm.cdf(a - b) - np.exp(epsilon) * stats.norm.cdf(-a - b)

    for noise in (0.8, 2.0, 5.0):
        exact = optimize.brentq(lambda e, s=noise: delta(e, s) - 1e-5, 0, 50)
        assert accounting.epsilon(noise, 1.0, 1, 1e-5) == pytest.approx(exact, abs=1e-3)


@needs_accountant
def test_noise_is_found_and_spends_what_is_allowed(monkeypatch):
    noise = accounting.noise_for(3.0, 0.01, 500, 1e-5)
    assert 2.9 < accounting.epsilon(noise, 0.01, 500, 1e-5) <= 3.0
    monkeypatch.setattr(accounting, "_MOST_NOISE", 2.0)
    with refuses(ConfigError):
        accounting.noise_for(0.3, 0.1, 100, 1e-5)


@needs_accountant
def test_noise_hangs_on_a_secret_not_on_the_seed_of_the_recipe(source):
    one, other = (settle(config(**{"train.seed": 3}), source, "") for _ in range(2))
    assert one.privacy.key != other.privacy.key > 2**20
    games = [(c, *assemble(c, source)) for c in (one, other)]
    assert [gan.seed for _, gan, _ in games] == [one.privacy.key, other.privacy.key]
    drawn = [
        next(iter(stream(c, plan, source, 0))) for c, _, plan in (games[0], games[0], games[1])
    ]
    rows = [d["images"].numpy() for d in drawn]
    assert np.array_equal(rows[0], rows[1])
    assert rows[0].shape != rows[2].shape or not np.array_equal(rows[0], rows[2])
    assert settle(one, source, "").privacy.key == one.privacy.key, "a run goes on with its own"


@needs_accountant
def test_a_recipe_is_settled_once_and_cannot_be_overspent(source):
    asked = config(**{"privacy.noise": None, "privacy.epsilon": 2.0})
    settled = settle(asked, source, "")
    assert settled.privacy.noise > 0
    assert settle(settled, source, "").privacy.noise == settled.privacy.noise
    longer = settled.with_values({"train.kimg": 2.0})
    with refuses(ConfigError, "privacy.epsilon", "2"):
        settle(longer, source, "")
    assert settle(longer.with_values({"privacy.epsilon": 20.0}), source, "")


def test_without_an_accountant_it_says_so(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with refuses(MissingExtra, "'ganvas[privacy]'"):
        accounting.epsilon(1.234, 0.01, 10, 1e-5)
