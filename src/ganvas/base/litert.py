"""LiteRT (.tflite) files, opened and run without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ..errors import ModelError


def opened(path: Path, threads: int = 1, content: bytes | None = None) -> Interpreter:
    """The file, ready to run. LiteRT has its own operations only: it runs none of TensorFlow's
    (Flex), which may use files.

    Args:
        content: of the file, if it has been read already.

    Raises: ModelError: no LiteRT file, or operations that LiteRT does not have.
    """
    try:
        file = {"model_content": content} if content else {"model_path": path.as_posix()}
        interpreter = Interpreter(**file, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} cannot be run by LiteRT ({why}): export the model again"
        ) from error
    return interpreter


def runner(path: Path, threads: int = 1) -> Callable[..., dict[str, np.ndarray]]:
    """`serving_default` of a file: inputs by name -> outputs by name."""
    run = opened(path, threads).get_signature_runner("serving_default")
    return lambda **inputs: run(**inputs)
