"""The algorithm: all computation with tensors. `model` is the GAN; the rest are its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from . import (
        augment as augment,
        layers as layers,
        losses as losses,
        model as model,
        networks as networks,
        optimizers as optimizers,
        penalties as penalties,
    )

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, {}, name)
