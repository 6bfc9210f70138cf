"""Work on daemon threads, for which the end of the process does not wait."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .status import Declined

T = TypeVar("T")


def in_background(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run on a daemon thread, because loading a model cannot be interrupted."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result, error = work(), None
        except BaseException as caught:
            result, error = None, caught
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    def settle(result: Any, error: BaseException | None) -> None:
        if not future.done():
            future.set_exception(error) if error else future.set_result(result)

    threading.Thread(target=run, daemon=True, name="ganvas-load").start()
    return future


def within(seconds: float, work: Callable[[], None]) -> None:
    """Run on a daemon thread, and wait for so long.

    Raises: the exception of the work; Declined: DEADLINE_EXCEEDED: it has not ended; it cannot be
        interrupted, and is left alone.
    """
    future: concurrent.futures.Future[None] = concurrent.futures.Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, daemon=True, name="ganvas-warm-up").start()
    try:
        future.result(seconds)
    except concurrent.futures.TimeoutError as error:
        raise Declined("DEADLINE_EXCEEDED", f"not done within {seconds:g} seconds") from error


async def unless(stop: asyncio.Event, work: asyncio.Future[Any]) -> bool:
    """Wait until `work` is done or `stop` is set. Returns: whether it was done.

    Raises: the exception of the work.
    """
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if work.done():
        work.result()
    return work.done()
