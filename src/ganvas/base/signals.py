"""Ctrl-C and SIGTERM: the first one requests an orderly stop, the second one stops at once."""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stopping(
    request_stop: Callable[[], None] = lambda: None,
    acknowledge: Callable[[], None] | None = None,
) -> Iterator[Callable[[], bool]]:
    """In this block, the first Ctrl-C or SIGTERM calls `request_stop`, and a second one raises
    KeyboardInterrupt. Yields a function that tells whether a signal was received. Afterwards the
    previous handlers are restored.

    Outside the main thread Python delivers no signals, and nothing changes.

    Args:
        acknowledge: called by another thread at the moment of the first signal. `request_stop` is
            called by the main thread, later if TensorFlow computes at that moment.
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
        with _watched(acknowledge) if acknowledge else contextlib.nullcontext():
            yield lambda: bool(received)
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def _watched(acknowledge: Callable[[], None]) -> Iterator[None]:
    """A thread that calls `acknowledge` at the first signal: Python writes the number of a signal
    to a pipe at once, whatever the main thread does."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    context = contextvars.copy_context()

    def watch() -> None:
        known = False
        while numbers := os.read(reader, 64):
            if before >= 0:  # of an event loop, or of an outer block
                with contextlib.suppress(OSError):
                    os.write(before, numbers)
            if not known and any(number in SIGNALS for number in numbers):
                known = True
                context.run(acknowledge)

    thread = threading.Thread(target=watch, name="ganvas-signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()
        os.close(reader)
