"""Keras models of one's own as the networks of a run: how they are adapted, kept and read again."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import ganvas
from conftest import draw
from ganvas.errors import ConfigError, ModelError, UsageError
from ganvas.gan.networks.given import Given, classes_of, spec_of
from ganvas.training.own_networks import own_networks
from refusals import refuses

SHAPE = (16, 16, 1)
SHORT = {
    "train.kimg": 0.128, "train.batch": 8, "train.tick_kimg": 0.032, "train.steps_per_execution": 2,
    "watch.tensorboard": False, "watch.signals": False, "scores.times": 0,
}  # fmt: skip
"""16 steps in 4 ticks."""


class Twice(layers.Layer):
    def call(self, x):
        return 2 * x


def generator(end="tanh", *more):
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, "relu"),
            *more,
            layers.Dense(256, end),
            layers.Reshape(SHAPE),
        ]
    )


def discriminator(end=None):
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, strides=2, activation="leaky_relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1, activation=end),
        ]
    )


def conditional(shape=(), classes=2, dtype="int32"):
    noise, label = keras.Input((8,)), keras.Input(shape, dtype=dtype)
    image, same = keras.Input(SHAPE), keras.Input(shape, dtype=dtype)

    def table(x, width):
        if shape == (classes,):
            return layers.Dense(width)(x)
        return layers.Reshape((width,))(layers.Embedding(classes, width)(x))

    x = layers.Concatenate()([noise, table(label, 4)])
    x = layers.Reshape(SHAPE)(layers.Dense(256, "tanh")(x))
    y = layers.Dense(8, "relu")(layers.Flatten()(image))
    y = layers.Dense(1)(layers.Concatenate()([y, table(same, 4)]))
    return keras.Model([noise, label], x), keras.Model([image, same], y)


def adapted(pair, classes=0):
    networks = Given(**{k: v for k, v in spec_of(*pair).items() if k != "name"})
    made = [networks.generator(SHAPE, classes), networks.discriminator(SHAPE, classes)]
    for one, model in zip(made, pair, strict=True):
        one.set_weights(model.get_weights())
    return made


NOISE = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
IMAGES = np.random.default_rng(1).uniform(-1, 1, (5, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("end", ["tanh", "sigmoid", "linear"])
def test_images_are_in_the_range_of_the_last_activation(end):
    pair = generator(end), discriminator()
    made, judge = adapted(pair)
    raw = pair[0](NOISE).numpy()
    image = raw * 2 - 1 if end == "sigmoid" else raw
    np.testing.assert_allclose(made({"noise": NOISE}), image, atol=1e-6)
    seen = IMAGES / 2 + 0.5 if end == "sigmoid" else IMAGES
    np.testing.assert_allclose(judge({"image": IMAGES}), pair[1](seen), rtol=1e-4, atol=1e-6)


def test_a_sigmoid_of_the_discriminator_is_left_out():
    pair = generator(), discriminator("sigmoid")
    logits = adapted(pair)[1]({"image": IMAGES}).numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), pair[1](IMAGES), rtol=1e-4)
    assert pair[1].layers[-1].activation is keras.activations.sigmoid  # the caller's is not changed


@pytest.mark.parametrize("shape", [(), (1,), (2,)])
def test_a_second_input_takes_the_label(shape):
    dtype = "float32" if shape == (2,) else "int32"
    pair = conditional(shape, dtype=dtype)
    label = np.array([0, 1, 1, 0, 1])
    given = np.eye(2)[label] if shape == (2,) else label.reshape(5, *shape)
    made, judge = adapted(pair, 2)
    np.testing.assert_allclose(
        made({"noise": NOISE, "label": label}), pair[0]([NOISE, given]), atol=1e-6
    )
    np.testing.assert_allclose(
        judge({"image": IMAGES, "label": label}), pair[1]([IMAGES, given]), rtol=1e-4, atol=1e-6
    )


class Subclass(keras.Model):
    pass


REFUSED = {
    "relu": (lambda: (generator("relu"), discriminator()), ("activation relu", "tanh")),
    "a layer": (
        lambda: (
            keras.Sequential([keras.Input((8,)), layers.Reshape((2, 2, 2)), Twice()]),
            discriminator(),
        ),
        ("a layer Twice",),
    ),
    "no input": (lambda: (keras.Sequential([layers.Dense(256)]), discriminator()), ("Input",)),
    "vectors": (
        lambda: (keras.Sequential([keras.Input((8,)), layers.Dense(256)]), discriminator()),
        ("[None, H, W, C]",),
    ),
    "two logits": (
        lambda: (
            generator(),
            keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(2)]),
        ),
        ("Dense(1)", "[[None, 2]]"),
    ),
    "sizes": (
        lambda: (
            generator(),
            keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)]),
        ),
        ("16x16x1", "8x8x1"),
    ),
    "labels": (lambda: (conditional()[0], discriminator()), ("only the generator",)),
    "lambda": (
        lambda: (generator("tanh", layers.Lambda(lambda x: x)), discriminator()), ("Lambda",)
    ),
    "subclass": (lambda: (Subclass(), discriminator()), ("Subclass",)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_adapted_is_refused(name):
    make, parts = REFUSED[name]
    with refuses(ConfigError, *parts):
        own_networks(make())


def test_no_two_models_and_another_beginning_are_refused():
    with refuses(UsageError, "two Keras models", "Sequential"):
        own_networks(generator())
    with refuses(UsageError, "start_from"):
        own_networks((generator(), discriminator()), "auto")


def test_classes_that_do_not_fit_the_label_are_refused():
    networks = Given(**{k: v for k, v in spec_of(*conditional()).items() if k != "name"})
    with pytest.raises(ValueError, match="2 classes, and the images have 3"):
        networks.generator(SHAPE, 3)
    with pytest.raises(ValueError, match="the images have none"):
        networks.discriminator(SHAPE, 0)
    with pytest.raises(ValueError, match="makes 16x16x1 images, and those of the data are 32x32x1"):
        networks.generator((32, 32, 1))


def test_a_recipe_of_somebody_runs_nothing():
    text = json.loads(spec_of(generator(), discriminator())["generator"])
    other = {"class_name": "system", "module": "os", "registered_name": None}
    text["config"]["layers"][1] |= other
    for wrong in (json.dumps(text), "[]", "{", '{"class_name": "Dense"}'):
        with pytest.raises(ValueError, match=r"configuration of a network|the class system"):
            Given(wrong, wrong)


class Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append((epoch, sorted(logs)[:2], type(self.model).__name__))

    def on_train_end(self, logs=None):
        self.calls.append("end")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 4 ticks with own networks, one of which has a layer that is not registered."""
    keras.utils.set_random_seed(3)
    pair = generator("sigmoid", Twice()), discriminator("sigmoid")
    seen = Seen()
    run = ganvas.train(
        draw(64)[0], overrides=SHORT, run=tmp_path_factory.mktemp("own") / "run", networks=pair,
        callbacks=[seen], progress=False,
    )  # fmt: skip
    return run, pair, seen


