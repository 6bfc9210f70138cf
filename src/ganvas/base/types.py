"""Names for types that many signatures use."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A `tf.Tensor`, symbolic or not, or what can be converted to one; TensorFlow has no types."""

LayerShape: TypeAlias = Any
"""The shape of a layer's input or output as Keras gives it: (B, H, W, C), or a dict of shapes."""

StrPath: TypeAlias = str | os.PathLike[str]
"""A path or an address that a user gives."""
