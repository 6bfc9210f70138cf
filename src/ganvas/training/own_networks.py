"""Keras models of a caller as the networks of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from ..errors import UsageError
from ..gan.networks.given import RANGES, classes_of, inputs_of, last_of, range_of, spec_of


@dataclass(frozen=True)
class OwnNetworks:
    """What a run needs of them. Without models, all is empty.

    Attributes:
        text: how they are used, for the header.
        values: of the recipe: the networks, and the form of the images that they take.
        weights: of generator and discriminator, with which they begin.
        classes: of layers that are not registered with Keras, by name.
    """

    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    weights: Sequence[list[np.ndarray]] = ()
    classes: Mapping[str, type] = field(default_factory=dict)


def own_networks(networks: Any, start_from: Any = None) -> OwnNetworks:
    """From (generator, discriminator), which are not changed; None: there are none.

    Raises: UsageError: no two models, ones that cannot be adapted, or another beginning.
    """
    if networks is None:
        return OwnNetworks()
    pair = tuple(networks) if isinstance(networks, (list, tuple)) else (networks,)
    if len(pair) != 2 or not all(isinstance(one, keras.Model) for one in pair):
        raise UsageError(
            "networks must be two Keras models, (generator, discriminator), got "
            f"{', '.join(type(one).__name__ for one in pair)}"
        )
    if start_from not in (None, "none"):
        raise UsageError(
            f"networks begin with their own weights, got start_from = {start_from!r}: leave it out"
        )
    generator, discriminator = pair
    spec = spec_of(generator, discriminator)
    height, width, channels = generator.outputs[0].shape[1:]
    labels = inputs_of(generator, "generator")[1] is not None
    values = {
        "networks": spec, "data.size": (height, width), "data.channels": channels,
        "data.labels": labels, "data.clusters": 0,
    }  # fmt: skip
    end = range_of(generator)
    text = f"Keras models of your own; images in {RANGES[end]} by the generator's {end}"
    if last_of(discriminator) == "sigmoid":
        text += "; the discriminator's sigmoid is left out, because losses take logits"
    weights = [one.get_weights() for one in pair]
    return OwnNetworks(text, values, weights, classes_of(*pair))