def test_callbacks_see_one_training_of_ticks(whole):
    calls = whole[2].calls
    assert (calls[0], calls[-1]) == ("begin", "end")
    assert [call[0] for call in calls[1:-1]] == [0, 1, 2, 3]
    assert calls[1][1:] == (["discriminator", "fake"], "GAN")
    assert "ganvas.gan.networks.given:Given" in json.dumps(whole[0].config.model_dump(mode="json"))


def test_a_run_is_sampled_if_its_class_is_given_again(whole):
    run, pair, _ = whole
    assert classes_of(*pair) == {"Twice": Twice}
    with refuses(ModelError, "Twice", "custom_objects"):
        ganvas.load(run)
    sampler = ganvas.load(run, custom_objects={"Twice": Twice})
    assert sampler.sample(3).shape == (3, *SHAPE)


def test_it_begins_with_the_given_weights_and_resumes_as_if_it_was_not_interrupted(whole, tmp_path):
    run, pair, _ = whole
    began = {}

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            began.update(ganvas.Run(tmp_path / "b").load_state(before=1) or {})
            self.model.stop_training = epoch == 1

    options = {"networks": pair, "progress": False, "overrides": SHORT}
    half = ganvas.train(draw(64)[0], run=tmp_path / "b", callbacks=[Stop()], **options)
    assert half.status() == "interrupted"
    np.testing.assert_array_equal(began["generator/000"], pair[0].get_weights()[0])
    with refuses(ConfigError, "Twice", "custom_objects"):
        ganvas.resume(half, data=draw(64)[0], progress=False)
    ganvas.resume(half, data=draw(64)[0], custom_objects={"Twice": Twice}, progress=False)
    for name, array in run.load_state().items():
        np.testing.assert_array_equal(half.load_state()[name], array, name)


def test_labels_and_one_file_of_a_model(tmp_path):
    run = ganvas.train(
        draw(64), "quick", overrides=SHORT, run=tmp_path / "run", networks=conditional(),
        progress=False,
    )  # fmt: skip
    assert ganvas.load_game(run).conditional
    assert ganvas.load(run).sample(2, label=[0, 1]).shape == (2, *SHAPE)
    folder = ganvas.export(run, tmp_path / "model", formats=["saved_model"], data=draw(64))
    assert ganvas.load(folder).sample(2, label=1).shape == (2, *SHAPE)
