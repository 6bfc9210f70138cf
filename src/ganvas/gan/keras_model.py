"""What Keras's users expect of a model: `fit` that checks its images, and `save`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from ..config.build import build
from ..errors import ConfigError
from .augment import AUGMENTS, Augment
from .losses import LOSSES, Loss
from .penalties import PENALTIES, Penalty
from .replicated import DistributedModel

_KINDS: dict[str, tuple[Mapping[str, type], type]] = {
    "loss": (LOSSES, Loss), "penalty": (PENALTIES, Penalty), "augment": (AUGMENTS, Augment),
}  # fmt: skip
_TOLERANCE = 1e-3
"""Resized images may lie so far outside [-1, 1]."""


def part(kind: str, given: Any) -> Any:
    """A loss, penalty or augment: itself, or the one that a word or {"name": ...} describes."""
    return build(kind, given, *_KINDS[kind]) if isinstance(given, (str, dict)) else given


def spec(kind: str, chosen: Any) -> dict[str, Any]:
    """The part as `part` takes it.

    Raises: ConfigError: a part that is not in ganvas's tables. A file that is opened may not name
        code to run.
    """
    names = [name for name, one in _KINDS[kind][0].items() if one is type(chosen)]
    if not names:
        raise ConfigError(
            f"{kind} {type(chosen).__name__} is your own, and a .keras file may not name code to "
            "run: save gan.ema_generator, or use a run folder (ganvas.train)"
        )
    arguments = {
        name: getattr(chosen, name)
        for name in inspect.signature(type(chosen)).parameters
        if getattr(chosen, name, None) is not None
    }
    words = (str, int, float)
    texts = {k: v if isinstance(v, words) else ",".join(sorted(v)) for k, v in arguments.items()}
    return {"name": names[0], **texts}


def check_images(given: Any) -> None:
    """Looks at the first batch of what `fit` was given: images, (images, labels), or a `tf.data` or
    Keras data set of these.

    Raises: ValueError: values that are no floats in [-1, 1].
    """
    if isinstance(given, tf.data.Dataset):
        found = _first(given.element_spec)
        _check_type(getattr(found, "dtype", None))
        given = next(iter(given.take(1)), None)
    elif isinstance(given, keras.utils.PyDataset):
        given = given[0]
    images = _first(given)
    if not hasattr(images, "dtype"):  # a generator: its first batch cannot be put back
        return
    _check_type(images.dtype)
    some = np.asarray(images[:256])
    low, high = float(some.min(initial=0)), float(some.max(initial=0))
    if not (low >= -1 - _TOLERANCE and high <= 1 + _TOLERANCE):  # NaN, too
        raise ValueError(
            f"images must be in [-1, 1], got values from {low:g} to {high:g}: use "
            + ("x / 127.5 - 1" if low >= 0 and high <= 255 else "(x - low) / (high - low) * 2 - 1")
        )
    if float(some.min(initial=1)) >= 0:
        warnings.warn(
            f"images must be in [-1, 1], and all values of the first batch are in [0, {high:g}]: "
            "if they are scaled to [0, 1], use x * 2 - 1",
            stacklevel=3,
        )


def _first(given: Any) -> Any:
    while isinstance(given, (tuple, list)) and given:
        given = given[0]
    return given


def _check_type(given: Any) -> None:
    kind = tf.as_dtype(given) if given is not None else None
    if kind is not None and not kind.is_floating:
        hint = "images / 127.5 - 1" if kind == tf.uint8 else "a float type"
        raise ValueError(f"images must be floats in [-1, 1], got {kind.name}: use {hint}")


class KerasModel(DistributedModel):
    """A game that `keras.Model.save` writes whole, with its optimizers, and
    `keras.saving.load_model` opens.

    Attributes:
        checked: the images are known to be in [-1, 1]; else `fit` looks at its first batch.
    """

    checked = False
    saved_options: tuple[str, ...] = ()
    """Arguments of the constructor that are attributes of the same name."""

    def fit(self, x: Any = None, *args: Any, **options: Any) -> Any:
        """As `keras.Model.fit`. Raises: ValueError: images that are no floats in [-1, 1]."""
        if not self.checked:
            check_images(x)
            self.checked = True
        return super().fit(x, *args, **options)

    def test_step(self, data: Any) -> dict[str, Any]:
        """For `evaluate`: the losses and logits of the averaged generator, on images [N, H, W, C]
        in [-1, 1], or on (images, labels). They say who leads, not how good the images are:
        `ganvas.evaluate` says that."""
        game: Any = self
        real, label, _ = keras.utils.unpack_x_y_sample_weight(data)
        label = label if game.conditional else None
        inputs = {"noise": game.noise(real, "evaluate")}
        inputs |= {"label": label} if game.conditional else {}
        fake = tf.cast(game(inputs, training=False), tf.float32)
        on_real, on_fake = (game.logits(one, label, training=False)[:, 0] for one in (real, fake))
        values = {
            "discriminator": game.adversarial.discriminator(on_real, on_fake),
            "generator": game.adversarial.generator(on_real, on_fake),
            "real": on_real,
            "fake": on_fake,
        }
        for name, value in values.items():
            self.meters[name].update_state(value)
        return {name: self.meters[name].result() for name in values}

    def get_config(self) -> dict[str, Any]:
        game: Any = self
        augment = {"augment": spec("augment", game.augment)} if game.augment else {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator": serialize(game.generator),
            "discriminator": serialize(game.discriminator),
            "loss": spec("loss", game.adversarial),
            "penalties": [spec("penalty", penalty) for penalty in game.penalties],
            **augment,
            **{name: getattr(game, name) for name in self.saved_options},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        networks = ("generator", "discriminator")
        read = keras.saving.deserialize_keras_object
        given = {name: read(config[name], custom_objects=custom_objects) for name in networks}
        return cls(**{**config, **given})

    def get_compile_config(self) -> dict[str, Any]:
        game: Any = self
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "generator_optimizer": serialize(game.generator_optimizer),
            "discriminator_optimizer": serialize(game.discriminator_optimizer),
            "jit_compile": bool(self.jit_compile),
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        read = keras.saving.deserialize_keras_object
        self.compile(**{k: read(v) if isinstance(v, dict) else v for k, v in config.items()})

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        for number, variable in enumerate(self._variables_of_parts()):
            store[f"part{number}"] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        own = {name: store[name] for name in store.keys() if not name.startswith("part")}  # noqa: SIM118
        super().load_own_variables(own)
        for number, variable in enumerate(self._variables_of_parts()):
            variable.assign(store[f"part{number}"])

    def _variables_of_parts(self) -> list[Any]:
        game: Any = self
        return [variable for one in game.parts for variable in one.variables]
