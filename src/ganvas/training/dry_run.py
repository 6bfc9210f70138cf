"""A dry run: recipe, images and networks are checked, some steps are timed; nothing is written."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import keras

from ..base.types import StrPath
from ..config import Config
from .assembly import assemble, stream
from .callbacks import clock
from .train import prepare

SECONDS = 5.0


def rehearse(
    data: Any,
    recipe: StrPath | Config = "quick",
    *,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Complete the recipe, check the images, time some steps, predict duration and memory.

    Returns: "config" (TOML), "images", "findings", "parameters", "ms per step", "kimg",
        "duration", "memory".
    Raises: UsageError: `train` would refuse it, too.
    """
    config, source = prepare(data, recipe, overrides)
    gan, plan = assemble(config, source)
    timer = Timer()
    gan.fit(
        stream(config, plan, source, 0), epochs=10_000, steps_per_epoch=plan.execution,
        callbacks=[timer], shuffle=False, verbose=0,
    )  # fmt: skip
    per_step = timer.seconds / timer.ticks / plan.execution
    report, kimg = source.report, plan.kimg(plan.total)
    return {
        "config": config.toml(),
        "images": f"{source.count} of {'x'.join(map(str, source.shape))}"
        + (f" in {source.classes} classes" if source.classes else ""),
        "findings": report.warnings or "none",
        "parameters": f"generator {gan.generator.count_params():,}, "
        f"discriminator {gan.discriminator.count_params():,}",
        "ms per step": round(1000 * per_step, 2),
        "kimg": f"{kimg:g}, {1000 * kimg / source.count:.1f} epochs",
        "duration": f"about {clock(per_step * plan.total)} and {timer.compiling:.0f} s to compile",
        "memory": _mebibytes(peak_memory()),
    }


class Timer(keras.callbacks.Callback):
    """Times executions, without the first, which compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.compiling = self.seconds = 0.0
        self.ticks = -1

    def on_epoch_begin(self, epoch: Any, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: Any, logs: Any = None) -> None:
        spent = time.perf_counter() - self.began
        self.ticks += 1
        if self.ticks:
            self.seconds += spent
        else:
            self.compiling = spent
        if self.seconds > SECONDS or (self.ticks and spent > SECONDS):
            self.model.stop_training = True


def _mebibytes(size: int | None) -> str:
    return "not known on this system" if size is None else f"{size / 2**20:.0f} MiB"


def peak_memory() -> int | None:
    """The peak memory of this process, in bytes; None if the system does not report it."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
