"""Names for types that stand in many signatures."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A `tf.Tensor`, symbolic or not, or what becomes one; TensorFlow brings no types."""

LayerShape: TypeAlias = Any
"""The shape of a layer's input or output, (B, H, W, C) or a dict of them, as Keras gives it."""

StrPath: TypeAlias = str | os.PathLike[str]
"""A path or an address, as a user gives it."""
