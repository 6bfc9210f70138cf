"""Networks are built without a trace in the caller's process; private names of Keras are there."""

import importlib
import inspect
import os
import random
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import ganvas
from ganvas.base.building import building, precision
from ganvas.base.compat.keras import (
    BuiltModel,
    OwnMoments,
    adam_moments,
    initial_shape,
    random_state,
    set_random_state,
)
from ganvas.base.compat.litert import one_scale_for_each_dense_layer
from ganvas.base.compat.ray import FOLDER, loopback_only
from ganvas.base.workers import environment
from ganvas.config import load_recipe
from ganvas.gan.layers import BatchNorm
from ganvas.gan.networks import NETWORKS
from ganvas.training.assembly import Form, assemble


def drawn() -> list[float]:
    """The next number of each generator that a caller may have seeded."""
    return [
        random.random(),
        float(np.random.random()),
        float(keras.random.uniform(())),
        float(tf.random.uniform(())),
        float(keras.initializers.RandomUniform()((1,))[0]),
    ]


@pytest.fixture(autouse=True)
def as_before():
    """These tests seed on purpose."""
    python, numpy, others = random.getstate(), np.random.get_state(), random_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)
    set_random_state(others)
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")


def tiny() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])


@pytest.mark.parametrize("fails", [False, True])
def test_the_random_state_of_the_caller_stays(fails):
    keras.utils.set_random_seed(3)
    straight = [drawn(), drawn()]
    keras.utils.set_random_seed(3)
    found = [drawn()]
    try:
        with building(7):
            tiny()
            drawn()
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert [*found, drawn()] == straight


def test_initial_weights_follow_from_the_seed_alone():
    random.seed(1)
    with building(7):
        one = tiny().get_weights()[0]
    random.seed(2)
    with building(7):
        other = tiny().get_weights()[0]
    np.testing.assert_array_equal(one, other)


def test_policy_and_layout_are_ours_within_and_the_callers_afterwards():
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_image_data_format("channels_first")
    with building():
        assert keras.layers.Dense(2).compute_dtype == "float32"
        assert keras.layers.Conv2D(2, 3).data_format == "channels_last"
        with precision("bfloat16"):
            assert keras.layers.Dense(2).compute_dtype == "bfloat16"
        assert keras.layers.Dense(2).compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert keras.config.image_data_format() == "channels_first"


def assembled():
    recipe = load_recipe("quick").with_values({"networks.width": 4, "networks.noise": 4})
    return assemble(recipe, Form((28, 28, 1), 0))[0]


def test_a_gan_is_the_same_whatever_the_caller_set():
    expected = assembled()
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_image_data_format("channels_first")
    found = assembled()
    for one, other in zip(expected.weights, found.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    layers = [*found.generator.layers, *found.discriminator.layers, *found.ema_generator.layers]
    assert {layer.compute_dtype for layer in layers} == {"float32"}


def test_threads_build_one_after_the_other():
    expected = assembled().generator.get_weights()
    found = {}

    def build(name):
        found[name] = assembled().generator.get_weights()

    threads = [threading.Thread(target=build, args=(name,)) for name in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for weights in found.values():
        for one, other in zip(expected, weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_two_trainings_in_threads_equal_two_alone(grey, few_steps, tmp_path):
    def train(folder, seed):
        values = {**few_steps, "train.kimg": 0.128, "scores.times": 0, "train.seed": seed}
        run = ganvas.train(grey, "quick", run=folder, overrides=values, progress=False)
        states[folder.name] = run.load_state()

    states = {}
    for seed in range(2):
        train(tmp_path / f"alone{seed}", seed)
    threads = [
        threading.Thread(target=train, args=(tmp_path / f"thread{seed}", seed)) for seed in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(2):
        alone, together = states[f"alone{seed}"], states[f"thread{seed}"]
        assert alone.keys() == together.keys()
        for name, array in alone.items():
            np.testing.assert_array_equal(array, together[name], err_msg=name)


def test_private_names_of_keras():
    """What `base/compat` overrides is still what Keras calls."""
    assert "_maybe_symbolic_build(" in inspect.getsource(keras.Model.fit)
    assert BuiltModel._maybe_symbolic_build is not keras.Model._maybe_symbolic_build
    assert "self._moments(" in inspect.getsource(keras.layers.BatchNormalization.call)
    layer = BatchNorm()
    assert isinstance(layer, OwnMoments)
    with pytest.raises(ValueError, match="mask"):
        layer(tf.zeros((2, 3)), mask=tf.ones((2,), bool), training=True)


def test_the_shape_of_a_variable_is_known_before_its_value():
    shapes = []

    def create(make, **options):
        shapes.append(initial_shape(options["initial_value"]))
        return make(**options)

    with tf.variable_creator_scope(create):
        keras.layers.Dense(3).build((None, 2))
        tf.Variable(lambda: tf.zeros(5))
    assert shapes == [(2, 3), (3,), None]


def test_moments_of_adam():
    variable = keras.Variable([2.0])
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.9, beta_2=0.99)
    optimizer.build([variable])
    optimizer.apply([tf.constant([3.0])], [variable])
    mean, square = adam_moments(optimizer, variable)
    np.testing.assert_allclose([mean[0], square[0]], [0.3, 0.09], rtol=1e-5)


def test_private_names_of_tensorflows_converter():
    converter = tf.lite.TFLiteConverter.from_keras_model(tiny())
    name = "_experimental_disable_per_channel_quantization_for_dense_layers"
    assert getattr(converter, name) is False
    one_scale_for_each_dense_layer(converter)
    assert getattr(converter, name) is True


def test_private_names_of_ray():
    constants = pytest.importorskip("ray._private.ray_constants")
    before = constants.ENABLE_RAY_CLUSTER
    with loopback_only():
        assert constants.ENABLE_RAY_CLUSTER is False
    assert constants.ENABLE_RAY_CLUSTER is before
    assert FOLDER in inspect.getsource(importlib.import_module("ray").init)


def test_the_environment_of_children_is_no_longer_there_afterwards(monkeypatch):
    monkeypatch.setenv("OWN", "mine")
    monkeypatch.delenv("NEW", raising=False)
    with environment(OWN="ours", NEW="ours"):
        assert (os.environ["OWN"], os.environ["NEW"]) == ("mine", "ours")
    assert os.environ["OWN"] == "mine" and "NEW" not in os.environ


def test_no_network_draws_when_it_is_imported():
    """An initialiser that stands in a module would have a seed of that import."""
    held = [
        f"{module.__name__}.{name}"
        for module in list(sys.modules.values())
        if module and module.__name__.startswith("ganvas.")
        for name, value in vars(module).items()
        if isinstance(value, keras.initializers.Initializer)
    ]
    assert NETWORKS and not held
