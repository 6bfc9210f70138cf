"""Keras models of a user as networks: adapted, and kept in a recipe as Keras configuration.

A recipe is data: a class that its configuration names is looked up, never imported (see
`base.keras_objects`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

from ...base.compat.keras import Functional, maker
from ...base.keras_files import LARGEST_CONFIG
from ...base.keras_objects import check_config
from ...base.types import Tensor
from ...errors import ConfigError
from .base import Networks, Shape, label_input

NAME = f"{__name__}:Given"
"""Of these networks, in a recipe."""
RANGES = {"tanh": "[-1, 1]", "sigmoid": "[0, 1]", "linear": "[-1, 1]"}
"""Last activations of a generator, and the range of its images."""
_SHAPES_ONLY = (layers.Reshape, layers.Permute, layers.Cropping2D, layers.Identity)
_ENDS = "end it with the activation tanh (images in [-1, 1]) or sigmoid (in [0, 1])"


class Given(Networks):
    """A generator and a discriminator from their Keras configurations.

    The generator takes noise, and an integer label or its one-hot code if it has a second input;
    its last activation says the range of its images. The discriminator takes images of that range,
    and the label likewise; a sigmoid at its end is left out, because losses take logits.

    Args:
        generator, discriminator: JSON of `keras.saving.serialize_keras_object`.
    """

    def __init__(self, generator: str, discriminator: str) -> None:
        self._texts, self._end = (generator, discriminator), ""
        for text in self._texts:
            _parsed(text)

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        model = _built(self._texts[0])
        first, label = inputs_of(model, "generator")
        if model.outputs[0].shape[1:] != shape:
            raise ValueError(f"the generator makes {_form(model.outputs[0].shape[1:])} images, and "
                             f"those of the data are {_form(shape)}: leave out data.size and "
                             "data.channels, or change its layers")  # fmt: skip
        taken = {"noise": keras.Input((math.prod(first.shape[1:]),), name="noise")}
        given = {id(first): _shaped(taken["noise"], first)}
        if label is not None:
            taken["label"] = label_input()
            given[id(label)] = _label(taken["label"], label, classes, model)
        images, self._end = _called(model, given), range_of(model)
        if self._end == "sigmoid":
            images = layers.Rescaling(2.0, -1.0)(images)
        return keras.Model(taken, images, name="generator")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        model = _built(self._texts[1])
        first, label = inputs_of(model, "discriminator")
        if last_of(model) == "sigmoid":
            _last(model).activation = keras.activations.linear
        taken = {"image": keras.Input(shape, name="image")}
        image = taken["image"]
        self._end = self._end or range_of(_built(self._texts[0]))
        if self._end == "sigmoid":
            image = layers.Rescaling(0.5, 0.5)(image)
        given = {id(first): image}
        if label is not None:
            taken["label"] = label_input()
            given[id(label)] = _label(taken["label"], label, classes, model)
        logits = _called(model, given)
        if len(logits.shape) == 1:
            logits = layers.Reshape((1,))(logits)
        return keras.Model(taken, logits, name="discriminator")


def spec_of(generator: keras.Model, discriminator: keras.Model) -> dict[str, str]:
    """The networks of a recipe that builds these models; neither is changed.

    Raises: ConfigError: a model that cannot be adapted, or kept as configuration.
    """
    try:
        for model, player in ((generator, "generator"), (discriminator, "discriminator")):
            if type(model) not in (keras.Sequential, Functional):
                raise ValueError(f"{type(model).__name__} is no Sequential or functional model, so "
                                 "its configuration does not hold its layers: build the "
                                 f"{player} as one of them")  # fmt: skip
        labels = [inputs_of(generator, "generator")[1] is not None,
                  inputs_of(discriminator, "discriminator")[1] is not None]  # fmt: skip
        if labels[0] != labels[1]:
            takes = "generator" if labels[0] else "discriminator"
            raise ValueError(f"only the {takes} takes labels: give both networks the input label, "
                             "or none")  # fmt: skip
        range_of(generator)
        last_of(discriminator)
        image, _ = inputs_of(discriminator, "discriminator")
        images, expected = generator.outputs[0].shape[1:], image.shape[1:]
        if images != expected:
            raise ValueError(f"the generator makes {_form(images)} images, and the discriminator "
                             f"takes {_form(expected)}: change one of them")  # fmt: skip
        texts = {"generator": _text(generator), "discriminator": _text(discriminator)}
        with keras.saving.custom_object_scope(classes_of(generator, discriminator)):
            Given(**texts)
    except ValueError as error:
        raise ConfigError(f"networks: {error}") from error
    return {"name": NAME, **texts}


def classes_of(*models: keras.Model) -> dict[str, type]:
    """Classes of layers that are not registered with Keras: their names tell nobody where they are
    from, so that they must be given again to whoever reads the models."""
    found = {}
    for layer in (layer for model in models for layer in _flat(model)):
        kind = type(layer)
        own = kind.__module__.partition(".")[0] != "keras"
        if own and keras.saving.get_registered_name(kind) == kind.__name__:
            found[kind.__name__] = kind
    return found


def inputs_of(model: keras.Model, player: str) -> tuple[Any, Any]:
    """The first input of a network, noise or image, and the label's or None. Raises: ValueError."""
    found = list(getattr(model, "inputs", None) or ())
    if len(found) not in (1, 2):
        raise ValueError(
            f"the {player} has {len(found) or 'no known'} inputs; "
            f"{'noise' if player == 'generator' else 'an image'}, and a label, are accepted: begin "
            "it with keras.Input(...)"
        )
    label = None
    if len(found) == 2:
        named = [one for one in found if "label" in one.name or "class" in one.name]
        whole = [one for one in found if "int" in str(one.dtype)]
        label = (named or whole or found[1:])[0]
        found = [one for one in found if one is not label]
    rank = len(found[0].shape)
    if None in found[0].shape[1:] or (player == "discriminator" and rank != 4):
        raise ValueError(f"the {player}'s input has shape {list(found[0].shape)}; "
                         f"{'[None, Z]' if player == 'generator' else '[None, H, W, C]'} is "
                         "accepted: give all sides to keras.Input(...)")  # fmt: skip
    return found[0], label


