"""Which of a cluster's processes this is. Needs no TensorFlow."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
from collections.abc import Iterator

from ..errors import UsageError

_ARENAS, _MAPPED, _TRIM = (-8, 1), (-4, 0), (-1, -1)  # of malloc.h: one heap, which only grows


def task() -> tuple[int, int]:
    """(which worker this is, how many there are), by TF_CONFIG as clusters set it; (0, 1) alone.

    Raises: UsageError: TF_CONFIG says something else than chief and workers.
    """
    place, machines = _cluster()
    return place, len(machines)


def neighbours() -> int:
    """How many workers this machine has, this one among them, by the hosts in TF_CONFIG."""
    try:
        place, machines = _cluster()
    except UsageError:  # whoever trains says so
        return 1
    return machines.count(machines[place])


def _cluster() -> tuple[int, list[str]]:
    """(which worker this is, the machine of each), the chief first."""
    alone = 0, [""]
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return alone
    try:
        told = json.loads(text)
        cluster, own = told.get("cluster") or {}, told.get("task") or {}
        if not cluster:
            return alone
        hosts = {kind: cluster[kind] for kind in ("chief", "worker") if kind in cluster}
        before = len(hosts["chief"]) if own["type"] == "worker" and "chief" in hosts else 0
        place = before + int(own["index"])
        machines = [host.rpartition(":")[0] for some in hosts.values() for host in some]
        if set(cluster) != set(hosts) or own["type"] not in hosts or place >= len(machines):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"TF_CONFIG = {text} cannot be read: it must name a cluster of chief and worker hosts, "
            "and this task's type and index; unset it to train alone"
        ) from error
    return place, machines


def keep_memory() -> None:
    """Has the C library keep the memory that a step frees for the next one. Call it before
    TensorFlow makes its threads.

    A worker computes in threads of TensorFlow's server. Glibc gives these heaps of 64 MB at most
    and takes bigger buffers from the kernel, page by page, in each step anew: half of a step's
    time. Another C library is left alone, and one that the user gave words of his own.
    """
    told = any(name.startswith("MALLOC_") for name in os.environ)
    if platform.libc_ver()[0] == "glibc" and not told:
        library = ctypes.CDLL(None)
        for option, value in (_ARENAS, _MAPPED, _TRIM):
            library.mallopt(option, value)


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """Variables for the processes that are started within this; what the user set himself stays.
    Afterwards the environment is what it was."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
