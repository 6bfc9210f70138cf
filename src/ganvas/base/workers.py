"""Which worker of a cluster this process is. Needs no TensorFlow."""

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
    """(index of this worker, number of workers) from TF_CONFIG; (0, 1) if it is not set.

    Raises: UsageError: TF_CONFIG is not a cluster of chief and workers.
    """
    place, machines = _cluster()
    return place, len(machines)


def local_workers() -> int:
    """Number of workers on this machine, including this one, from the hosts in TF_CONFIG."""
    try:
        place, machines = _cluster()
    except UsageError:  # training reports it
        return 1
    return machines.count(machines[place])


def _cluster() -> tuple[int, list[str]]:
    """(index of this worker, machine of each worker), the chief first."""
    alone = 0, [""]
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return alone
    try:
        given = json.loads(text)
        cluster, own = given.get("cluster") or {}, given.get("task") or {}
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
    """Make the C library keep the memory that a step frees for the next step. Call it before
    TensorFlow starts its threads.

    A worker computes in threads of TensorFlow's server. Glibc gives these heaps of 64 MB at most,
    and takes larger buffers from the kernel, page by page, again in each step: half of a step's
    time. Nothing is changed for another C library, or if a variable MALLOC_... is set.
    """
    configured = any(name.startswith("MALLOC_") for name in os.environ)
    if platform.libc_ver()[0] == "glibc" and not configured:
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
