"""Ray: a local instance of our own, or an existing cluster."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..base import extras
from ..base.compat.ray import FOLDER, loopback_only
from ..base.workers import environment
from ..errors import RunError

RESTARTS = 3
"""How often a dead worker is restarted."""
STORE_BYTES = 128 * 2**20
_PATIENCE = 10  # seconds to wait for the head of a cluster
_LONGEST_FOLDER = 40  # characters: the paths of Ray's sockets are limited to 107
_DRIVER = {  # before Ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # workers keep the working directory
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}


def check_installed() -> None:
    """Raises: MissingExtra: Ray is not installed."""
    extras.check("cluster", "--workers")


@contextlib.contextmanager
def joined(workers: int, address: str | None = None) -> Iterator[int]:
    """Connect to Ray, or start it, for the duration of a `with` block.

    A Ray that is already running in this process is used.

    Args:
        workers: number of workers.
        address: of a cluster, or "auto" for the cluster of this machine; None starts an instance of
            our own: on the loopback interface only, without dashboard, stopped at the end.

    Yields: number of threads for each worker.
    Raises: MissingExtra: Ray is not installed. RunError: no cluster at the address.
    """
    check_installed()
    with environment(**_DRIVER), _joined(workers, address) as threads:
        yield threads


@contextlib.contextmanager
def _joined(workers: int, address: str | None) -> Iterator[int]:
    import ray

    if ray.is_initialized():
        _check_room(workers)
        yield _threads(workers, _resources())
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        threads = max(1, (os.cpu_count() or 1) // workers)
        with _own(workers, threads, quiet):
            yield threads
        return
    try:
        _connect(address, quiet)
        _check_room(workers)
        yield _threads(workers, _resources())
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _own(workers: int, threads: int, quiet: dict[str, Any]) -> Iterator[None]:
    """A Ray instance of our own on this machine."""
    import ray

    folder = _folder()
    own: dict[str, Any] = {FOLDER: folder}
    try:
        with loopback_only():  # otherwise its ports are open to the network
            ray.init(
                address="local", num_cpus=workers, include_dashboard=False,
                object_store_memory=STORE_BYTES, runtime_env={"env_vars": _environment(threads)},
                **quiet, **own,
            )  # fmt: skip
        util: Any = ray.util
        if not util.get_node_ip_address().startswith("127."):
            raise RunError(
                f"this version of Ray ({ray.__version__}) cannot be limited to the loopback "
                "interface: install ray 2.60, or use a running Ray by --address"
            )
        yield
    finally:
        helpers = _helpers(folder)
        ray.shutdown()
        _end(helpers)
        shutil.rmtree(folder, ignore_errors=True)


def _helpers(folder: str) -> list[Any]:
    """Processes of the Ray instance with this folder."""
    psutil = importlib.import_module("psutil")  # installed with Ray
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(folder in argument for argument in child.cmdline()):
                found += [child, *child.children(recursive=True)]
    return found


def _end(processes: list[Any]) -> None:
    """End Ray's helper processes, some of which would live for another minute."""
    psutil = importlib.import_module("psutil")
    _, left = psutil.wait_procs(processes, timeout=2)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=2)


