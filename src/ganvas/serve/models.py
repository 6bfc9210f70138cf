"""The models being served: which versions there are, in what state, and the way to the next ones.

A new version is loaded before an old one goes, and a request holds on to the version it began
with: a swap fails nobody.
Source: TensorFlow Serving, AvailabilityPreservingPolicy and `get_model_status_impl.cc`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..storage import manifest
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
    folder: Path | None = None


Loaded = tuple[Version, Servable]


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
        self.gone: Callable[[str, str], None] = lambda name, version: None
        """Told of each version that is no longer served."""
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
        """Whether there are models, and every one has an available version."""
        return bool(self._entries) and all(self._available(name) for name in self.names())

    def _available(self, name: str) -> list[int]:
        versions = list(self._versions.get(name, {}).values())
        return [v.number for v in versions if v.state == AVAILABLE]

    # --- loading ----------------------------------------------------------------------------

    def refresh(self) -> list[str]:
        """Look at the folders once: load what is new, then let go of what is no longer wanted.

        Returns: a sentence for each folder that cannot be looked at; its model stays as it is.
        """
        faults = []
        with self._loading:
            for entry in self._entries:
                try:
                    self._publish(entry.name, self._load_new(entry))
                    self._let_go(entry)
                except OSError as error:
                    place, why = entry.address or entry.folder, error.strerror or error
                    faults.append(
                        f"{place} cannot be read ({why}): {entry.name} is served as before"
                    )
        return faults

    def reconfigure(self, entries: Sequence[Entry]) -> None:
        """Serve these models instead, at once.

        Raises: Declined: a model has no version that loads, or a label names one that is not
            there; what was served before, under its old labels, is all that ever was.
        """
        with self._loading:
            loaded: dict[str, list[Loaded]] = {}
            try:
                for entry in entries:
                    loaded[entry.name] = self._load_new(entry)
                    self._check(entry, loaded[entry.name])
            except (Declined, OSError) as error:
                for name, versions in loaded.items():
                    for version, _ in versions:
                        self._unload(name, version)
                if isinstance(error, OSError):
                    raise Declined("UNKNOWN", self._why(entry)) from error
                raise
            for name, versions in loaded.items():
                self._publish(name, versions)
            self._labels = {entry.name: dict(entry.labels) for entry in entries}
            self._entries = list(entries)
            for entry in self._entries:
                self._let_go(entry)
            for name in set(self._versions) - set(self.names()):
                for version in self._versions[name].values():
                    self._unload(name, version)

    def _check(self, entry: Entry, loaded: Sequence[Loaded]) -> None:
        there = {*self._available(entry.name), *(version.number for version, _ in loaded)}
        available = there & set(entry.wanted(list(version_folders(entry.folder))))
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

    def _load_new(self, entry: Entry) -> list[Loaded]:
        """What is wanted and not there yet; nobody can ask for it before it is published."""
        entry.bring()
        loaded = []
        folders = version_folders(entry.folder)
        versions = self._versions.setdefault(entry.name, {})
        self._warn_of_another_folder(entry, folders)
        for number in entry.wanted(list(folders)):
            old = versions.get(number)
            if old is None or old.state != AVAILABLE:
                stamp = _stamp(folders[number])
                if old is None or old.state != END or old.error is None or old.stamp != stamp:
                    loaded += self._load(entry, number, folders[number], stamp)
        return loaded

    def _let_go(self, entry: Entry) -> None:
        """Of the versions that are not wanted, unless none of the wanted can take over."""
        wanted = set(entry.wanted(list(version_folders(entry.folder))))
        available = set(self._available(entry.name))
        if not wanted or wanted & available:
            for number in available - wanted:
                self._unload(entry.name, self._versions[entry.name][number])

    def _load(self, entry: Entry, number: int, folder: Path, stamp: tuple) -> list[Loaded]:
        version = Version(number, stamp=stamp, folder=folder)
        with self._swapping:
            self._versions[entry.name][number] = version
        try:
            servable = Servable(entry.name, number, folder, self._batching)
        except Exception as error:  # a damaged model makes TensorFlow's loader raise anything
            words = f"{folder} cannot be loaded ({type(error).__name__}: {error}): export it again"
            version.error = error if isinstance(error, Declined) else Declined("UNKNOWN", words)
            version.state = END
            _log.error("%s version %s was not loaded: %s", entry.name, number, version.error)
            return []
        return [(version, servable)]

    def _publish(self, name: str, loaded: Sequence[Loaded]) -> None:
        for version, servable in loaded:
            with self._swapping:
                version.state, version.servable = AVAILABLE, servable
            _log.info("%s version %s is available", name, version.number)

    def _warn_of_another_folder(self, entry: Entry, folders: Mapping[int, Path]) -> None:
        """A version that is served is not loaded again from elsewhere: files do not change."""
        for number, old in self._versions[entry.name].items():
            if old.servable and number in folders and old.folder != folders[number]:
                _log.warning(
                    "%s version %s is served from %s still: give %s another number",
                    entry.name, number, old.folder, folders[number],
                )  # fmt: skip

    def _unload(self, name: str, version: Version) -> None:
        if version.state == AVAILABLE:
            _log.info("%s version %s is no longer served", name, version.number)
            self.gone(name, str(version.number))
        # Requests under way keep the servable alive until they are answered.
        with self._swapping:
            version.state, version.servable = END, None


def version_folders(folder: Path) -> dict[int, Path]:
    """Sub-folders named by a number that hold a SavedModel, or that nobody can tell of yet.

    A version that was exported as LiteRT files alone is not for this server.
    Raises: OSError: the folder is not there, or not now: an unmounted disk empties nothing.
    """
    found = manifest.numbered(folder)
    return {
        number: path
        for number, path in found.items()
        if (path / "saved_model.pb").is_file() or not (path / manifest.NAME).is_file()
    }


def _stamp(folder: Path) -> tuple:
    """Changes when a file does: a folder that was broken is tried again then."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    facts = [(str(path), path.stat()) for path in sorted(files)]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in facts)
