"""A function of many items in several threads, in order, with constant memory."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

_TOGETHER = 8  # items of a task: a task for each item costs as much as a small image
_AHEAD = 2  # tasks of a thread that wait, or whose results wait


def mapped(function: Callable[[A], B], items: Sequence[A]) -> Generator[B, None, None]:
    """The results in the order of the items. After an error or Ctrl-C no further item is begun."""
    threads, stopped = os.cpu_count() or 1, threading.Event()

    def several(first: int) -> list[B]:
        some = items[first : first + _TOGETHER]
        return [function(item) for item in some if not stopped.is_set()]

    pool = ThreadPoolExecutor(threads, "ganvas-check")
    waiting: deque[Future[list[B]]] = deque()
    try:
        for first in range(0, len(items), _TOGETHER):
            waiting.append(pool.submit(several, first))
            if len(waiting) > threads * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
