"""The documents of a run folder, each read by one checked reader.

A crash, a full disk or another program may have damaged them, and somebody else may have written
them: what does not have the form that a run writes is left out, and `faults` names it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..base.files import disk_errors, parse_object, read_object, write_file, write_json
from ..config import Config, parse
from ..config.schema import ADDRESS, SCHEMA, schema_text
from ..errors import ConfigError, RunError, UsageError
from . import remote
from .facts import check_facts

UNSCORED = "state/unscored.json"
STATES, MODELS, BEST = "[0-9]*.npz", "[0-9]*.keras", "best-[0-9]*.keras"
"""Patterns of files of a run; other programs may put files of their own beside them."""


class Documents:
    """The documents in a run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def where(self) -> str:
        """The folder, or the address of a remote run; for messages."""
        return remote.origin(self.folder)

    @property
    def config(self) -> Config:
        """The recipe. Raises: ConfigError: config.toml is damaged."""
        path = self.folder / "config.toml"
        try:
            tree = tomllib.loads(path.read_text("utf-8"))
            if isinstance(data := tree.get("data"), dict):
                data.setdefault("levels", "full")  # runs without it were trained with these
            return parse(tree)
        except ConfigError as error:  # a key or value that somebody has changed
            raise ConfigError(f"{path}: {error}") from error
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read ({error.strerror}): allow reading it, or restore it from "
                "a copy"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                f"{path} is damaged ({error}): correct that line, or start a new run"
            ) from error

    @property
    def info(self) -> dict[str, Any]:
        """run.json: command, versions, data, shape, class names, progress."""
        return self.read_json("run.json")

    @property
    def best(self) -> dict[str, Any]:
        """best.json: the model with the best score on held-out images; empty if none was scored."""
        return self.read_json("best.json")

    @property
    def images(self) -> dict[str, Any]:
        """run.json's `data`, of the training images: shape, names, class_shares, fingerprint ...

        Raises: RunError: run.json is damaged.
        """
        damaged = RunError(
            f"{self.folder}/run.json is damaged: it must describe the images; `ganvas resume "
            f"{self.folder}` writes it again"
        )
        return check_facts(self.info.get("data"), damaged)

    def check_place(self, advice: str) -> None:
        """Raises: RunError: the images are no longer where they were; `advice` says how to name
        their new place."""
        source = self.config.data.source
        name, _, part = source.rpartition(":")
        file = Path(name if part and name.endswith(".npz") else source)
        if file.is_absolute() and not file.exists():
            raise RunError(
                f"the images of {self.where} were in {source}, which does not exist: {advice}"
            )

    def update_info(self, **values: Any) -> None:
        self.write_json("run.json", {**self.info, **values})

    def read_json(self, name: str) -> dict[str, Any]:
        """An object in the folder; empty if the file is missing or damaged."""
        with contextlib.suppress(OSError, ValueError):
            return self._checked(name)
        return {}

    def _checked(self, name: str) -> dict[str, Any]:
        """An object in the folder. Raises: OSError; ValueError: the file is damaged."""
        found = read_object(self.folder / name)
        if check := _CHECKS.get(name):
            check(found)
        return found

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        write_json(self.folder / name, values)

    def write_recipe(self, config: Config) -> None:
        """Write config.toml, and beside it the schema that editors read."""
        self.write("config.toml", ADDRESS + config.toml())  # first: with it, it can be resumed
        self.write(SCHEMA, schema_text())

    def write(self, name: str, text: str) -> None:
        write_file(self.folder / name, text)

    def log(self, row: Mapping[str, Any]) -> None:
        """Append one line to log.jsonl."""
        with disk_errors(self.folder), (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the log, without damaged lines."""
        return [row for row in self._lines() if row]

    def _lines(self) -> list[dict[str, Any]]:
        """The log line by line; a damaged line, such as the last one after a crash, is empty."""
        rows: list[dict[str, Any]] = []
        with contextlib.suppress(OSError):
            for line in (self.folder / "log.jsonl").read_text("utf-8", "replace").split("\n"):
                rows.append({})
                with contextlib.suppress(ValueError):
                    rows[-1] = _row(line)
        return rows

    def faults(self) -> list[str]:
        """A sentence for each file of the run that cannot be read; empty if there is none."""
        found = []
        documents = [functools.partial(self._document_fault, name) for name in _ADVICE]
        checks: list[Callable[[], None]] = [self._recipe_fault, *documents, self._log_fault]
        for check in checks:
            try:
                check()
            except FileNotFoundError:
                pass
            except (UsageError, OSError) as error:
                found.append(str(error))
        return [*found, *self._archive_faults()]

    def _recipe_fault(self) -> None:
        _ = self.config

    def _document_fault(self, name: str) -> None:
        try:
            self._checked(name)
        except ValueError as error:
            advice = _ADVICE[name].format(folder=self.folder)
            raise RunError(f"{self.folder}/{name} is damaged ({error}): {advice}") from error

    def _log_fault(self) -> None:
        lines = self._lines()
        # A crash cuts the last line; resuming repeats its tick.
        wrong = [number for number, row in enumerate(lines[:-1], 1) if not row]
        if wrong:
            raise RunError(
                f"{self.folder}/log.jsonl has a damaged line {wrong[0]}, which is left out: delete "
                "that line"
            )

    def _archive_faults(self) -> list[str]:
        """Models and states that were cut. A directory at the end lists the contents of both."""
        found = []
        for folder, pattern, instead in (
            ("models", BEST, "the run's next best model"),
            ("models", MODELS, "the run's next best model"),
            ("state", STATES, "the state before it"),
        ):
            for path in sorted((self.folder / folder).glob(pattern)):
                if not zipfile.is_zipfile(path):
                    found.append(
                        f"{path} is damaged: restore it from a copy, or delete it; {instead} is "
                        "used, if there is one"
                    )
        return found


def _row(line: str) -> dict[str, Any]:
    """A row of the log. Raises: ValueError: another text."""
    row = parse_object(line)
    for name in ("step", "kimg"):
        if not _is_number(row.get(name)) or not math.isfinite(row[name]):
            raise ValueError(f"it has no {name}")
    for name, value in row.items():
        if name not in _TEXTS and not _is_number(value):
            raise ValueError(f"its {name} is no number")
    return row


_TEXTS = ("cure", "disease")
"""Values of a row that are no numbers: a row of a fix has them."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_INFO: dict[str, tuple[type, ...]] = {
    "status": (str,),
    "data": (dict, type(None)),
    "versions": (dict, type(None)),
    "healed": (list, type(None)),
    "diverged": (dict, type(None)),
    "privacy": (dict, type(None)),
}
_FIX = {"disease": str, "kimg": (int, float), "step": int, "cure": list, "taken": bool}


