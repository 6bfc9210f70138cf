"""A process beside this one in which LiteRT files are made and run.

The converters and LiteRT end their process where an assertion of theirs fails. Here that is a
failed file and a sentence, and the next request starts the process anew. Requests and replies are
lines of JSON, and the bytes of arrays follow them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import Refused

DOING = {
    "convert": "converted", "quantise": "quantised", "delegates": "opened", "draw": "ran",
    "time": "timed",
}  # fmt: skip
Examples = list[dict[str, np.ndarray]]
THREADS = (1, 2)
ROUNDS = 7
SECONDS, LEAST, MOST = 0.02, 3, 50
"""Of the calls of one file in a round: duration, and their number."""


class Child:
    """The process. It starts at once, because TensorFlow takes seconds to import."""

    def __init__(self) -> None:
        self._process = self._started()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it may still be importing TensorFlow, and keeps nothing
        self._end()

    def convert(self, folder: Path, kind: str, path: Path) -> None:
        """Convert the SavedModel in `folder`, which also holds examples.npz.

        Raises, as the other methods: Refused: it fails, or ends the process.
        """
        self._ask("convert", folder=str(folder), kind=kind, path=str(path))

    def quantise(self, folder: Path, kind: str, source: Path, path: Path) -> None:
        """Quantise a file in float32 by ai-edge-quantizer."""
        self._ask("quantise", folder=str(folder), kind=kind, source=str(source), path=str(path))

    def delegates(self, path: Path) -> tuple[int, list[str]]:
        """How many delegates run a file, and the operations outside."""
        return self._ask("delegates", path=str(path))["found"]

    def draw(self, path: Path, noise: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """Noise [N, Z], labels [N] -> images float32 [N, H, W, C]."""
        given = [noise] if labels is None else [noise, labels]
        return self._ask("draw", given, path=str(path))["arrays"][0]

    def time(
        self, paths: Sequence[Path], folder: Path, rounds: int = ROUNDS
    ) -> dict[str, dict[int, list[float]]]:
        """Milliseconds of one image: by file and threads, the median of each round.

        Files take turns, so that whatever else the machine does meets all of them. With one thread
        it is processor time, which other processes do not change; with two it is elapsed time.
        """
        names = [str(path) for path in paths]
        found = self._ask("time", paths=names, folder=str(folder), rounds=rounds)["found"]
        return {
            path.name: {int(n): times for n, times in found[str(path)].items()} for path in paths
        }

    def _ask(self, work: str, arrays: Sequence[np.ndarray] = (), **request: Any) -> dict[str, Any]:
        if self._process.poll() is not None:
            self._end()
            self._process = self._started()
        process = self._process
        lines, replies = process.stdin, process.stdout
        if lines is None or replies is None:
            raise ValueError("the process has no pipes")
        with contextlib.suppress(BrokenPipeError):  # it has ended: there is no reply
            _send(lines, {"work": work, **request}, arrays)
        received = _received(replies)
        if received is None:
            self._end()
            raise Refused(f"the process that {DOING[work]} it was ended by {_ended(process)}")
        reply, images = received
        if "refused" in reply:
            raise Refused(reply["refused"])
        return {**reply, "arrays": images}

    def _started(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path}
        return subprocess.Popen(
            # -P: no modules from the current folder.
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment,
        )  # fmt: skip

    def _end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _send(pipe: IO[bytes], document: dict[str, Any], arrays: Sequence[np.ndarray]) -> None:
    forms = [(array.dtype.str, array.shape) for array in arrays]
    pipe.write(json.dumps({**document, "arrays": forms}).encode() + b"\n")
    for array in arrays:
        pipe.write(array.tobytes())
    pipe.flush()


def _received(pipe: IO[bytes]) -> tuple[dict[str, Any], list[np.ndarray]] | None:
    """What the other process sent; None: it has ended."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        return None
    document, arrays = json.loads(line), []
    for kind, shape in document.pop("arrays"):
        size = math.prod(shape) * np.dtype(kind).itemsize
        content = pipe.read(size)
        if len(content) < size:
            return None
        arrays.append(np.frombuffer(content, kind).reshape(shape))
    return document, arrays


def _ended(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _convert(folder: str, kind: str, path: str) -> dict[str, Any]:
    from . import litert

    Path(path).write_bytes(litert.convert_saved(Path(folder), kind, _examples(folder)))
    return {}


def _quantise(folder: str, kind: str, source: str, path: str) -> dict[str, Any]:
    from .quantizers import quantised

    Path(path).write_bytes(quantised(Path(source), kind, _examples(folder)))
    return {}


def _delegates(path: str) -> dict[str, Any]:
    from ..base.compat.litert import outside
    from ..base.litert import opened

    return {"found": outside(opened(Path(path)))}


def _draw(path: str, given: Sequence[np.ndarray]) -> dict[str, Any]:
    return {"images": _drawer(path)(*given)}


@functools.lru_cache(1)
def _drawer(path: str) -> Callable[..., np.ndarray]:
    from .runners import LiteRT

    return LiteRT(Path(path), os.cpu_count() or 1)


def _time(paths: Sequence[str], folder: str, rounds: int) -> dict[str, Any]:
    from .runners import LiteRT

    one = _examples(folder)[0]
    found: dict[str, dict[int, list[float]]] = {path: {n: [] for n in THREADS} for path in paths}
    files = {(path, n): LiteRT(Path(path), n) for path in paths for n in THREADS}
    for file in files.values():
        file(one["z"], one.get("label"))
    for _ in range(rounds):
        for (path, threads), file in files.items():
            clock = time.thread_time if threads == 1 else time.perf_counter
            call = functools.partial(file, one["z"], one.get("label"))
            found[path][threads].append(_median(call, clock))
    return {"found": found}


def _median(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() - began < SECONDS):
        start = clock()
        call()
        times.append(1000 * (clock() - start))
    return round(float(np.median(times)), 5)


def _examples(folder: str) -> Examples:
    """The inputs of each example, for one image."""
    with np.load(Path(folder) / "examples.npz") as content:
        arrays = dict(content)
    return [
        {name: rows[number : number + 1] for name, rows in arrays.items()}
        for number in range(len(arrays["z"]))
    ]


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "convert": _convert, "quantise": _quantise, "delegates": _delegates, "draw": _draw,
    "time": _time,
}  # fmt: skip


def _main() -> None:
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no reply
    from . import litert as litert  # imports TensorFlow, while the other process has other work

    while received := _received(requests):
        request, given = received
        more = {"given": given} if given else {}
        try:
            reply = WORK[request.pop("work")](**request, **more)
        except Exception as error:  # the converters and LiteRT raise anything
            why = str(error).strip().splitlines() or [type(error).__name__]
            reply = {"refused": why[0]}
        images = reply.pop("images", None)
        _send(replies, reply, [] if images is None else [images])


if __name__ == "__main__":
    _main()
