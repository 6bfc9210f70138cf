"""A dry run: recipe, images and networks are checked, some steps are timed; nothing is written."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras

from ..base.pace import clock
from ..base.progress import reported, stage
from ..base.types import StrPath
from ..config import Config
from ..data.header import show_request
from ..errors import RunError
from ..images import inline
from .assembly import assemble, stream
from .beginning import begin, settle_parent, told
from .budget import Speed, fit
from .choosing import choose
from .preparing import prepare
from .provenance import announce
from .timing import Since, case_of

SECONDS = 5.0


@dataclass(frozen=True)
class DryRun:
    """What a run would be, and what it would cost on this machine.

    Attributes:
        config: the resolved recipe, as TOML.
        images, shape, classes: of the training images; shape is (H, W, C).
        findings: what the checkup warns of.
        generator_parameters, discriminator_parameters: numbers of weights.
        step_ms: milliseconds of a step.
        kimg: thousand real images shown to the discriminator.
        seconds: predicted, of all steps.
        compile_seconds: before the first step.
        memory: the most that this process has held, in bytes; None where the system does not say.
    """

    config: str
    images: int
    shape: tuple[int, int, int]
    classes: int
    findings: tuple[str, ...]
    generator_parameters: int
    discriminator_parameters: int
    step_ms: float
    kimg: float
    seconds: float
    compile_seconds: float
    memory: int | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal, without the recipe."""
        shape = "x".join(map(str, self.shape))
        memory = "not known" if self.memory is None else f"{self.memory / 2**20:.0f} MiB"
        return [
            f"images: {self.images} of {shape}"
            + (f" in {self.classes} classes" if self.classes else ""),
            *(f"finding: {sentence}" for sentence in self.findings or ("none",)),
            f"parameters: generator {self.generator_parameters:,}, "
            f"discriminator {self.discriminator_parameters:,}",
            f"ms per step: {self.step_ms:.2f}",
            f"kimg: {self.kimg:g}, {1000 * self.kimg / self.images:.1f} epochs",
            f"duration: about {clock(self.seconds)} and {self.compile_seconds:.0f} s to compile",
            f"memory: {memory}",
        ]

    def _repr_html_(self) -> str:
        """For a notebook."""
        facts = (line.partition(": ")[::2] for line in self.lines())
        return inline.card("dry run", facts)


@reported
def rehearse(
    data: Any,
    recipe: StrPath | Config | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    start_from: StrPath | None = None,
    progress: bool = False,
) -> DryRun:
    """Resolve the recipe, check the images, time some steps, predict what a run costs.

    Args:
        data, recipe, overrides, start_from: as for `train`.
        progress: write to standard error first what was found.

    Raises: UsageError: what `train` would refuse.
    """
    since = Since()
    config = choose(data, recipe, overrides, start_from)
    show_request(config, data)
    config, source = prepare(data, config, None, progress=progress)
    config, why = settle_parent(config, source)
    with stage("building the networks"):
        gan, plan = assemble(config, source)
    begun = None
    try:
        begun = begin(gan, config, source)
    except RunError as error:  # a chosen pair that does not fit: `train` begins from noise
        if not why:
            raise
        why = str(error)
    if progress:
        announce(config, source, begun=told(begun, why))
    timer = Timer()
    with stage("timing some steps"):
        gan.fit(
            stream(config, plan, source, 0), epochs=10_000, steps_per_epoch=plan.execution,
            callbacks=[timer], shuffle=False, verbose=0,
        )  # fmt: skip
    per_step = timer.seconds / timer.ticks / plan.execution
    if config.train.minutes:  # of which a run spends what was spent here, and compiles twice
        case = case_of(config, source, gan.adversarial.reads_real)
        spent = since.seconds - timer.seconds + timer.compiling
        config = fit(case, Speed(per_step), 60 * config.train.minutes - spent).config
        plan = case.plan(config)
    return DryRun(
        config.toml(), source.count, source.shape, source.classes, tuple(source.report.warnings),
        gan.generator.count_params(), gan.discriminator.count_params(), 1000 * per_step,
        plan.kimg(plan.total), per_step * plan.total, timer.compiling, peak_memory(),
    )  # fmt: skip


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


def peak_memory() -> int | None:
    """The peak memory of this process, in bytes; None if the system does not report it."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
