"""Private names of TensorFlow 2.21's converter and of LiteRT 2."""

from __future__ import annotations

from typing import Any


def one_scale_for_each_dense_layer(converter: Any) -> None:
    """Let int8 quantisation take one scale for a dense layer, not one for each of its outputs."""
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True


def operations(interpreter: Any) -> list[dict[str, Any]]:
    """The operations of a file as they will run: "op_name", and indices of "inputs" and "outputs".

    Args:
        interpreter: with its tensors allocated.
    """
    return interpreter._get_ops_details()
