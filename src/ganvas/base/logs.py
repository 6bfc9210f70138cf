"""What other libraries say, and to whom."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(library: str, level: int = logging.ERROR) -> Iterator[None]:
    """Keep in what a library logs below a level."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


_lock = threading.Lock()
_depth = 0
_filters = warnings.catch_warnings()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep in Pillow's warnings; what matters it raises. Cheap within another such block.

    `warnings.catch_warnings` alone restores the wrong filters when threads overlap, so the first
    one in enters it and the last one out leaves it.
    """
    global _depth, _filters
    with _lock:
        if _depth == 0:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _filters.__exit__(None, None, None)
