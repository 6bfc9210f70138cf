"""Log messages and warnings of other libraries."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(library: str, level: int = logging.ERROR) -> Iterator[None]:
    """Suppress a library's log messages below a level."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def held_back_stderr() -> Iterator[None]:
    """Hold back what C++ code writes to standard error, and show it only after a failure."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    found = getattr(shell, "get_ipython", None)
    return found is not None and hasattr(found(), "kernel")


def quiet_in_notebook() -> contextlib.AbstractContextManager[None]:
    """In a notebook, `held_back_stderr`: it shows standard error on a red ground."""
    return held_back_stderr() if in_notebook() else contextlib.nullcontext()


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """In a notebook, hold back what TensorFlow writes when it is imported and finds its devices.
    It reads its log level once; afterwards the environment is what it was."""
    if not in_notebook() or "tensorflow" in sys.modules:
        yield
        return
    name = "TF_CPP_MIN_LOG_LEVEL"
    before = os.environ.get(name)
    os.environ.setdefault(name, "3")
    try:
        with held_back_stderr():
            yield
    finally:
        if before is None:
            os.environ.pop(name, None)


_lock = threading.Lock()
_depth = 0
_filters = warnings.catch_warnings()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Suppress Pillow's warnings; real failures are exceptions. A nested block costs little.

    `warnings.catch_warnings` alone restores the wrong filters when threads overlap. So the first
    thread enters it, and the last thread leaves it.
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
