"""Requests in pieces: who is run when, and who is refused."""

import concurrent.futures
import threading
import time

import pytest

pytest.importorskip("tensorflow_serving")

from ganvas.serve.scheduler import Remaining, Scheduler, as_steps
from ganvas.serve.status import Declined


def scheduler(threads=1, large=1, requests=100, pixels=10**9):
    return Scheduler(threads, large, requests, pixels)


def pieces(name, count, seen, gate=None):
    """A large request that notes its name at each piece; a gate holds its first piece."""
    for left in range(count, 0, -1):
        yield Remaining(left, True)
        if gate:
            HELD.set()
            assert gate.wait(20)
        seen.append(name)
    return name


HELD = threading.Event()


@pytest.fixture(autouse=True)
def _nothing_held():
    HELD.clear()


def held():
    """Wait until a gate holds a piece."""
    assert HELD.wait(20)
    HELD.clear()


def small(name, seen):
    yield Remaining(1, False)
    seen.append(name)
    return name


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_the_shortest_goes_first_and_the_oldest_is_not_forgotten():
    run, seen, gate = scheduler(), [], threading.Event()
    first = run.submit(pieces("first", 1, [], gate), 20)
    held()
    futures = [run.submit(pieces("old", 40, seen), 20)]
    futures += [run.submit(pieces(f"new{i}", 4, seen), 20) for i in range(6)]
    futures.append(run.submit(small("small", seen), 20))
    gate.set()
    concurrent.futures.wait([first, *futures], 20)
    assert seen.index("small") <= 3  # beside turns of the oldest, before all that are longer
    before_old_ended = seen[: len(seen) - 1 - seen[::-1].index("old")]
    assert seen[-1] == "old"  # the longest ends last,
    shared = before_old_ended[: 24 + 8]  # but has a share while the others run
    assert 4 <= shared.count("old") <= 12
    assert [f.result() for f in futures[1:7]] == [f"new{i}" for i in range(6)]


def test_small_requests_have_threads_of_their_own():
    """Large pieces that last for ever, such as a predict of thousands of rows."""
    run, seen, gate = scheduler(threads=2, large=1), [], threading.Event()
    large = [run.submit(pieces(str(i), 2, [], gate), 20) for i in range(3)]
    held()
    assert run.submit(small("small", seen), 20).result(10) == "small"
    assert not any(future.done() for future in large)
    gate.set()
    concurrent.futures.wait(large, 20)


def test_pixels_are_limited_for_large_requests():
    run, gate = scheduler(threads=2, pixels=10), threading.Event()
    alone = run.submit(pieces("more than all", 25, [], gate), 20)
    held()
    with pytest.raises(Declined, match="--max-megapixels") as error:
        run.submit(pieces("another", 2, []), 20).result(10)
    assert error.value.code == "UNAVAILABLE"
    assert run.submit(small("small", []), 20).result(10) == "small"
    gate.set()
    assert alone.result(20)
    assert run.submit(pieces("another", 2, []), 20).result(10)


def test_a_full_queue():
    run, gate = scheduler(requests=2), threading.Event()
    futures = [run.submit(pieces("a", 1, [], gate), 20) for _ in range(2)]
    with pytest.raises(Declined) as error:
        run.submit(small("b", []), 20)
    assert error.value.code == "UNAVAILABLE"
    futures[1].cancel()  # who gives up makes room at once, while others are still running
    until(lambda: len(run) == 1)
    late = run.submit(small("b", []), 20)
    gate.set()
    assert late.result(20) == "b"


@pytest.mark.parametrize("how", ["late", "cancelled"])
def test_no_piece_is_begun_for_nobody(how):
    run, seen, closed = scheduler(), [], []
    gate = threading.Event()

    def steps():
        try:
            yield from pieces("x", 50, seen, gate)
        finally:
            closed.append(1)

    future = run.submit(steps(), 0.2 if how == "late" else 20)
    held()
    if how == "late":
        time.sleep(0.25)
    else:
        future.cancel()
    gate.set()
    until(lambda: closed)
    assert len(seen) == 1
    if how == "late":
        assert future.exception(10).code == "DEADLINE_EXCEEDED"


def test_what_is_late_before_its_start_is_not_started():
    run, seen, gate = scheduler(), [], threading.Event()
    run.submit(pieces("a", 1, [], gate), 20)
    held()
    late = run.submit(small("late", seen), 0.01)
    time.sleep(0.05)
    gate.set()
    assert late.exception(10).code == "DEADLINE_EXCEEDED" and seen == []


def test_errors_and_plain_functions():
    run = scheduler()
    assert run.submit(as_steps(lambda x: x + 1, 1), 20).result(10) == 2
    with pytest.raises(ZeroDivisionError):
        run.submit(as_steps(lambda: 1 / 0), 20).result(10)


def test_close():
    run, gate = scheduler(), threading.Event()
    running, waiting = (run.submit(pieces("a", 2, [], gate), 20) for _ in range(2))
    held()
    assert not run.close(0.05)  # a piece is still running
    assert waiting.cancelled()
    gate.set()
    assert run.close(20)
    assert not running.done()  # its second piece is not begun
    with pytest.raises(Declined):
        run.submit(small("late", []), 20)


def test_two_at_once_use_two_threads():
    """One idle thread is not counted for both."""
    run, gate = scheduler(threads=4, large=4), threading.Event()
    run.submit(small("first", []), 20).result(10)
    until(lambda: run._idle == 1)

    def wait():
        assert gate.wait(20)

    both = [run.submit(as_steps(wait), 20) for _ in range(2)]
    until(lambda: len(run._running) == 2)
    gate.set()
    concurrent.futures.wait(both, 20)
