"""Ray as this package uses it: a local one of our own, or a cluster that is there already."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import RunError, UsageError

RESTARTS = 3
"""Times that a worker which died is started again."""
STORE_BYTES = 128 * 2**20
_PATIENCE = 10  # seconds that a cluster's head may take to answer
_LONGEST_FOLDER = 40  # characters: the paths of Ray's sockets may have 107 in all
_DRIVER = {  # before Ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # workers stay where the command was given
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}


def check_installed() -> None:
    """Raises: UsageError: Ray is not there."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError(
            "ray is not installed: --workers needs its extra: pip install 'ganvas[cluster]'"
        )


@contextlib.contextmanager
def joined(workers: int, address: str | None = None) -> Iterator[int]:
    """Ray for as long as it is needed; one that is running in this process already is used.

    Args:
        workers: how many will work at a time.
        address: of a cluster, or "auto" for that of this machine; None starts a Ray of our own:
            on the loopback interface alone, without dashboard, and stopped in the end.

    Yields: threads that each worker may take.
    Raises: UsageError: Ray is not installed. RunError: no cluster there.
    """
    check_installed()
    os.environ.update({name: os.environ.get(name, value) for name, value in _DRIVER.items()})
    import ray

    if ray.is_initialized():
        _check_room(workers)
        yield _threads(workers, ray.cluster_resources())
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
        yield _threads(workers, ray.cluster_resources())
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _own(workers: int, threads: int, quiet: dict[str, Any]) -> Iterator[None]:
    """A Ray of our own on this machine."""
    import ray
    from ray._private import ray_constants

    folder = _folder()
    before = ray_constants.ENABLE_RAY_CLUSTER
    try:
        # Ray has no option for it: else its ports are open to the network. By the environment
        # (RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER) it works only before Ray is imported.
        ray_constants.ENABLE_RAY_CLUSTER = False
        ray.init(
            address="local", num_cpus=workers, include_dashboard=False, _temp_dir=folder,
            object_store_memory=STORE_BYTES, runtime_env={"env_vars": _environment(threads)},
            **quiet,
        )  # fmt: skip
        if not ray.util.get_node_ip_address().startswith("127."):
            raise RunError(
                f"this version of Ray ({ray.__version__}) cannot be kept off the network: install "
                "ray 2.60, or join a Ray that runs by --address"
            )
        yield
    finally:
        helpers = _helpers(folder)
        ray.shutdown()
        _end(helpers)
        ray_constants.ENABLE_RAY_CLUSTER = before
        shutil.rmtree(folder, ignore_errors=True)


def _helpers(folder: str) -> list[Any]:
    """The processes of the Ray that has this folder."""
    psutil = importlib.import_module("psutil")  # which comes with Ray
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(folder in word for word in child.cmdline()):
                found += [child, *child.children(recursive=True)]
    return found


def _end(processes: list[Any]) -> None:
    """Some of Ray's helpers look for their parent only now and then, and stay for a minute."""
    psutil = importlib.import_module("psutil")
    _, left = psutil.wait_procs(processes, timeout=2)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=2)


def _connect(address: str, quiet: dict[str, Any]) -> None:
    import ray

    environment = {"env_vars": _environment(None)}
    try:
        _knock(address)
        os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")  # tries, of most of a minute
        ray.init(address=address, runtime_env=environment, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise RunError(
            f"no Ray cluster at {address} ({why}): start one with `ray start --head`, set "
            "RAY_AUTH_MODE=token if it asks for a token, or leave out --address to work on this "
            "machine"
        ) from error


def _knock(address: str) -> None:
    """Raises: OSError: nobody listens at HOST:PORT, where Ray would go on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()


def _check_room(workers: int) -> None:
    """What asks for more than there is waits for ever."""
    import ray

    cores = int(ray.cluster_resources().get("CPU", 0))
    if cores < workers:
        raise RunError(
            f"the Ray cluster has {cores} processors, where {workers} workers need one each: start "
            "more nodes, or take fewer --workers"
        )


def _folder() -> str:
    place = tempfile.gettempdir()
    within = None if len(place) < _LONGEST_FOLDER or os.name == "nt" else "/tmp"
    return tempfile.mkdtemp(prefix="ganvas-ray-", dir=within)


def _threads(workers: int, resources: dict[str, float]) -> int:
    """Each worker's share of the processors that Ray knows of, which may be fewer than ours."""
    cores = resources.get("CPU", 1)
    if len([name for name in resources if name.startswith("node:")]) <= 2:  # itself, and the head
        cores = max(cores, os.cpu_count() or 1)
    return max(1, int(cores) // workers)


def _environment(threads: int | None) -> dict[str, str]:
    words = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    for name in ("PYTHONPATH", "GANVAS_CACHE", "KERAS_HOME"):
        if os.environ.get(name):
            words[name] = os.environ[name]
    return words if threads is None else words | threads_of(threads)


def threads_of(threads: int) -> dict[str, str]:
    """What keeps TensorFlow, and whatever else counts cores, to so many threads."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def resources(workers: int) -> dict[str, float]:
    """What each worker asks of Ray: a processor, and a GPU where there is one for each."""
    import ray

    gpus = ray.cluster_resources().get("GPU", 0)
    return {"num_cpus": 1, "num_gpus": int(gpus >= workers)}


def share_of(threads: int, gpu: bool) -> dict[str, str]:
    """The environment of a worker: its threads, and no GPU where Ray gave it none, as each one
    would take all of its memory."""
    return threads_of(threads) | ({} if gpu else {"CUDA_VISIBLE_DEVICES": "-1"})


class _Worker:
    """A process that makes its tool once, and then does one job after the other."""

    def __init__(
        self, make: Callable[..., Callable[[Any], Any]], words: tuple, share: dict[str, str]
    ):
        os.environ.update(share)
        self._make, self._words = make, words
        self._tool: Callable[[Any], Any] | None = None

    def do(self, job: Any) -> Any:
        if self._tool is None:  # not while it starts, which Ray would try again for ever
            self._tool = self._make(*self._words)
        return self._tool(job)


@contextlib.contextmanager
def team(
    make: Callable[..., Callable[[Any], Any]],
    words: tuple,
    workers: int | None,
    address: str | None = None,
) -> Iterator[Callable[[Iterable[Any]], Iterator[Any]]]:
    """Workers, and how to have jobs done by them: yields (jobs) -> results as they come.

    A worker that dies is started again, up to `RESTARTS` times, and does its job again.

    Args:
        make: (*words) -> (job) -> result; called once in each process, by its name.
        workers: None does the jobs here, one by one, without Ray.

    Raises:
        RunError: a worker died too often.
        Exception: what a job raised.
    """  # fmt: skip
    if workers is None:
        tool = make(*words)
        yield lambda jobs: map(tool, jobs)
        return
    with joined(workers, address) as threads:
        import ray
        from ray.util import ActorPool

        asked = resources(workers)
        again = {"max_restarts": RESTARTS, "max_task_retries": RESTARTS}
        kind: Any = ray.remote(_Worker).options(**asked, **again)
        share = share_of(threads, asked["num_gpus"] > 0)
        actors = [kind.remote(make, words, share) for _ in range(workers)]

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
    """What a worker raised, as if it had been raised here."""
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
            f"a worker died {RESTARTS + 1} times (killed, or out of memory?): what is done is "
            "kept; the same command goes on"
        ) from error
