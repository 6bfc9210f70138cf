"""Ctrl-C and SIGTERM: the first one requests an orderly stop, the second one stops at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stopping(request_stop: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """In this block, the first Ctrl-C or SIGTERM calls `request_stop`, and a second one raises
    KeyboardInterrupt. Yields a function that tells whether a signal was received. Afterwards the
    previous handlers are restored.

    Outside the main thread Python delivers no signals, and nothing changes.
    """
    received: list[int] = []

    def handler(number: Any, frame: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        request_stop()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(received)
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, old in before.items():
            signal.signal(number, old)
