"""Jobs: commands of ganvas as child processes, each with a folder for its output.

They have a session of their own, so that Ctrl-C in the studio's terminal does not reach them twice:
the studio passes it on, and a training then stops as after Ctrl-C, and resumes exactly.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ..base.files import disk_errors
from ..base.printing import on_one_line
from ..serve.status import Declined

MOST_RUNNING = 2
"""Jobs that compute at the same time."""
MOST_KEPT = 60
"""Jobs whose output is kept."""
TAIL = 6000
"""Bytes of the end of an output that are shown."""
MOST_RESULT = 2**24
"""Bytes of a result."""
CLOSING_SECONDS = 60.0


@dataclass
class Job:
    """A command that runs or has ended.

    Attributes:
        kind: what it does, such as "train".
        about: facts for the page, such as the name of the run.
        folder: of its output.
        words: arguments of `ganvas`.
        serves: it runs until it is stopped, and hardly computes.
    """

    id: str
    kind: str
    about: Mapping[str, Any]
    folder: Path
    words: Sequence[str]
    serves: bool = False
    began: float = field(default_factory=time.time)
    ended: float | None = None
    process: subprocess.Popen[bytes] | None = None
    stopped: bool = False

    @property
    def code(self) -> int | None:
        """The exit code; None: it runs."""
        code = self.process.poll() if self.process else None
        if code is not None and self.ended is None:
            self.ended = time.time()
        return code

    def to_dict(self) -> dict[str, Any]:
        """For the list; `detailed` has the output, too."""
        code = self.code
        return {
            "id": self.id,
            "kind": self.kind,
            "about": dict(self.about),
            "code": code,
            "running": code is None,
            "stopped": self.stopped,
            "seconds": round((self.ended or time.time()) - self.began, 1),
        }

    def detailed(self) -> dict[str, Any]:
        """With the end of its messages, the error, and the result of a command with --json."""
        found = self.to_dict()
        lines = [line for line in self.tail("err").splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error: ")]
        failed = found["code"] not in (None, 0, 1) and not self.stopped
        error = errors[-1].removeprefix("error: ") if errors else ""
        if failed and not error:
            error = f"it ended with code {found['code']}: {lines[-1] if lines else 'no message'}"
        command = on_one_line(" ".join(["ganvas", *self.words]))
        return {
            **found, "command": command, "log": lines[-40:], "error": error,
            "result": None if found["running"] else self.result(),
            "said": self.tail("out").splitlines()[-20:],
        }  # fmt: skip

    def tail(self, name: str) -> str:
        """The end of an output."""
        with contextlib.suppress(OSError), (self.folder / name).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return file.read(TAIL).decode("utf-8", "replace")
        return ""

    def result(self) -> Any:
        """The JSON that it printed; None: it printed none."""
        path = self.folder / "out"
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if path.stat().st_size <= MOST_RESULT:
                return json.loads(path.read_bytes())
        return None

    def stop(self) -> None:
        """As Ctrl-C, or for a server as SIGTERM."""
        if self.process and self.code is None:
            self.stopped = True
            self.process.send_signal(signal.SIGTERM if self.serves else signal.SIGINT)


class Jobs:
    """The jobs of a studio.

    Args:
        folder: for their outputs; what an earlier studio has left there is removed.
        cwd: where they run.
        program: what runs them; for tests.
    """

    def __init__(self, folder: Path, cwd: Path, program: Sequence[str] = ()) -> None:
        self.folder, self.cwd = folder, cwd
        self._program = list(program) or [sys.executable, "-m", "ganvas"]
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(
        self, kind: str, words: Sequence[str], about: Mapping[str, Any], serves: bool = False
    ) -> Job:
        """Start `ganvas WORDS`. Raises: Declined: too many jobs run."""
        with self._lock:
            self._check_room(serves)
            if not self._jobs:
                shutil.rmtree(self.folder, ignore_errors=True)
            key = secrets.token_hex(8)
            job = Job(key, kind, about, self.folder / key, list(words), serves)
            with disk_errors(job.folder):
                job.folder.mkdir(parents=True)
                with (job.folder / "out").open("wb") as out, (job.folder / "err").open("wb") as err:
                    job.process = self._child(words, out, err)
            self._jobs[key] = job
            self._forget()
            return job

    def _child(
        self, words: Sequence[str], out: IO[bytes], err: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._program, *words], cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=out,
            stderr=err, start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    def _check_room(self, serves: bool) -> None:
        busy = [job for job in self._jobs.values() if job.code is None and job.serves == serves]
        if len(busy) >= MOST_RUNNING:
            kinds = " and ".join(job.kind for job in busy)
            raise Declined(
                "RESOURCE_EXHAUSTED",
                f"{len(busy)} jobs run already ({kinds}): wait for one of them, or stop it",
            )

    def _forget(self) -> None:
        """Remove the oldest jobs that have ended."""
        over = max(0, len(self._jobs) - MOST_KEPT)
        ended = (job for job in list(self._jobs.values()) if job.code is not None)
        for job in itertools.islice(ended, over):
            shutil.rmtree(job.folder, ignore_errors=True)
            del self._jobs[job.id]

    def get(self, key: str) -> Job:
        """Raises: Declined: there is no such job, or it was removed."""
        if key not in self._jobs:
            raise Declined("NOT_FOUND", "this job is not known: the studio was started again")
        return self._jobs[key]

    def all(self) -> list[Job]:
        """The newest first."""
        return list(self._jobs.values())[::-1]

    def training(self, run: str) -> Job | None:
        """The last job that trained a run, or trains it now."""
        trainings = (job for job in self.all() if job.kind in ("train", "resume"))
        return next((job for job in trainings if job.about.get("run") == run), None)

    def running(self) -> list[Job]:
        return [job for job in self.all() if job.code is None]

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Stop all jobs, as after Ctrl-C; who has not ended after `seconds` is killed, and resumes
        from its last tick."""
        running = self.running()
        for job in running:
            job.stop()
        end = time.monotonic() + seconds
        for job in running:
            if job.process is not None:
                try:
                    job.process.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    job.process.kill()
                    job.process.wait()
