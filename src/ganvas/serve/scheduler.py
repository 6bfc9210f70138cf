"""Runs requests on threads, in pieces, so that a small request does not wait for large ones.

A request is a generator: before each piece it yields the work that remains, and in the end it
returns its response. TensorFlow releases Python's lock while it computes.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from .status import Declined

T = TypeVar("T")
TURN = 4
"""Of so many pieces, one belongs to the oldest request, the others to the shortest."""


class Remaining(NamedTuple):
    """Work that a request still has: images times pixels, and whether it is a large request."""

    pixels: int
    large: bool


NOTHING = Remaining(0, False)
Steps = Generator[Remaining, None, T]


def as_steps(work: Callable[..., Any], *arguments: Any) -> Steps[Any]:
    """A request that is a function, or a function that yields."""
    result = work(*arguments)
    return (yield from result) if isinstance(result, Generator) else result


@dataclass(eq=False)
class Job:
    """A request. `future` gets its response, or is cancelled by who no longer waits for it."""

    steps: Steps[Any]
    deadline: float
    arrived: int
    future: concurrent.futures.Future[Any] = field(default_factory=concurrent.futures.Future)
    remaining: Remaining = NOTHING


class Scheduler:
    """Threads that run the pieces of requests: the request with the least remaining work first,
    and every fourth time the oldest, so that none waits for ever.

    Args:
        threads: pieces that run at once.
        large: of these, pieces of large requests; the other threads are for small ones.
        requests: that run or wait; more are refused.
        pixels: of all large requests together; more are refused, if there is another one.
    """

    def __init__(self, threads: int, large: int, requests: int, pixels: int):
        self._threads, self._large, self._requests, self._pixels = threads, large, requests, pixels
        self._condition = threading.Condition()
        self._queue: list[Job] = []
        self._running: list[Job] = []
        self._workers = 0
        self._idle = 0
        self._picked = 0
        self._arrivals = itertools.count()
        self._closed = False

    def __len__(self) -> int:
        """Requests that run or wait."""
        return len(self._queue) + len(self._running)

    def submit(self, steps: Steps[T], seconds: float) -> concurrent.futures.Future[T]:
        """Run a request.

        Args:
            seconds: after this time no further piece is started.

        Raises: Declined: UNAVAILABLE: the queue is full.
        """
        job = Job(steps, time.monotonic() + seconds, next(self._arrivals))
        with self._condition:
            if len(self) >= self._requests or self._closed:
                raise Declined(
                    "UNAVAILABLE", f"{len(self)} requests are in the queue: try again later"
                )
            self._queue.append(job)
            if len(self._queue) > self._idle and self._workers < self._threads:
                self._workers += 1
                threading.Thread(target=self._work, daemon=True, name="ganvas-serve").start()
            self._condition.notify()
        job.future.add_done_callback(lambda done: self._forget(job))
        return job.future

    def close(self, seconds: float) -> bool:
        """Run nothing further. Returns: whether the running pieces ended within this time."""
        with self._condition:
            self._closed = True
            waiting = list(self._queue)
            self._condition.notify_all()
        for job in waiting:
            job.future.cancel()
        end = time.monotonic() + seconds
        while self._running and time.monotonic() < end:
            time.sleep(0.02)
        return not self._running

    def _forget(self, job: Job) -> None:
        """Drop a request for which nobody waits any longer."""
        with self._condition:
            if job in self._queue:
                self._queue.remove(job)
                job.steps.close()

    def _work(self) -> None:
        """Run pieces; a thread."""
        while job := self._next():
            again = self._run(job)
            with self._condition:
                self._running.remove(job)
                if again and not self._closed and not job.future.cancelled():
                    self._queue.append(job)
                elif again:
                    job.steps.close()
                # A large request that has ended or paused may let another one run.
                self._condition.notify()

    def _next(self) -> Job | None:
        """Wait for the next request to run a piece of; None at the end."""
        with self._condition:
            while not self._closed:
                large = sum(job.remaining.large for job in self._running)
                free = [j for j in self._queue if large < self._large or not j.remaining.large]
                if free:
                    self._picked += 1
                    oldest = self._picked % TURN == 0
                    job = min(free, key=lambda j: (not oldest and j.remaining.pixels, j.arrived))
                    self._queue.remove(job)
                    self._running.append(job)
                    return job
                self._idle += 1
                self._condition.wait()
                self._idle -= 1
        return None

    def _run(self, job: Job) -> bool:
        """Run one piece of a large request, or a small request to its end.

        Returns: whether pieces remain.
        """
        try:
            while True:
                if time.monotonic() > job.deadline:
                    raise Declined("DEADLINE_EXCEEDED", "not done within the time limit")
                remaining = next(job.steps)
                self._admit(job, remaining)
                if remaining.large:
                    return True
        except StopIteration as end:
            result, error = end.value, None
        except BaseException as caught:
            result, error = None, caught
        job.steps.close()
        with contextlib.suppress(concurrent.futures.InvalidStateError):  # nobody waits
            job.future.set_exception(error) if error else job.future.set_result(result)
        return False

    def _admit(self, job: Job, remaining: Remaining) -> None:
        """Note the work that remains.

        Raises: Declined: UNAVAILABLE: other large requests have all the allowed pixels.
        """
        with self._condition:
            if remaining.large and remaining.pixels > job.remaining.pixels:
                jobs = [*self._queue, *self._running]
                large = [one for one in jobs if one.remaining.large and one is not job]
                others = sum(one.remaining.pixels for one in large)
                if others and others + remaining.pixels > self._pixels:
                    raise Declined(
                        "UNAVAILABLE",
                        f"requests for {others / 1e6:.3g} megapixels are in the queue: try again "
                        "later, or increase --max-megapixels",
                    )
            job.remaining = remaining
