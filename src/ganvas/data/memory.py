"""The number of images that may be kept in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganvas.base.workers import local_workers
from ganvas.data.options import Options

GIB = 2**30
_UNKNOWN_FREE = 4 * GIB  # if the system does not report it


def fits(count: int, shape: tuple[int, int, int], options: Options) -> bool:
    """Whether so many decoded images may be kept in memory."""
    return count * int(np.prod(shape)) <= limit_of(options)


def limit_of(options: Options) -> float:
    """Most bytes of decoded images in memory: `cache_gb`, or a quarter of what is free."""
    if options.cache_gb is not None:
        return options.cache_gb * GIB
    return free_memory() / 4 / local_workers()  # each worker keeps them


def free_memory() -> int:
    """Bytes that this process may still allocate, by the machine and by its container."""
    free = [_UNKNOWN_FREE]
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":") for line in meminfo.read_text().splitlines())
        free = [int(fields["MemAvailable"].split()[0]) * 1024]
    limit, current = (Path("/sys/fs/cgroup") / f"memory.{name}" for name in ("max", "current"))
    if limit.exists() and current.exists() and limit.read_text().strip() != "max":
        free.append(int(limit.read_text()) - int(current.read_text()))
    return max(0, min(free))
