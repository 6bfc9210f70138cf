"""Which of a cluster's processes this is. Needs no TensorFlow."""

from __future__ import annotations

import ctypes
import json
import os
import platform

from .errors import UsageError

_ARENAS, _MAPPED, _TRIM = (-8, 1), (-4, 0), (-1, -1)  # of malloc.h: one heap, which only grows


def task() -> tuple[int, int]:
    """(which worker this is, how many there are), by TF_CONFIG as clusters set it; (0, 1) alone.

    Raises: UsageError: TF_CONFIG says something else than chief and workers.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return 0, 1
    try:
        told = json.loads(text)
        cluster, own = told.get("cluster") or {}, told.get("task") or {}
        sizes = {kind: len(cluster[kind]) for kind in ("chief", "worker") if kind in cluster}
        if not cluster:
            return 0, 1
        before = sizes["chief"] if own["type"] == "worker" and "chief" in sizes else 0
        place, count = before + int(own["index"]), sum(sizes.values())
        if set(cluster) - {"chief", "worker"} or own["type"] not in sizes or place >= count:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"TF_CONFIG = {text} is not understood: it names a cluster of chief and worker hosts, "
            "and this task's type and index; unset it to train alone"
        ) from error
    return place, count


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
