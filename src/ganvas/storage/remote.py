"""Remote storage (gs://, s3:// ...) through fsspec; all access goes through this module.

An object store has no folders, no rename and no lock. An object appears completely or not at all. A
set of objects is complete when the one that is written last exists: a manifest, an index, a state.
file:// is a path of this machine, and is treated as one.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..base.types import StrPath
from ..errors import GanvasError, UsageError
from . import hub

PLUGINS = {
    "gs": "gcsfs", "gcs": "gcsfs", "s3": "s3fs", "s3a": "s3fs", "az": "adlfs", "abfs": "adlfs",
    "abfss": "adlfs",
}  # fmt: skip
LOCAL = ("file", "local")


def address(location: Any) -> str | None:
    """The address, if a location is one; None for a path of this machine, or another object.

    A pathlib.Path is accepted too, which turns "gs://x" into "gs:/x".
    """
    scheme, rest = _split(location)
    return f"{scheme}://{rest.strip('/')}" if scheme and scheme not in LOCAL else None


def path(location: StrPath) -> Path:
    """A path of this machine, without "file://"."""
    scheme, rest = _split(location)
    return Path("/" + rest.lstrip("/")) if scheme in LOCAL else Path(location)


def here(location: StrPath, why: str = "drawings are written to this machine") -> Path:
    """A path of this machine. Raises: UsageError: it is an address; the message gives `why`."""
    if there := address(location):
        raise UsageError(f"{there}: {why}: give a folder")
    return path(location)


def trusted(location: str, allowed: Collection[str] | None = None) -> str:
    """The location, if a file of somebody else may name it: a path of this machine, or an address
    of an allowed scheme. Other addresses, such as http://, would make this machine contact a server
    that the author of the file chose.

    Args:
        location: a path, an address, or a name such as "mnist", "keras:NAME" or "tfds:NAME".
        allowed: schemes without "://"; None: the object stores of `PLUGINS`, and model hubs.

    Raises: UsageError: another scheme, a chain of addresses, or more than a name after "tfds:".
    """
    allowed = (*PLUGINS, *hub.SCHEMES) if allowed is None else allowed
    scheme, rest = _split(location)
    library, _, name = location.partition(":")
    if scheme and scheme not in (*LOCAL, *allowed):
        kinds = ", ".join(f"{one}://" for one in sorted(allowed)) or "none"
        raise UsageError(
            f"{location} is named by a file, and addresses in files may only begin with {kinds}: "
            "give the address yourself if you trust it, or a copy on this machine"
        )
    if scheme and "::" in rest:
        raise UsageError(f"{location} is a chain of addresses: a file may name only one address")
    if library == "tfds" and not re.fullmatch(r"\w+(:[\w\[\]:%+-]+)?", name):
        raise UsageError(
            f"{location} is named by a file, which may name only a data set, tfds:NAME or "
            "tfds:NAME:SPLIT: give the images yourself if you trust it"
        )
    return location


def shared(location: StrPath) -> Path:
    """A path that several processes can read. Raises: UsageError: it is an address."""
    return here(location, "several workers need a folder that all of them see").absolute()


def _split(location: Any) -> tuple[str, str]:
    if not isinstance(location, (str, os.PathLike)):
        return "", ""
    between = "://" if isinstance(location, str) else ":/"
    scheme, found, rest = os.fspath(location).partition(between)
    return (scheme, rest) if found and re.fullmatch("[a-z][a-z0-9+.-]+", scheme) else ("", "")


def read(folder: StrPath, name: str) -> bytes:
    """A file in a folder, or below an address."""
    there = address(folder)
    return Store(there).read(name) if there else (path(folder) / name).read_bytes()


def writable(location: StrPath) -> StrPath:
    """The location. Raises: UsageError: it is a repository of a model hub, which only `ganvas push`
    writes to."""
    if hub.is_hub(there := address(location)):
        raise UsageError(
            f"{there}: only `ganvas push` writes to a hub: write to a folder, then push it"
        )
    return location


class Store:
    """The files below an address; of a repository of a model hub, those of its copy.

    Raises: UsageError: no such file system, or its plug-in is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.address = url
        if hub.is_hub(url):
            self._system, self._root = fsspec.filesystem("file"), hub.folder(url).as_posix()
            return
        scheme = url.partition("://")[0]
        with self._access():
            try:
                self._system, root = fsspec.core.url_to_fs(url)
            except ImportError as error:
                plugin = PLUGINS.get(scheme)
                hint = f"pip install {plugin}" if plugin else str(error)
                raise UsageError(f"{url} needs the file system '{scheme}': {hint}") from error
            except ValueError as error:
                raise UsageError(
                    f"{url}: there is no file system '{scheme}': give a folder, gs://, s3:// or "
                    "another that fsspec has a plug-in for"
                ) from error
        self._root = str(root).rstrip("/")

    @contextlib.contextmanager
    def _access(self) -> Iterator[None]:
        """Turn the various errors of plug-ins into UsageError; FileNotFoundError stays."""
        try:
            yield
        except (GanvasError, FileNotFoundError):
            raise
        except Exception as error:
            why = (str(error).splitlines() or [""])[0]
            raise UsageError(
                f"{self.address} cannot be reached ({type(error).__name__}: {why}): check its "
                "name, the network, and that you may use it"
            ) from error

    def files(self) -> dict[str, dict[str, Any]]:
        """All files below the address: name -> the store's metadata, such as "size"."""
        with self._access():
            self._system.invalidate_cache()
            found = self._system.find(self._root, detail=True)
        named = {place.removeprefix(self._root + "/"): about for place, about in found.items()}
        return {name: about for name, about in named.items() if name != self._root}

    def sizes(self) -> dict[str, int]:
        return {name: int(about["size"]) for name, about in self.files().items()}

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or its bytes from `start` to `end`. Raises: FileNotFoundError."""
        with self._access():
            return self._system.cat_file(f"{self._root}/{name}", start=start, end=end)

    def get(self, name: str, to: Path) -> None:
        """Raises: UsageError: a name that leads out of the folder."""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise UsageError(f"{self.address} holds '{name}', which leads out of it: remove it")
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.part")
        with self._access():
            self._system.get_file(f"{self._root}/{name}", str(part))
        part.replace(to)

    def copy(self, folder: Path) -> None:
        """Everything, into a folder of this machine."""
        for name in self.files():
            self.get(name, folder / name)

    def put(self, file: Path, name: str) -> None:
        writable(self.address)
        place = f"{self._root}/{name}"
        with self._access():
            try:
                self._system.put_file(str(file), place)
            except FileNotFoundError:  # a store with folders, which must exist
                self._system.makedirs(place.rpartition("/")[0], exist_ok=True)
                try:
                    self._system.put_file(str(file), place)
                except FileNotFoundError as error:  # the target is missing, not a file to read
                    raise OSError(*error.args) from error

    def remove(self, name: str) -> None:
        writable(self.address)
        with self._access(), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(f"{self._root}/{name}")

    def publish(self, folder: Path, last: str) -> None:
        """Upload all files of a folder; `last` marks the set as complete and is uploaded last."""
        names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
        for name in sorted(names, key=lambda name: name == last):
            self.put(folder / name, name)


_copies: dict[str, tuple[Path, dict[str, str]]] = {}


def copy(url: str) -> Path:
    """Copy all below an address into a local folder that is removed when this process ends.

    A second call copies only what changed.
    """
    folder, before = _copies.setdefault(url, (temporary(url), {}))
    store = Store(url)
    found = {name: repr(sorted(about.items())) for name, about in store.files().items()}
    for name, about in found.items():
        if before.get(name) != about:
            store.get(name, folder / name)
            before[name] = about
    for name in set(before) - set(found):
        (folder / name).unlink(missing_ok=True)
        del before[name]
    return folder


_origins: dict[Path, str] = {}
_removal: dict[Path, Callable[[], None]] = {}


def temporary(url: str) -> Path:
    """An empty folder named after an address; it is removed when this process ends."""
    above = Path(tempfile.mkdtemp(prefix="ganvas-"))
    folder = above / (re.sub(r"[^A-Za-z0-9._-]+", "-", url.rpartition("/")[2]) or "remote")
    folder.mkdir()
    _removal[folder] = functools.partial(shutil.rmtree, above, ignore_errors=True)
    atexit.register(_removal[folder])
    _origins[folder] = url
    return folder


def forget(folder: Path) -> None:
    """Remove a temporary folder now."""
    _origins.pop(folder, None)
    remove = _removal.pop(folder)
    atexit.unregister(remove)
    remove()


def keep(folder: Path) -> Path:
    """Do not remove a temporary folder when this process ends."""
    atexit.unregister(_removal[folder])
    return folder


def origin(folder: Path) -> str:
    """The address that a folder is a copy of, else its path; for messages."""
    return _origins.get(folder) or str(folder)
