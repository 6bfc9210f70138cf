"""The run folder, the interface between all parts of the package:

config.toml (and recipe.schema.json)  run.json  data.json  log.jsonl  events/  samples/  state/
models/"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import math
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..base.arrays import open_npz
from ..base.files import disk_errors, inside, is_empty, is_locked, locked, read_object, replacing
from ..base.types import StrPath
from ..config import Config
from ..errors import RunError
from . import remote
from .documents import BEST, MODELS, STATES, UNSCORED
from .shortcuts import Shortcuts

GROUPS = "groups.npz"
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile)
KEEP_STATES = 2
KEEP_MODELS = 3
HEALTHY = "[0-9]*.healthy"
KEEP_HEALTHY = 6  # so that the oldest is older than the first sign of a failure found ticks later


class Run(Shortcuts):
    """A run folder, new or old. Its files appear completely or not at all."""

    final_status: str | None = None
    """Status received from the chief worker, if this worker's view of the folder may be older."""

    def __init__(self, folder: StrPath) -> None:
        super().__init__(remote.path(folder))

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @classmethod
    def create(cls, folder: StrPath | None, words: str, config: Config) -> Run:
        """Make the folder; `words` are its name if no folder is given: runs/DATE-WORDS.

        Raises: RunError: the folder already holds a run or other files, or cannot be made.
        """
        path = remote.path(folder) if folder else fresh(Path("runs"), words)
        cls.check_free(path)
        run = cls(path)
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            with locked(path):
                cls.check_free(path)  # a process that began at the same time may have been faster
                run.write_recipe(config)
                run._make_folders()
        return run

    @staticmethod
    def check_free(folder: StrPath) -> None:
        """Raises: RunError: the folder holds a run or other files."""
        if remote.address(folder):
            return  # `Mirror` checks it
        path = remote.path(folder)
        if (path / "config.toml").exists():
            raise RunError(
                f"{path} already holds a run: `ganvas resume {path}` resumes it; "
                "choose another --run for a new run"
            )
        if path.exists() and (not path.is_dir() or not is_empty(path)):
            raise RunError(f"{path} is not an empty folder: choose another --run")

    @classmethod
    def open(cls, folder: StrPath) -> Run:
        """Open an existing run; at an address, a copy for reading.

        Raises: RunError: no run there.
        """
        address = remote.address(folder)
        run = cls(remote.copy(address) if address else folder)
        if not (run.folder / "config.toml").is_file():
            meant = "" if address else _meant(run.folder)
            raise RunError(
                f"{run.where} is not a run: give {meant or 'a folder that `ganvas train` made'}"
            )
        return run

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run, so that no second process trains it. The lock ends with its process.

        Raises: RunError: a live process holds the lock.
        """
        with locked(self.folder):
            self._make_folders()
            yield

    def _make_folders(self) -> None:
        for name in ("state", "models", "samples"):
            (self.folder / name).mkdir(exist_ok=True)

    # --- states -----------------------------------------------------------------------------

    def mark_unscored(self, step: int, **tick: Any) -> None:
        """Before the state of a tick is written: its scores, line and grid are still missing.

        Args:
            tick: what is needed to write them in another process.
        """
        self.write_json(UNSCORED, {"step": step, **tick})

    def unscored(self, step: int) -> dict[str, Any]:
        """What `mark_unscored` wrote before the state of this step; empty if its tick is complete.

        The mark is written first: one of another step has no state.
        """
        found = self.read_json(UNSCORED)
        return found if found.get("step") == step else {}

    def mark_complete(self) -> None:
        """After scores, line and grid of the last tick are written."""
        (self.folder / UNSCORED).unlink(missing_ok=True)

    def forget_after(self, step: int, complete: bool = True) -> None:
        """Drop log lines later than a step: resuming repeats their ticks.

        Args:
            complete: False drops the line of this step, too, which will be written again.
        """
        last = step if complete else step - 1
        kept = [row for row in self.rows() if row["step"] <= (step if "cure" in row else last)]
        self.write("log.jsonl", "".join(json.dumps(row) + "\n" for row in kept))
        if self.best.get("step", 0) > step:
            (self.folder / "best.json").unlink()

    def save_state(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the full training state by rename; the previous one is kept as well."""
        with replacing(self.folder / "state" / f"{step:09d}.npz") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        for old in self.states()[:-KEEP_STATES]:
            old.unlink()

    def states(self) -> list[Path]:
        """State files, oldest first."""
        found = sorted((self.folder / "state").glob(STATES))
        return [path for path in found if path.stem.isdecimal()]

    def load_state(self, before: float = math.inf) -> dict[str, np.ndarray] | None:
        """The newest state that can be read; None if the run has none yet.

        Args:
            before: only states of earlier steps.

        Raises: RunError: there are states, and none can be read.
        """
        states = [path for path in self.states() if int(path.stem) < before]
        for path in reversed(states):
            with contextlib.suppress(*UNREADABLE):
                return read_state(path)
        if states:
            raise RunError(f"no state in {self.folder}/state can be read: start a new run")
        return None

    def keep_healthy(self, step: int) -> None:
        """Keep the state of this step for a rollback; the last few are kept."""
        kept = self.folder / "state" / f"{step:09d}.healthy"
        with replacing(kept) as file, kept.with_suffix(".npz").open("rb") as state:
            shutil.copyfileobj(state, file)
        for old in sorted(kept.parent.glob(HEALTHY))[:-KEEP_HEALTHY]:
            old.unlink()

    def forget_healthy(self, after: str | None) -> None:
        """Drop the healthy states later than this one; None: all, because training restarts."""
        for path in (self.folder / "state").glob(HEALTHY):
            if after is None or path.name > after:
                path.unlink()

    def healthy(self, most: float = float("inf")) -> Path | None:
        """The last healthy state of at most this step, if any."""
        kept = sorted((self.folder / "state").glob(HEALTHY))
        steps = {int(path.stem): path for path in kept if path.stem.isdecimal()}
        return next((steps[step] for step in sorted(steps, reverse=True) if step <= most), None)

    # --- models -----------------------------------------------------------------------------

    def save_model(self, kimg: int, generator: Any, best: bool = False) -> Path:
        """Write the averaged generator as a Keras file; the last three are kept, and the best one,
        whose name differs, so that a later model of the same kimg cannot replace it."""
        path = self.folder / "models" / f"{'best-' * best}{kimg:06d}.keras"
        part = path.with_name(f".{path.name}.part.keras")
        with disk_errors(path):
            try:
                generator.save(part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        for old in self.models()[:-KEEP_MODELS]:
            old.unlink()
        return path

    def declare_best(self, about: Mapping[str, Any]) -> None:
        """Write best.json, and delete the previous best model."""
        self.write_json("best.json", about)
        for old in (self.folder / "models").glob(BEST):
            if old.name != about["model"]:
                old.unlink()

    def models(self) -> list[Path]:
        """Saved generators without the best, oldest first."""
        return sorted((self.folder / "models").glob(MODELS))

    def candidates(self, which: str = "best") -> list[Path]:
        """The files of generators in the order in which they are tried: the best one, by its scores
        on held-out images, or the last one first.

        Raises: RunError: best.json names a file outside of the run.
        """
        last = self.models()[::-1]
        best = self._best_model()
        return [*best, *last] if which == "best" else [*last, *best]

    def _best_model(self) -> list[Path]:
        """The file of the best generator, if one was scored."""
        document, folder = self.folder / "best.json", self.folder / "models"
        if not document.is_file():
            return []
        found = sorted(folder.glob(BEST))[-1:]  # there is one, unless a kill came between two
        with contextlib.suppress(OSError, ValueError, KeyError):
            named = read_object(document)["model"]
            try:
                found = [inside(folder, named)]
            except ValueError as error:
                raise RunError(f"{document} is damaged: {error}: remove it") from error
        return [path for path in found if path.is_file()]

    def model(self, which: str = "best") -> Path | None:
        """The file of the best generator, or of the last one; the last, if none was scored."""
        return next(iter(self.candidates(which)), None)

    def status(self) -> str:
        """running, finished, interrupted, diverged, sick, or stopped (killed; can be resumed)."""
        status = self.final_status or self.info.get("status", "stopped")
        if status != "running":
            return status
        return "running" if is_locked(self.folder / ".lock") else "stopped"


def read_state(path: Path) -> dict[str, np.ndarray]:
    with open_npz(path) as arrays:
        return dict(arrays)


def _meant(folder: Path) -> str:
    """The run that holds this folder, the newest one in it, or one of this name in runs/."""
    within = sorted(folder.glob("*/config.toml"), key=lambda one: one.stat().st_mtime)
    places = (*folder.parents[:2], *(one.parent for one in within[-1:]), Path("runs", folder.name))
    found = next((one for one in places if (one / "config.toml").is_file()), None)
    return "" if found is None or found == folder else f"a run, such as {found}"


def list_runs(folder: StrPath) -> list[Run]:
    """The runs directly in a folder, by name."""
    path = Path(folder)
    if not path.is_dir():
        raise RunError(f"{path} is not a folder: give one that holds runs")
    return [Run(p.parent) for p in sorted(path.glob("*/config.toml"))]


def fresh(parent: Path, name: str) -> Path:
    """Make a new folder runs/2026-11-24-mnist-quick, or with -2, -3 ... if that exists.

    To make it is to claim it: of two processes that begin at once, each gets its own.
    """
    stem = f"{datetime.date.today().isoformat()}-{name}"
    with disk_errors(parent / stem):
        parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = parent / (stem if number == 1 else f"{stem}-{number}")
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                break
    return path
