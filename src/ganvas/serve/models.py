"""The served models: their versions, states, and changes of versions.

A new version is loaded before an old one is unloaded, and a request keeps the version with which
it started: no request fails because of a change.
Source: TensorFlow Serving, AvailabilityPreservingPolicy and `get_model_status_impl.cc`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import config
from .config import Batching, Entry
from .engines import loading
from .engines.base import Servable
from .folders import check_links, stamp_of, version_folders
from .repeats import Repeats
from .status import Declined, invalid

LOADING, AVAILABLE, END = 20, 30, 50
_log = logging.getLogger("ganvas.serve")


@dataclass
class Version:
    """A version and its state. `stamp` shows whether a broken folder has changed."""

    number: int
    state: int = LOADING
    servable: Servable | None = None
    error: Declined | None = None
    stamp: tuple[Any, ...] = ()
    folder: Path | None = None


Loaded = tuple[Version, Servable]


class Models:
    """The models of a server. Thread-safe: requests read, one thread at a time loads.

    Args:
        entries: models to serve; they are loaded by `refresh`.
        batching: for every model that TensorFlow computes.
        max_images, trusted, engine: see `ServeOptions`.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        batching: Batching | None = None,
        max_images: int = 64,
        trusted: bool = False,
        engine: str = "auto",
    ):
        self._entries = list(entries)
        self._engine = engine
        self._options = batching, max_images, trusted
        self._versions: dict[str, dict[int, Version]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self.gone: Callable[[str, str], None] = lambda name, version: None
        """Called for each version that is no longer served."""
        self._kept: list[Entry] = []
        self._repeats = Repeats(_log)
        self._loading = threading.Lock()
        self._swapping = threading.Lock()

    # --- reading -----------------------------------------------------------------------------

    def find(self, name: str, version: int | None = None, label: str = "") -> Servable:
        """The requested version; without one, the highest that is available.

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
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise Declined("NOT_FOUND", f"Servable not found for request: {wanted}")

    def status(self, name: str, version: int | None = None) -> list[Version]:
        """All versions, the highest first. Raises: Declined: NOT_FOUND."""
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

    @property
    def entries(self) -> list[Entry]:
        return list(self._entries)

    def names(self) -> list[str]:
        return [entry.name for entry in self._entries]

    def labels(self, name: str) -> dict[str, int]:
        return dict(self._labels.get(name, {}))

    def ready(self) -> bool:
        """Whether there are models, and each has an available version."""
        return bool(self._entries) and all(self._available(name) for name in self.names())

    def _available(self, name: str) -> list[int]:
        versions = list(self._versions.get(name, {}).values())
        return [v.number for v in versions if v.state == AVAILABLE]

    # --- loading ----------------------------------------------------------------------------

    def refresh(self) -> dict[str, str]:
        """Read the folders once: load new versions, then unload those that are not wanted.

        Returns: for each model whose folder cannot be read, why; it does not change.
        """
        faults = {}
        with self._loading:
            for entry in self._entries:
                try:
                    self._publish(entry.name, self._load_new(entry))
                    self._unload_old(entry)
                except OSError as error:
                    why = error.strerror or error
                    faults[entry.name] = (
                        f"{entry.place} cannot be read ({why}): {entry.name} is still served"
                    )
        return faults

    def reconfigure(self, entries: Sequence[Entry]) -> None:
        """Serve these models instead of the present ones: the operator's.

        Raises: Declined: a model has no version that loads, or a label has a missing version; then
            nothing changes.
        """
        self._replace(entries)
        self._kept = list(entries)

    def reload(self, entries: Sequence[Entry]) -> None:
        """Serve these models instead of the present ones: a client's.

        Raises: Declined: as `reconfigure`, and FAILED_PRECONDITION: a model of the operator's is
            not among them, or in another folder.
        """
        places = {entry.name: entry.address or entry.folder.resolve() for entry in entries}
        for kept in self._kept:
            if places.get(kept.name) != (kept.address or kept.folder.resolve()):
                raise Declined(
                    "FAILED_PRECONDITION",
                    f"{kept.name} is served by the operator of this server, and stays: list it "
                    f"with its base_path, {kept.place}",
                )
        self._replace(entries)

    def _replace(self, entries: Sequence[Entry]) -> None:
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
                config.free(_addresses(entries) - _addresses(self._entries))
                why = self._why(entry) if isinstance(error, OSError) else ""
                for name in {entry.name for entry in entries} - set(self.names()):
                    self._versions.pop(name, None)
                if why:
                    raise Declined("UNKNOWN", why) from error
                raise
            for name, versions in loaded.items():
                self._publish(name, versions)
            self._labels = {entry.name: dict(entry.labels) for entry in entries}
            config.free(_addresses(self._entries) - _addresses(entries))
            self._entries = list(entries)
            for entry in self._entries:
                self._unload_old(entry)
            for name in set(self._versions) - set(self.names()):
                for version in self._versions[name].values():
                    self._unload(name, version)

    def _check(self, entry: Entry, loaded: Sequence[Loaded]) -> None:
        known = {*self._available(entry.name), *(version.number for version, _ in loaded)}
        available = known & set(entry.wanted(list(version_folders(entry.folder, self._engine))))
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
            f"{entry.place} holds no version to serve: it needs a numbered sub-folder, such as "
            f"{entry.place}/1/saved_model.pb"
        )

    def _load_new(self, entry: Entry) -> list[Loaded]:
        """Load wanted versions that are missing; requests find them after `_publish`."""
        entry.fetch()
        loaded = []
        folders = version_folders(entry.folder, self._engine)
        versions = self._versions.setdefault(entry.name, {})
        self._warn_of_another_folder(entry, folders)
        for number in entry.wanted(list(folders)):
            old = versions.get(number)
            if old is None or old.state != AVAILABLE:
                stamp = stamp_of(folders[number])
                if old is None or old.state != END or old.error is None or old.stamp != stamp:
                    loaded += self._load(entry, number, folders[number], stamp)
        return loaded

    def _unload_old(self, entry: Entry) -> None:
        """Unload versions that are not wanted, if a wanted one is available."""
        wanted = set(entry.wanted(list(version_folders(entry.folder, self._engine))))
        available = set(self._available(entry.name))
        if not wanted or wanted & available:
            for number in available - wanted:
                self._unload(entry.name, self._versions[entry.name][number])

    def _load(
        self, entry: Entry, number: int, folder: Path, stamp: tuple[Any, ...]
    ) -> list[Loaded]:
        version = Version(number, stamp=stamp, folder=folder)
        with self._swapping:
            self._versions[entry.name][number] = version
        try:
            check_links(folder, entry.roots)
            servable = loading.load(self._engine, entry.name, number, folder, *self._options)
        except Exception as error:  # TensorFlow's loader raises many classes for a damaged model
            message = (
                f"{folder} cannot be loaded ({type(error).__name__}: {error}): export it again"
            )
            version.error = error if isinstance(error, Declined) else Declined("UNKNOWN", message)
            version.state = END
            sentence = f"{entry.name} version {number} was not loaded: {version.error}"
            self._repeats.say(logging.ERROR, (entry.name, number), sentence)
            return []
        return [(version, servable)]

    def _publish(self, name: str, loaded: Sequence[Loaded]) -> None:
        for version, servable in loaded:
            with self._swapping:
                version.state, version.servable = AVAILABLE, servable
            _log.info("%s version %s is available (%s)", name, version.number, servable.engine)

    def _warn_of_another_folder(self, entry: Entry, folders: Mapping[int, Path]) -> None:
        """A served version is not loaded again from another folder: versions do not change."""
        for number, old in self._versions[entry.name].items():
            if old.servable and number in folders and old.folder != folders[number]:
                self._repeats.say(
                    logging.WARNING,
                    (entry.name, number),
                    f"{entry.name} version {number} is still served from {old.folder}: give "
                    f"{folders[number]} another number",
                )

    def _unload(self, name: str, version: Version) -> None:
        if version.state == AVAILABLE:
            _log.info("%s version %s is no longer served", name, version.number)
            self.gone(name, str(version.number))
        # Running requests keep a reference to the servable.
        with self._swapping:
            version.state, version.servable = END, None


def _addresses(entries: Sequence[Entry]) -> set[str]:
    return {entry.address for entry in entries if entry.address}
