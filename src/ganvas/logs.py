"""What other libraries say, and to whom."""

from __future__ import annotations

import contextlib
import logging
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
