"""Who makes a quantised LiteRT file: TensorFlow's converter, or ai-edge-quantizer, which quantises
the file in float32 and is an extra."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from ..base.compat.litert import recipe_of

CONVERTER, AI_EDGE = "converter", "ai-edge-quantizer"
WITHOUT = (
    "ai-edge-quantizer is not installed, so each LiteRT file is the converter's: `pip install "
    "'ganvas[litert-quantizer]'` lets export choose the better of two for each kind"
)


def installed() -> dict[str, str | None]:
    """Version of each; None: it is not installed."""
    found = importlib.util.find_spec("ai_edge_quantizer") is not None
    return {
        CONVERTER: metadata.version("tensorflow"),
        AI_EDGE: metadata.version(AI_EDGE) if found else None,
    }


def of_kind(kind: str) -> list[str]:
    """The quantizers that make files of a kind here; float32 needs none but the converter."""
    other = kind != "float32" and installed()[AI_EDGE] is not None
    return [CONVERTER, AI_EDGE] if other else [CONVERTER]


def quantised(source: Path, kind: str, examples: Sequence[dict[str, np.ndarray]]) -> bytes:
    """A file in float32, quantised by ai-edge-quantizer.

    Args:
        examples: inputs, from which int8 takes its ranges.
    """
    from ai_edge_quantizer import quantizer

    made = quantizer.Quantizer(str(source), recipe_of(kind))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it runs an interpreter as one debugs
        ranges = made.calibrate({"serving_default": examples}) if made.need_calibration else None
        return bytes(made.quantize(ranges).quantized_model)
