"""One training by several workers: Ray Train starts them and sets TF_CONFIG. Each worker then
trains as `ganvas train` does under any scheduler that sets TF_CONFIG.
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
from ..base.messages import log
from ..base.printing import on_one_line
from ..base.progress import heard, reported
from ..base.signals import stopping
from ..base.workers import task
from ..config import Config
from ..errors import Advice, GanvasError, RunError, UsageError, WorkerGone
from ..storage import remote
from ..storage.run import Run
from .ray import RESTARTS, check_installed, joined, resources, share_of

_INTERVAL = 0.2  # seconds between two requests for the lines of the chief


@reported
def train(
    data: Any = None,
    recipe: str | os.PathLike[str] | Config | None = None,
    *,
    workers: int,
    address: str | None = None,
    run: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    start_from: str | os.PathLike[str] | None = None,
    go_on: bool = False,
    progress: bool = True,
) -> Run:
    """Train as `ganvas.train` does, by several workers that share each batch.

    When a worker dies, all workers stop and restart from the last tick, up to three times.

    Args:
        data: as for `ganvas.train`; every worker must be able to read it.
        workers: processes on this machine, or in a cluster.
        address: of a Ray cluster; None starts a Ray instance on this machine.
        run: every worker must see it under the same path.

    Raises: as `ganvas.train`; RunError: workers died too often.
    """
    check_installed()
    # Not at the top, because Ray's helpers that import this file need no TensorFlow.
    from ..training.choosing import choose
    from ..training.replicas import check
    from ..training.train import name

    config = choose(data, recipe, overrides, start_from, workers)
    old = Run(remote.shared(run)) if run else None
    if old and not go_on:
        Run.check_free(old.folder)
    begun = old and (old.folder / "config.toml").is_file()
    check(old.config if old and begun else config, workers, workers)
    new = old or Run(name(data, config))
    arguments = {
        "data": _absolute(data), "recipe": config, "run": str(new.folder),
        "go_on": True, "progress": progress and heard(),
    }  # fmt: skip
    return _run("train", arguments, new, workers, address)


@reported
def resume(
    run: str | os.PathLike[str],
    *,
    workers: int,
    address: str | None = None,
    data: Any = None,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Run:
    """Resume as `ganvas.resume` does, by several workers; their number may differ from before."""
    check_installed()
    from ..training.replicas import check

    old = Run.open(remote.shared(run))
    check(old.config.with_values(overrides or {}), workers, workers)
    arguments = {
        "run": str(old.folder), "data": _absolute(data), "overrides": dict(overrides or {}),
        "progress": progress and heard(),
    }  # fmt: skip
    return _run("resume", arguments, old, workers, address)


def _absolute(data: Any) -> Any:
    """A path made absolute; anything else unchanged."""
    if isinstance(data, (str, os.PathLike)):
        path, colon, part = os.fspath(data).partition(":")
        return f"{Path(path).absolute()}{colon}{part}" if Path(path).exists() else os.fspath(data)
    return data


def _run(call: str, arguments: dict[str, Any], run: Run, workers: int, address: str | None) -> Run:
    if task()[1] > 1:
        raise UsageError("TF_CONFIG is set, so this process is already a worker: omit --workers")
    with (
        joined(workers, address) as threads,
        quiet("ray", logging.CRITICAL),
    ):  # whose messages are not meant for the user
        for again in range(RESTARTS + 1):
            try:
                _once(call, arguments, run, workers, threads, address is not None)
                return run
            except WorkerGone as error:
                if again == RESTARTS:
                    raise RunError(
                        f"workers died {again + 1} times ({error}): only the current tick is lost; "
                        f"resume: ganvas resume {run.folder} --workers {workers}"
                    ) from error
                log.warning(f"{error}; all workers restart from the last tick")
    return run


def _once(
    call: str, arguments: dict[str, Any], run: Run, workers: int, threads: int, spread: bool
) -> None:
    """Start all workers, show the lines of the chief, and wait for their end."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    relay: Any = ray.remote(_Relay).options(num_cpus=0).remote()
    new = not run.folder.exists()
    store = run.folder / ".ray"  # of Ray Train; it stays empty
    needed = resources(workers)
    trainer = TensorflowTrainer(
        _worker,
        train_loop_config={
            "call": call, "arguments": arguments, "relay": relay, "argv": sys.argv,
            "share": share_of(threads, needed["num_gpus"] > 0),
        },
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=bool(needed["num_gpus"]),
            resources_per_worker={"CPU": needed["num_cpus"], "GPU": needed["num_gpus"]},
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
        except BaseException as error:  # raised again by the thread that waits
            ended.append(error)

    thread = threading.Thread(target=fit, daemon=True)
    try:
        with stopping(lambda: _request_stop(relay), acknowledge):
            thread.start()  # not in this one, where Ray Train would handle Ctrl-C
            while thread.is_alive():
                _show(ray.get(relay.take.remote()))
                thread.join(_INTERVAL)
            _show(ray.get(relay.take.remote()))
    finally:
        ray.kill(relay)
        shutil.rmtree(store, ignore_errors=True)
        if new:
            with contextlib.suppress(OSError):  # it holds a run
                run.folder.rmdir()
    if ended[0] is not None:
        raise _reason(ended[0]) from ended[0]


def _show(text: str) -> None:
    if text:
        sys.stderr.write(text)
        sys.stderr.flush()


def _reason(error: BaseException) -> BaseException:
    """The error of the workers: of this package; or WorkerGone; or the original exception."""
    failures = getattr(error, "worker_failures", None)
    if not failures:
        why = (str(error) or type(error).__name__).splitlines()[-1]
        return RunError(f"Ray Train stopped ({why}): the saved state is intact; resume the run")
    raised = {rank: getattr(e, "_base_exc", e) for rank, e in failures.items()}  # unwrapped
    ours = [one for one in raised.values() if isinstance(one, GanvasError)]
    causes = [one for one in ours if not isinstance(one, WorkerGone)]
    if causes:
        return causes[0]
    dead = sorted(r for r, e in raised.items() if type(e).__module__.startswith("ray."))
    if dead or ours:
        who = f"worker {dead[0]}" if dead else "a worker"
        return WorkerGone(f"{who} of this training died (killed, or out of memory?)")
    return next(iter(raised.values()))


class _Relay:
    """An actor that passes lines from the chief to the command, and a stop request back."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._stop = False

    def write(self, text: str) -> None:
        self._lines.append(text)

    def take(self) -> str:
        lines, self._lines = self._lines, []
        return "".join(lines)

    def stop(self) -> None:
        self._stop = True

    def stopping(self) -> bool:
        return self._stop


class _Stderr(io.TextIOBase):
    """Standard error of the chief."""

    def __init__(self, relay: Any):
        self._relay = relay

    def write(self, text: str) -> int:
        self._relay.write.remote(text)
        return len(text)


def _worker(config: dict[str, Any]) -> None:
    """The training of a worker; TF_CONFIG is set."""
    import ray
    from ray.train import get_context

    os.environ.pop("TF_USE_LEGACY_KERAS", None)  # Ray Train sets it, but this package needs Keras 3
    os.environ.update(config["share"])
    from ..training import train

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # Ray shows the messages of all workers
    sys.argv = config["argv"]
    arguments, relay = dict(config["arguments"]), config["relay"]
    with contextlib.ExitStack() as stack:
        if get_context().get_world_rank() == 0:
            stack.enter_context(contextlib.redirect_stderr(_Stderr(relay)))
            warnings.showwarning = _note
            arguments["each_tick"] = lambda run: ray.get(relay.stopping.remote())
        getattr(train, config["call"])(**arguments)


def _note(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    """Show advice as a note; other warnings are not for the user."""
    if issubclass(category, Advice):
        sys.stderr.write(f"note: {on_one_line(str(message))}\n")


def _request_stop(relay: Any) -> None:
    """Stop after the current tick, when its state is saved."""
    relay.stop.remote()


def acknowledge() -> None:
    """Answer the first signal."""
    log.warning("stopping after this tick, when the state is saved; Ctrl-C again stops at once")