def _check_info(found: Mapping[str, Any]) -> None:
    for key, kinds in _INFO.items():
        if key in found and not isinstance(found[key], kinds):
            raise ValueError(f"its {key} is a {type(found[key]).__name__}")
    for fix in found.get("healed") or ():
        _check(fix, _FIX, "a fix")
        if not all(isinstance(setting, str) for setting in fix["cure"]):
            raise ValueError("a fix has settings that are no text")
    if found.get("diverged"):
        _check(found["diverged"], {"kimg": (int, float)}, "diverged")


def _check_best(found: Mapping[str, Any]) -> None:
    _check(found, {"model": str, "by": str, "step": int, "kimg": (int, float)}, "it")
    _check(found, {found["by"]: (int, float)}, "it")
    if found.get("copies_allowed") is not None:
        _check(found, {"copies_allowed": (int, float)}, "it")


def _check_report(found: Mapping[str, Any]) -> None:
    """data.json, as far as it is read again."""
    for key in ("used", "duplicates", "constant"):
        if key in found and not _is_number(found[key]):
            raise ValueError(f"its {key} is no number")
    sizes = found.get("sizes") or {}
    if not isinstance(sizes, dict) or not all(isinstance(one, list) for one in sizes.values()):
        raise ValueError("its sizes are no lists")


def _check_unscored(found: Mapping[str, Any]) -> None:
    _check(found, {"step": int, "logs": dict, "seconds": (int, float)}, "it")
    if not all(map(_is_number, found["logs"].values())):
        raise ValueError("its logs are no numbers")


def _check(found: Any, kinds: Mapping[str, Any], what: str) -> None:
    """Raises: ValueError: a key is missing, or has a value of another type."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{what} is a {type(found).__name__}")
    for key, kind in kinds.items():
        if not isinstance(found.get(key), kind):
            raise ValueError(f"{what} has no valid {key}")


_CHECKS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "run.json": _check_info,
    "best.json": _check_best,
    "data.json": _check_report,
    UNSCORED: _check_unscored,
}
_ADVICE = {
    "run.json": "`ganvas resume {folder}` writes it again",
    "data.json": "`ganvas resume {folder}` writes it again",
    "best.json": "the best model is known by the name of its file; delete {folder}/best.json",
}
