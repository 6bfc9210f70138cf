"""One training by several workers: Ray Train starts them and says who is who (TF_CONFIG); what each
then does is what `ganvas train` does under any scheduler that sets TF_CONFIG.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.logs import quiet
from ..base.signals import stopping
from ..base.workers import task
from ..config import Config
from ..errors import Advice, GanvasError, RunError, UsageError, WorkerGone
from ..storage import remote
from ..storage.run import Run
from .ray import RESTARTS, joined, resources, share_of

_LOOK = 0.2  # seconds between two looks at what the chief says


def train(
    data: Any = None,
    recipe: str | os.PathLike | Config = "quick",
    *,
    workers: int,
    address: str | None = None,
    run: str | os.PathLike | None = None,
    overrides: Mapping[str, Any] | None = None,
    start_from: str | os.PathLike | None = None,
    go_on: bool = False,
    progress: bool = True,
) -> Run:
    """Train as `ganvas.train` does, by several workers that share each batch.

    A worker that dies stops all; they start again from the last tick, up to three times.

    Args:
        data: as for `ganvas.train`; what every worker can read.
        workers: processes of this machine, or of a cluster.
        address: of a Ray cluster; None starts a Ray of our own on this machine.
        run: every worker must see it under the same path.

    Raises: as `ganvas.train`; RunError: workers died again and again.
    """
    # Here, since Ray's helpers that read this file need no TensorFlow.
    from ..training.replicas import check
    from ..training.train import name, read

    config = read(recipe, overrides)
    if start_from:
        Run.open(remote.shared(start_from))
    new = Run(remote.shared(run) if run else name(data, config))
    if not go_on:
        Run.check_free(new.folder)
    begun = (new.folder / "config.toml").is_file()
    check(new.config if begun else config, workers, workers)
    words = {
        "data": _absolute(data), "recipe": config, "run": str(new.folder),
        "start_from": _absolute(start_from), "go_on": True, "progress": progress,
    }  # fmt: skip
    return _play("train", words, new, workers, address)


def resume(
    run: str | os.PathLike,
    *,
    workers: int,
    address: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Run:
    """Go on as `ganvas.resume` does, by several workers; it may have been another number before."""
    from ..training.replicas import check

    old = Run.open(remote.shared(run))
    check(old.config.with_values(overrides or {}), workers, workers)
    words = {"run": str(old.folder), "overrides": dict(overrides or {}), "progress": progress}
    return _play("resume", words, old, workers, address)


def _absolute(word: Any) -> Any:
    """A path as it is from everywhere; any other word as it was."""
    if isinstance(word, (str, os.PathLike)):
        path, colon, part = os.fspath(word).partition(":")
        return f"{Path(path).absolute()}{colon}{part}" if Path(path).exists() else os.fspath(word)
    return word


def _play(call: str, words: dict[str, Any], run: Run, workers: int, address: str | None) -> Run:
    if task()[1] > 1:
        raise UsageError("TF_CONFIG names a cluster already, whose workers these are: leave out "
                         "--workers")  # fmt: skip
    with (
        joined(workers, address) as threads,
        quiet("ray", logging.CRITICAL),
    ):  # which says much that is not for the user
        for again in range(RESTARTS + 1):
            try:
                _once(call, words, run, workers, threads, address is not None)
                return run
            except WorkerGone as error:
                if again == RESTARTS:
                    raise RunError(
                        f"workers died {again + 1} times ({error}): nothing but the tick is lost; "
                        f"go on: ganvas resume {run.folder} --workers {workers}"
                    ) from error
                sys.stderr.write(f"note: {error}; all start again from the last tick\n")
    return run


def _once(
    call: str, words: dict[str, Any], run: Run, workers: int, threads: int, spread: bool
) -> None:
    """Start all workers, show what the chief says, and wait for their end."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    desk: Any = ray.remote(_Desk).options(num_cpus=0).remote()
    new = not run.folder.exists()
    store = run.folder / ".ray"  # of Ray Train, which keeps nothing there
    asked = resources(workers)
    trainer = TensorflowTrainer(
        _worker,
        train_loop_config={
            "call": call, "words": words, "desk": desk, "argv": sys.argv,
            "share": share_of(threads, asked["num_gpus"] > 0),
        },
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=bool(asked["num_gpus"]),
            resources_per_worker={"CPU": asked["num_cpus"], "GPU": asked["num_gpus"]},
            placement_strategy="SPREAD" if spread else "PACK",
        ),
        run_config=RunConfig(
            name="job", storage_path=str(store), failure_config=FailureConfig(max_failures=0)
        ),
    )  # fmt: skip
    ended: list[BaseException | None] = []

    def fit() -> None:
        try:
            trainer.fit()
            ended.append(None)
        except BaseException as error:  # whatever it is, it is for the thread that waits
            ended.append(error)

    thread = threading.Thread(target=fit, daemon=True)
    try:
        with stopping(lambda: _ask_to_stop(desk)):
            thread.start()  # not in this one, where Ray Train would take Ctrl-C for itself
            while thread.is_alive():
                _show(ray.get(desk.take.remote()))
                thread.join(_LOOK)
            _show(ray.get(desk.take.remote()))
    finally:
        ray.kill(desk)
        shutil.rmtree(store, ignore_errors=True)
        if new:
            with contextlib.suppress(OSError):  # a run has begun there
                run.folder.rmdir()
    if ended[0] is not None:
        raise _reason(ended[0]) from ended[0]


