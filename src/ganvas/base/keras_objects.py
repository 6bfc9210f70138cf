"""Which classes and functions a Keras file may name: those that only compute.

Keras makes an object of every {"class_name": ..., "module": ...} in a file. Each is looked up here
first, in the order in which Keras 3.15 looks it up, but without an import:

1. classes and functions that are registered, which the user, or ganvas, has imported;
2. public classes of Keras, and classes of its imported modules, of the kinds below;
3. names without a module, as in files of Keras 2.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras.src.layers.preprocessing.index_lookup import IndexLookup

_KINDS: tuple[type, ...] = (
    keras.layers.Layer, keras.initializers.Initializer, keras.constraints.Constraint,
    keras.regularizers.Regularizer, keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap,
    keras.random.SeedGenerator, keras.optimizers.Optimizer, keras.losses.Loss,
    keras.metrics.Metric, keras.optimizers.schedules.LearningRateSchedule,
)  # fmt: skip
_REFUSED: tuple[type, ...] = (
    keras.layers.Lambda,  # holds Python code
    keras.layers.TFSMLayer,  # reads a SavedModel
    keras.layers.TorchModuleWrapper, keras.layers.JaxLayer, keras.layers.FlaxLayer,  # hold programs
    keras.layers.TextVectorization, IndexLookup,  # read vocabularies
)  # fmt: skip
_OPERATIONS = "keras.src.ops."
_DATA = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")
_TYPES = {np.dtype(kind).name for kind in "?bBhHiIlLefdFD"} | {"bfloat16"}
_HELPERS = {"get", "serialize", "deserialize"}
_LEGACY = (
    keras.layers, keras.models, keras.initializers, keras.constraints, keras.regularizers,
    keras.optimizers, keras.optimizers.schedules, keras.losses, keras.metrics,
)  # fmt: skip


def check_config(config: Any, own: Mapping[str, Any]) -> None:
    """Check every object in the configuration of a model.

    Args:
        config: the content of config.json.
        own: classes by registered name, besides those that are registered with Keras.

    Raises: ValueError: an object that is not accepted; the message names it.
    """
    for node in _dictionaries(config):
        if "class_name" in node:
            _check(node, own)


def _dictionaries(config: Any) -> Iterator[dict[str, Any]]:
    """All of them, at any depth. Of the model itself, Keras is told not to compile it."""
    if isinstance(config, dict):
        config = {key: value for key, value in config.items() if key != "compile_config"}
    rest = [config]
    while rest:
        node = rest.pop()
        if isinstance(node, dict):
            yield node
            rest.extend(node.values())
        elif isinstance(node, list):
            rest.extend(node)


def _check(node: dict[str, Any], own: Mapping[str, Any]) -> None:
    name, module, content = node["class_name"], node.get("module"), node.get("config")
    registered = node.get("registered_name", name)
    texts = [name, *(text for text in (module, registered) if text is not None)]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"it names an object by {texts}, which are not words")
    if name in _DATA:
        _check_data(content)
    elif name.startswith("__"):
        raise ValueError(f"it holds a {name}, which is no layer that only computes")
    elif name == "function":
        if not isinstance(content, str) or not _is_function(module, content, own):
            raise ValueError(f"it names the function {module}.{content}: activations are accepted")
    elif _registered(name if module is None else registered, own) is None:
        found = _by_module(module, name) if module is not None else _by_name(name)
        if found is None:
            raise ValueError(
                f"it names the class {registered or name}, which is not known: if it is yours, "
                f"give it again by custom_objects={{{(registered or name)!r}: ...}}, or register "
                "it by keras.saving.register_keras_serializable, and import its module first, on "
                f"the command line by `ganvas --import {module or 'MODULE'} ...`"
            )
        if not _computes(found):
            raise ValueError(f"it names {module}.{name}, which is no layer that only computes")


def _check_data(content: Any) -> None:
    kind = content.get("dtype") if isinstance(content, dict) else None
    if kind is not None and kind not in _TYPES:
        raise ValueError(f"it holds an array of type {kind}")


def _registered(name: str | None, own: Mapping[str, Any]) -> Any:
    return None if name is None else keras.saving.get_registered_object(name, own)


def _is_function(module: str | None, name: str, own: Mapping[str, Any]) -> bool:
    """Whether it is registered, or a formula of Keras."""
    if _registered(name, own) is not None:
        return True
    if name in _HELPERS or not name.isidentifier():
        return False
    homes = {
        "keras.activations": keras.activations, "keras.losses": keras.losses,
        "keras.metrics": keras.metrics,
    }  # fmt: skip
    found = [vars(home).get(name) for at, home in homes.items() if module in ("builtins", at)]
    return any(callable(one) and not isinstance(one, type) for one in found)


def _by_module(module: str, name: str) -> Any:
    """The public object of Keras, or that of a module of Keras that is imported."""
    if module.partition(".")[0] != "keras":
        return None
    found: Any = keras
    for part in f"{module}.{name}".split(".")[1:]:
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found if found is not None else vars(sys.modules.get(module, object)).get(name)


def _by_name(name: str) -> Any:
    if name == "Functional":
        return keras.Model
    found = [vars(home)[name] for home in _LEGACY if name in vars(home)]
    return found[0] if found and all(map(_computes, found)) else (object if found else None)


def _computes(found: Any) -> bool:
    if not isinstance(found, type) or issubclass(found, _REFUSED):
        return False
    operation = issubclass(found, keras.Operation) and found.__module__.startswith(_OPERATIONS)
    return operation or issubclass(found, _KINDS)
