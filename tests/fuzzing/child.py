"""Gives readers damaged and hostile files, in a process of its own; run by tests/e2e/test_fuzz.py.

    python tests/fuzzing/child.py FOLDER COUNT [READER ...]
    python tests/fuzzing/child.py FOLDER input READER NUMBER

COUNT is a number of inputs of each reader, or `few` or `all` for the numbers in the table. Each
input is a function of the reader's name and its number. FOLDER/now names the input at work,
FOLDER/READER holds its bytes, and FOLDER/results.json tells at the end what was found. The second
form writes one input again, and reads it without a guard.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from mutations import mutated
from readers import READERS, Reader

from ganvas.errors import GanvasError

SEED = 20261130
SECONDS = 5.0
"""Most processor time of one input; then the process ends itself."""
PATIENCE = 60.0
"""The same of time, in which it may wait for something, or for other processes of the machine."""
GROWTH = 2**31
"""Most bytes by which the memory of the process may grow while a reader is at work."""
SPACE = 4 * 2**30
"""Most bytes of address space that are still given to the process."""
FAULTS = 10
"""After so many, a reader is given no more inputs."""
HARMLESS = "invalid escape|Data type alias|Reading `.npy`|When providing `inputs` as a dict"
"""Warnings of NumPy about headers, and of Keras about names of inputs."""
_WATCHED = (
    "subprocess.", "socket.", "os.", "pickle.", "marshal.", "ctypes.", "shutil.", "urllib.",
    "http.", "ftplib.", "webbrowser.", "import", "exec", "open", "tempfile.",
)  # fmt: skip
_HARMLESS = {"os.listdir", "os.scandir", "os.walk", "socket.gethostname"}
_READ = ("/proc/meminfo", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")


class Forbidden(BaseException):
    """A reader did more than read its own files. No reader catches it, and it is noted as well."""


class Guard:
    """Notes, and stops, whatever leads out of a folder while a reader is at work."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._audit)

    @contextlib.contextmanager
    def on(self, folder: Path) -> Any:
        self.folder, self.seen = f"{folder}/", []
        try:
            yield
        finally:
            self.folder = None

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None or not event.startswith(_WATCHED) or event in _HARMLESS:
            return
        if event in ("open", "os.mkdir"):
            path = arguments[0]
            path = path.decode() if isinstance(path, bytes) else path
            if not isinstance(path, (str, os.PathLike)):
                return
            whole = os.path.abspath(path)  # noqa: PTH100
            if f"{whole}/".startswith(self.folder) or whole in _READ:
                return
        folder, self.folder = self.folder, None  # what is called below is not watched
        self.seen.append(f"{event} {arguments!r}"[:300])
        self.folder = folder
        raise Forbidden(self.seen[-1])


def input_of(reader: Reader, number: int, seeds: list[bytes]) -> bytes:
    address = [SEED, zlib.crc32(reader.name.encode()), number]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a zip file with two members of one name
        return mutated(np.random.Generator(np.random.Philox(address)), seeds, reader.form)


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Sizes and times of all files, but for the lock, which is no content."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            if name != ".lock":
                path = Path(top, name)
                state = path.stat()
                found[str(path)] = (state.st_size, state.st_mtime_ns)
    return found


def peak() -> int:
    """The largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def look(reader: Reader, path: Path, guard: Guard) -> tuple[bool, str]:
    """Whether the file was read; and what is wrong with how it was read or refused."""
    before = files_of(path.parent)
    try:
        with guard.on(path.parent):
            reader.call(path)
        read, wrong = True, ""
    except GanvasError as error:
        read, wrong = False, "" if str(error).strip() else "an error without a message"
    except (Exception, Forbidden) as error:
        where = traceback.extract_tb(error.__traceback__)[-4:]
        steps = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(where))
        read, wrong = False, f"{type(error).__name__}: {error} ({steps})"[:600]
    if guard.seen:
        wrong = f"forbidden: {guard.seen[0]}"
    if files_of(path.parent) != before:
        wrong = wrong or "the files of the folder were changed"
    return read, wrong


def run(reader: Reader, count: int, place: Path, guard: Guard) -> dict[str, Any]:
    folder = place / reader.name
    folder.mkdir()
    seeds, path = reader.seeds(folder), folder / reader.file
    for seed in seeds:  # they are valid; and what is imported late is imported now
        path.write_bytes(seed)
        reader.call(path)
    Path("/proc/self/clear_refs").write_text("5")  # the largest memory is what is used now
    began, first, slowest, number_read, faults = time.perf_counter(), peak(), 0.0, 0, []
    note = os.open(place / "now", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in range(count):
        content = input_of(reader, number, seeds)
        path.unlink()
        path.write_bytes(content)
        os.pwrite(note, f"{reader.name} {number:9d}\n".encode(), 0)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        at = time.process_time()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", HARMLESS)
            read, wrong = look(reader, path, guard)
        seconds = time.process_time() - at
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if warned and not wrong:
            wrong = f"a warning: {warned[0].category.__name__}: {warned[0].message}"[:300]
        if peak() - first > GROWTH and not wrong:
            wrong = f"memory grew by {(peak() - first) / 2**20:.0f} MiB"
        slowest, number_read = max(slowest, seconds), number_read + read
        if wrong:
            kept = place / f"fault-{reader.name}-{number}"
            kept.write_bytes(content)
            faults.append(f"{reader.name} {number}: {wrong}; the input is {kept}")
            if len(faults) == FAULTS:
                break
    os.close(note)
    return {
        "inputs": number + 1,
        "asked": count,
        "read": number_read,
        "seconds": round(time.perf_counter() - began, 1),
        "slowest": round(slowest, 2),
        "MiB": round((peak() - first) / 2**20),
        "faults": faults,
    }


def main(place: Path, count: str, *names: str) -> None:
    if count == "input":
        reader, number = READERS[names[0]], int(names[1])
        path = place / reader.file
        path.write_bytes(input_of(reader, number, reader.seeds(place)))
        print(reader.call(path))
        return
    faulthandler.enable()
    for number in (signal.SIGPROF, signal.SIGALRM):
        faulthandler.register(number, chain=True)  # then its default action: the end
    guard, results = Guard(), {}
    for name in ("utf_16_be", "utf_16_le", "utf_32_be", "utf_32_le", "utf_32", "utf_16"):
        "".encode(name)  # imports what json takes for them
    for name in names or READERS:
        reader = READERS[name]
        wanted = {"few": reader.few, "all": reader.count}
        inputs = wanted[count] if count in wanted else int(count)
        if not inputs:
            continue
        reader.prepare()
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + SPACE, resource.RLIM_INFINITY))
        results[name] = run(reader, inputs, place, guard)
        (place / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), *sys.argv[2:])