def _show(text: str) -> None:
    if text:
        sys.stderr.write(text)
        sys.stderr.flush()


def _reason(error: BaseException) -> BaseException:
    """What went wrong in the workers: a sentence of ours; or that one is gone; or as it came."""
    failures = getattr(error, "worker_failures", None)
    if not failures:
        why = (str(error) or type(error).__name__).splitlines()[-1]
        return RunError(f"Ray Train stopped ({why}): what was saved is whole; the run can go on")
    raised = {rank: getattr(e, "_base_exc", e) for rank, e in failures.items()}  # once wrapped
    ours = [one for one in raised.values() if isinstance(one, GanvasError)]
    told = [one for one in ours if not isinstance(one, WorkerGone)]
    if told:
        return told[0]
    dead = sorted(r for r, e in raised.items() if type(e).__module__.startswith("ray."))
    if dead or ours:
        who = f"worker {dead[0]}" if dead else "a worker"
        return WorkerGone(f"{who} of this training died (killed, or out of memory?)")
    return next(iter(raised.values()))


class _Desk:
    """Where the chief leaves its lines, and the command the wish to stop."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._stop = False

    def say(self, text: str) -> None:
        self._lines.append(text)

    def take(self) -> str:
        lines, self._lines = self._lines, []
        return "".join(lines)

    def stop(self) -> None:
        self._stop = True

    def stopping(self) -> bool:
        return self._stop


class _Voice(io.TextIOBase):
    """Standard error of the chief."""

    def __init__(self, desk: Any):
        self._desk = desk

    def write(self, text: str) -> int:
        self._desk.say.remote(text)
        return len(text)


def _worker(config: dict[str, Any]) -> None:
    """What each worker runs; TF_CONFIG is set."""
    import ray
    from ray.train import get_context

    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # Ray Train sets it; this package is of Keras 3
    os.environ.update(config["share"])
    from ..training import train

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # Ray lets everybody speak
    sys.argv = config["argv"]
    words, desk = dict(config["words"]), config["desk"]
    with contextlib.ExitStack() as stack:
        if get_context().get_world_rank() == 0:
            stack.enter_context(contextlib.redirect_stderr(_Voice(desk)))
            warnings.showwarning = _note
            words["each_tick"] = lambda run: ray.get(desk.stopping.remote())
        getattr(train, config["call"])(**words)


def _note(message, category, *place, **options) -> None:
    if issubclass(category, Advice):
        sys.stderr.write(f"note: {message}\n")


def _ask_to_stop(desk: Any) -> None:
    """Let the tick end and its state be saved."""
    desk.stop.remote()
    sys.stderr.write("stopping after this tick; once more to stop at once\n")