def _connect(address: str, quiet: dict[str, Any]) -> None:
    import ray

    variables = {"env_vars": _environment(None)}
    try:
        _knock(address)
        with environment(RAY_gcs_server_port_wait_time_s="1"):  # one try instead of a minute
            ray.init(address=address, runtime_env=variables, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise RunError(
            f"no Ray cluster at {address} ({why}): start one with `ray start --head`, set "
            "RAY_AUTH_MODE=token if it needs a token, or omit --address to use this machine"
        ) from error


def _knock(address: str) -> None:
    """Raises: OSError: nothing listens at HOST:PORT; Ray itself would retry for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()


def _check_room(workers: int) -> None:
    """Raises: RunError: too few processors; Ray would wait for ever."""
    cores = int(_resources().get("CPU", 0))
    if cores < workers:
        raise RunError(
            f"{workers} workers need {workers} processors, but the Ray cluster has {cores}: start "
            "more nodes, or use fewer --workers"
        )


def _folder() -> str:
    place = tempfile.gettempdir()
    within = None if len(place) < _LONGEST_FOLDER or os.name == "nt" else "/tmp"
    return tempfile.mkdtemp(prefix="ganvas-ray-", dir=within)


def _threads(workers: int, resources: dict[str, float]) -> int:
    """Threads of each worker, from Ray's processors; on one machine, from all of its cores."""
    cores = resources.get("CPU", 1)
    if len([name for name in resources if name.startswith("node:")]) <= 2:  # the node, and the head
        cores = max(cores, os.cpu_count() or 1)
    return max(1, int(cores) // workers)


def _environment(threads: int | None) -> dict[str, str]:
    variables = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    for name in ("PYTHONPATH", "GANVAS_CACHE", "KERAS_HOME"):
        if os.environ.get(name):
            variables[name] = os.environ[name]
    return variables if threads is None else variables | threads_of(threads)


def threads_of(threads: int) -> dict[str, str]:
    """Environment variables that limit TensorFlow and others to this number of threads."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def _resources() -> dict[str, float]:
    """Of the cluster: name -> amount."""
    import ray

    found: Callable[[], dict[str, float]] = ray.cluster_resources
    return found()


def resources(workers: int) -> dict[str, float]:
    """Ray's resources for each worker: a processor, and a GPU if there is one for each."""
    gpus = _resources().get("GPU", 0)
    return {"num_cpus": 1, "num_gpus": int(gpus >= workers)}


def share_of(threads: int, gpu: bool) -> dict[str, str]:
    """Environment of a worker: its threads, and no GPU unless Ray assigned one, because each
    worker would allocate all of its memory."""
    return threads_of(threads) | ({} if gpu else {"CUDA_VISIBLE_DEVICES": "-1"})


class _Worker:
    """A process that makes its tool once, and then does jobs with it."""

    def __init__(
        self,
        make: Callable[..., Callable[[Any], Any]],
        arguments: tuple[Any, ...],
        environment: dict[str, str],
    ):
        os.environ.update(environment)
        self._make, self._arguments = make, arguments
        self._tool: Callable[[Any], Any] | None = None

    def do(self, job: Any) -> Any:
        if self._tool is None:  # not in __init__, which Ray would repeat for ever
            self._tool = self._make(*self._arguments)
        return self._tool(job)


@contextlib.contextmanager
def team(
    make: Callable[..., Callable[[Any], Any]],
    arguments: tuple[Any, ...],
    workers: int | None,
    address: str | None = None,
) -> Iterator[Callable[[Iterable[Any]], Iterator[Any]]]:
    """Start workers; yields a function (jobs) -> results, in the order in which they finish.

    A worker that dies is restarted, up to `RESTARTS` times, and repeats its job.

    Args:
        make: (*arguments) -> (job) -> result; pickled by name, called once in each process.
        workers: None: jobs are done in this process, one by one, without Ray.

    Raises:
        RunError: a worker died too often.
        Exception: of a job.
    """  # fmt: skip
    if workers is None:
        tool = make(*arguments)
        yield lambda jobs: map(tool, jobs)
        return
    with joined(workers, address) as threads:
        import ray
        from ray.util import ActorPool

        needed = resources(workers)
        again = {"max_restarts": RESTARTS, "max_task_retries": RESTARTS}
        kind: Any = ray.remote(_Worker).options(**needed, **again)
        share = share_of(threads, needed["num_gpus"] > 0)
        actors = [kind.remote(make, arguments, share) for _ in range(workers)]

        def spread(jobs: Iterable[Any]) -> Iterator[Any]:
            with worker_errors():
                pool = ActorPool(actors)
                yield from pool.map_unordered(lambda a, job: a.do.remote(job), list(jobs))

        try:
            yield spread
        finally:
            for actor in actors:
                ray.kill(actor)


@contextlib.contextmanager
def worker_errors() -> Iterator[None]:
    """Raise the exception of a worker as if it had occurred here."""
    from ray.exceptions import RayActorError, RayTaskError

    try:
        yield
    except RayTaskError as error:
        cause = getattr(error, "cause", None)
        if cause is None:
            raise
        raise cause from error
    except RayActorError as error:
        raise RunError(
            f"a worker died {RESTARTS + 1} times (killed, or out of memory?): finished parts are "
            "kept; repeat the command to continue"
        ) from error
