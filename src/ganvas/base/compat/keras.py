"""Private names of Keras 3.15 and TensorFlow 2.21."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras.src.backend.common import global_state
from keras.src.models.functional import Functional as Functional, operation_fn
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED
from tensorflow.python.eager import context

from ..types import Tensor

_INITIALISES = "Variable._initialize_with_initializer."


class RandomState(NamedTuple):
    """What `keras.utils.set_random_seed` changes in Keras and TensorFlow."""

    keras_seed: int | None
    keras_generator: Any
    tensorflow_seed: int | None
    tensorflow_operations: Any


def random_state() -> RandomState:
    """The global seeds of this thread, and the generators that were made of them."""
    tensorflow = context.context()
    return RandomState(
        global_state.get_global_attribute(GLOBAL_RANDOM_SEED),
        global_state.get_global_attribute(GLOBAL_SEED_GENERATOR),
        tensorflow._seed,
        getattr(tensorflow, "_rng", None),  # made with the first seed
    )


def set_random_state(state: RandomState) -> None:
    """Put back what `random_state` gave."""
    global_state.set_global_attribute(GLOBAL_RANDOM_SEED, state.keras_seed)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, state.keras_generator)
    tensorflow = context.context()
    tensorflow._seed = state.tensorflow_seed
    if state.tensorflow_operations is not None:
        tensorflow._rng = state.tensorflow_operations
    elif hasattr(tensorflow, "_rng"):
        del tensorflow._rng


def run_graph(
    model: Functional, inputs: Any, replacement: Callable[[Any], Callable[..., Any] | None]
) -> Any:
    """What a Functional model computes in inference mode, with other functions in place of some
    of its operations.

    Args:
        replacement: an operation -> the function of its inputs that is called in its place; None:
            itself.
    """

    def chosen(operation: Any) -> Callable[..., Any]:
        if instead := replacement(operation):
            return lambda *inputs, **_: instead(*inputs)  # without `training` and the like
        return operation_fn(operation, training=False)

    return model._run_through_graph(model._standardize_inputs(inputs), operation_fn=chosen)


def initial_shape(value: Any) -> tuple[int, ...] | None:
    """The shape that Keras is about to give to a variable, from the function that computes its
    initial value, which is not called; None if the function is not Keras's own."""
    if not (isinstance(value, types.FunctionType) and value.__qualname__.startswith(_INITIALISES)):
        return None
    variable = inspect.getclosurevars(value).nonlocals.get("self")
    return tuple(variable.shape) if isinstance(variable, keras.Variable) else None


class BuiltModel(keras.Model):
    """A model that is built when it is made: `fit` need not find out its shapes, which fails on
    labels under several workers."""

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        pass


def maker(tensor: Any) -> Any:
    """The layer, model or operation that computes a symbolic tensor of Keras."""
    return tensor._keras_history.operation


class OwnMoments(keras.layers.BatchNormalization):
    """Batch normalisation by the mean and variance that `moments_of` gives."""

    def moments_of(self, inputs: Tensor, axes: list[int]) -> tuple[Tensor, Tensor]:
        """Mean and variance [C] of inputs [B, ..., C] over these axes."""
        raise NotImplementedError

    def _moments(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        if mask is not None:
            raise ValueError(f"{type(self).__name__} takes no mask")
        return self.moments_of(inputs, self._reduction_axes)


def schedule_of(optimizer: keras.Optimizer) -> Any:
    """The schedule of its learning rate; a variable if it has none."""
    return optimizer._learning_rate


def adam_moments(optimizer: keras.optimizers.Adam, variable: Any) -> tuple[Any, Any]:
    """Adam's two running means of a variable: of its gradient, and of the gradient's square."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]
