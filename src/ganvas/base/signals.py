"""Ctrl-C and SIGTERM: the first one asks for an orderly end, the second one ends at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stopping(ask: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Within this, the first Ctrl-C or SIGTERM calls `ask`, and a second one raises
    KeyboardInterrupt; yields whether one came. The handlers that were there before come back.

    Outside the main thread Python delivers no signals, and nothing changes.
    """
    seen: list[int] = []

    def handler(number: Any, frame: Any) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        ask()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(seen)
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield lambda: bool(seen)
    finally:
        for number, old in before.items():
            signal.signal(number, old)