def range_of(model: keras.Model) -> str:
    """The last activation of a generator, one of `RANGES`. Raises: ValueError: another one."""
    outputs = model.outputs
    if len(outputs) != 1 or len(outputs[0].shape) != 4 or None in outputs[0].shape[1:]:
        raise ValueError(f"the generator's output has shape {[list(o.shape) for o in outputs]}; "
                         "one of [None, H, W, C] is accepted: end it with the image")  # fmt: skip
    layer = _last(model)
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    if name not in RANGES:
        what = f"the activation {name}" if name else f"a layer {type(layer).__name__}"
        raise ValueError(f"the generator ends with {what}, whose range is not known: {_ENDS}")
    return name


def last_of(model: keras.Model) -> str:
    """The last activation of a discriminator, linear or sigmoid. Raises: ValueError: it does not
    end with one logit or probability."""
    shapes = [tuple(one.shape) for one in model.outputs]
    name = getattr(getattr(_last(model), "activation", None), "__name__", "linear")
    if shapes not in ([(None, 1)], [(None,)]) or name not in ("linear", "sigmoid"):
        raise ValueError(
            f"the discriminator ends with shape {[list(one) for one in shapes]} and the activation "
            f"{name}; one logit for each image is accepted: end it with Dense(1)"
        )
    return name


def _text(model: keras.Model) -> str:
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    try:
        return json.dumps(config)
    except TypeError as error:
        raise ValueError(f"the configuration of {model.name} is not JSON ({error})") from error


def _parsed(text: str) -> Any:
    """Raises: ValueError: another text, or one that names what does not only compute."""
    if len(text) > LARGEST_CONFIG:
        raise ValueError("the configuration of a network may have 16 MiB")
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the configuration of a network is damaged ({error})") from error
    if not isinstance(config, dict) or config.get("class_name") not in ("Sequential", "Functional"):
        raise ValueError("the configuration of a network is not that of a Sequential or functional "
                         "model")  # fmt: skip
    check_config(config, {})
    return config


def _built(text: str) -> keras.Model:
    """A new model. Raises: ValueError: a configuration that Keras does not accept."""
    try:  # Keras changes the configuration that it reads
        model = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    except Exception as error:  # Keras raises nearly anything on configurations not its own
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"its configuration is not read: {why}") from error
    if not isinstance(model, keras.Model):
        raise ValueError("its configuration is that of no model")
    return model


def _flat(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        yield from _flat(layer) if isinstance(layer, keras.Model) else ()
        yield getattr(layer, "layer", layer)  # of a wrapper
        yield layer


def _last(model: keras.Model) -> keras.Layer:
    """The layer that computes the values of the output; later ones only reshape them."""
    layer = maker(model.outputs[0])
    while True:
        if isinstance(layer, keras.Model):
            layer = maker(layer.outputs[0])
        elif isinstance(layer, _SHAPES_ONLY):
            layer = maker(layer.input)
        else:
            return layer


def _called(model: keras.Model, given: dict[int, Tensor]) -> Tensor:
    """The model's output for these tensors in place of its inputs."""
    if isinstance(model, keras.Sequential):
        return model(given[id(model.inputs[0])])
    return model(keras.tree.map_structure(lambda one: given[id(one)], model.input))


def _shaped(x: Tensor, like: Tensor) -> Tensor:
    return x if len(like.shape) == 2 else layers.Reshape(like.shape[1:])(x)


def _label(label: Tensor, like: Tensor, classes: int, model: keras.Model) -> Tensor:
    """The label [B] as the model takes it: [B], [B, 1], or one-hot [B, K]."""
    if not classes:
        raise ValueError(
            f"the {model.name} takes labels, and the images have none: give (images, labels)"
        )
    shape = tuple(like.shape[1:])
    tables = [one.input_dim for one in _flat(model) if isinstance(one, layers.Embedding)]
    width = shape[0] if len(shape) == 1 and shape[0] != 1 else min(tables, default=classes)
    if len(shape) > 1 or width is None or width < classes:
        raise ValueError(
            f"the {model.name} takes a label of shape {[None, *shape]} in {width} classes, and the "
            f"images have {classes}: [None] or [None, 1] of integers, or one-hot, are accepted"
        )
    if shape in ((), (1,)):
        return layers.Reshape(shape)(label) if shape else label
    return keras.ops.one_hot(label, width)


def _form(shape: Any) -> str:
    return "x".join(map(str, shape))
