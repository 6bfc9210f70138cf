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


def outside(interpreter: Any) -> tuple[int, list[str]]:
    """How many delegates run a file, and the operations that none of them runs, by name.

    Args:
        interpreter: with its tensors allocated.
    """
    nodes = operations(interpreter)
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    known = {tensor for node in delegates for tensor in node["outputs"]}
    known |= {one["index"] for one in interpreter.get_input_details()}
    makers = {tensor: node for node in nodes if node not in delegates for tensor in node["outputs"]}
    needed = [tensor for node in delegates for tensor in node["inputs"]]
    needed += [one["index"] for one in interpreter.get_output_details()]
    found: dict[int, str] = {}
    while needed:
        tensor = needed.pop()
        if tensor not in known and tensor in makers:
            node = makers[tensor]
            found[node["index"]] = node["op_name"]
            needed += list(node["inputs"])
        known.add(tensor)
    return len(delegates), sorted(found.values())


def recipe_of(kind: str) -> Any:
    """The recipe of ai-edge-quantizer 0.10 for "float16", "dynamic" or "int8"."""
    from ai_edge_quantizer import qtyping, recipe, recipe_manager

    if kind != "float16":
        return recipe.static_wi8_ai8() if kind == "int8" else recipe.dynamic_wi8_afp32()
    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    manager = recipe_manager.RecipeManager()
    manager.add_quantization_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=weights,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key="float_casting",
    )
    return manager.get_quantization_recipe()
