"""The models being served: which versions there are, in what state, and the way to the next ones.

A new version is loaded before an old one goes, and a request holds on to the version it began
with: a swap fails nobody.
Source: TensorFlow Serving, AvailabilityPreservingPolicy and `get_model_status_impl.cc`.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import Batching, Entry
from .servable import Servable
from .status import Declined, invalid

LOADING, AVAILABLE, END = 20, 30, 50
_log = logging.getLogger("ganvas.serve")


@dataclass
class Version:
    """A version and how far it is. `stamp` tells whether a broken folder has changed since."""

    number: int
    state: int = LOADING
    servable: Servable | None = None
    error: Declined | None = None
    stamp: tuple = ()


class Models:
    """Thread-safe: requests read, one thread at a time loads.

    Args:
        entries: what to serve; nothing is loaded before `refresh`.
        batching: for every model.
    """

    def __init__(self, entries: Sequence[Entry], batching: Batching | None = None):
        self._entries = list(entries)
        self._batching = batching
        self._versions: dict[str, dict[int, Version]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._loading = threading.Lock()
        self._swapping = threading.Lock()

    # --- asking -----------------------------------------------------------------------------

    def find(self, name: str, version: int | None = None, label: str = "") -> Servable:
        """The version asked for; the highest that is available, where none was named.

        Raises: Declined: NOT_FOUND, or INVALID_ARGUMENT for an unknown label or no name.
        """
        if not name:
            raise invalid("ModelSpec has no name specified.")
        if label:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise invalid(f"Unrecognized servable version label: {label}")
        with self._swapping:
            versions = self._versions.get(name, {})
            if version is None:
                version = max((n for n, v in versions.items() if v.servable), default=None)
            found = versions.get(version) if version is not None else None
            if found and found.servable:
                return found.servable
        asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise Declined("NOT_FOUND", f"Servable not found for request: {asked}")

    def status(self, name: str, version: int | None = None) -> list[Version]:
        """Highest version first. Raises: Declined: NOT_FOUND."""
        if not name:
            raise invalid("ModelSpec has no name specified.")
        versions = dict(self._versions.get(name, {}))
        if version is not None:
            if version not in versions:
                raise Declined("NOT_FOUND", f"Could not find version {version} of model {name}")
            return [versions[version]]
        if not versions:
            raise Declined("NOT_FOUND", f"Could not find any versions of model {name}")
        return [versions[number] for number in sorted(versions, reverse=True)]

    def names(self) -> list[str]:
        return [entry.name for entry in self._entries]

    def labels(self, name: str) -> dict[str, int]:
        return dict(self._labels.get(name, {}))

    def ready(self) -> bool:
        """Whether every model has an available version."""
        return all(self._available(name) for name in self.names())

    def _available(self, name: str) -> list[int]:
        versions = list(self._versions.get(name, {}).values())
        return [v.number for v in versions if v.state == AVAILABLE]

    # --- loading ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the folders once: load what is new, then let go of what is no longer wanted."""
        with self._loading:
            for entry in self._entries:
                self._load_new(entry)
                self._let_go(entry)

    def reconfigure(self, entries: Sequence[Entry]) -> None:
        """Serve these models instead, at once.

        Raises: Declined: a model has no version that loads, or a label names one that is not
            there; what was served before, under its old labels, still is.
        """
        with self._loading:
            try:
                for entry in entries:
                    self._load_new(entry)
                    self._check(entry)
                self._labels = {entry.name: dict(entry.labels) for entry in entries}
                self._entries = list(entries)
            finally:
                for entry in self._entries:
                    self._let_go(entry)
                for name in set(self._versions) - set(self.names()):
                    for version in self._versions[name].values():
                        self._unload(name, version)

    def _check(self, entry: Entry) -> None:
        wanted = entry.wanted(list(version_folders(entry.folder)))
        available = set(self._available(entry.name)) & set(wanted)
        if not available:
            raise Declined("UNKNOWN", self._why(entry))
        for number in entry.labels.values():
            if number not in available:
                raise Declined(
                    "FAILED_PRECONDITION",
                    f"Request to assign label to version {number} of model {entry.name}, "
                    "which is not currently available for inference",
                )

    def _why(self, entry: Entry) -> str:
        broken = [v for v in self._versions.get(entry.name, {}).values() if v.error]
        if broken:
            return str(max(broken, key=lambda v: v.number).error)
        return (
            f"{entry.folder} holds no version to serve: it needs a sub-folder named by a number, "
            f"as in {entry.folder / '1' / 'saved_model.pb'}"
        )

    def _load_new(self, entry: Entry) -> None:
        folders = version_folders(entry.folder)
        versions = self._versions.setdefault(entry.name, {})
        for number in entry.wanted(list(folders)):
            old = versions.get(number)
            if old is None or old.state != AVAILABLE:
                stamp = _stamp(folders[number])
                if old is None or old.state != END or old.error is None or old.stamp != stamp:
                    self._load(entry, number, folders[number], stamp)

    def _let_go(self, entry: Entry) -> None:
        """Of the versions that are not wanted, unless none of the wanted can take over."""
        wanted = set(entry.wanted(list(version_folders(entry.folder))))
        available = set(self._available(entry.name))
        if not wanted or wanted & available:
            for number in available - wanted:
                self._unload(entry.name, self._versions[entry.name][number])

    def _load(self, entry: Entry, number: int, folder: Path, stamp: tuple) -> None:
        version = Version(number, stamp=stamp)
        with self._swapping:
            self._versions[entry.name][number] = version
        try:
            servable = Servable(entry.name, number, folder, self._batching)
        except Exception as error:  # a damaged model makes TensorFlow's loader raise anything
            words = f"{folder} cannot be loaded ({type(error).__name__}: {error}): export it again"
            version.error = error if isinstance(error, Declined) else Declined("UNKNOWN", words)
            version.state = END
            _log.error("%s version %s was not loaded: %s", entry.name, number, version.error)
            return
        with self._swapping:
            version.state, version.servable = AVAILABLE, servable
        _log.info("%s version %s is available", entry.name, number)

    def _unload(self, name: str, version: Version) -> None:
        if version.state == AVAILABLE:
            _log.info("%s version %s is no longer served", name, version.number)
        # Requests under way keep the servable alive until they are answered.
        with self._swapping:
            version.state, version.servable = END, None


def version_folders(folder: Path) -> dict[int, Path]:
    """Sub-folders named by a number; "1" before "001". Others are ignored."""
    if not folder.is_dir():
        return {}
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name)):
        if re.fullmatch("[0-9]{1,18}", path.name) and path.is_dir():
            found.setdefault(int(path.name), path)
    return found


def _stamp(folder: Path) -> tuple:
    """Changes when a file does: a folder that was broken is tried again then."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    facts = [(str(path), path.stat()) for path in sorted(files)]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in facts)
