"""Remote storage (gs://, s3:// ...) through fsspec: the one way there.

An object store has no folders, no rename and no lock. An object appears whole or not at all, and
what consists of several is whole when the one that is written last is there: a manifest, an index,
a state. file:// is a path of this machine, and is treated as one.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..base.types import StrPath
from ..errors import GanvasError, UsageError

PLUGINS = {
    "gs": "gcsfs", "gcs": "gcsfs", "s3": "s3fs", "s3a": "s3fs", "az": "adlfs", "abfs": "adlfs",
    "abfss": "adlfs",
}  # fmt: skip
LOCAL = ("file", "local")


def address(word: Any) -> str | None:
    """The address that a word or a path is; None where it is of this machine, or no path.

    A pathlib.Path is taken too, which makes "gs:/x" of "gs://x".
    """
    scheme, rest = _split(word)
    return f"{scheme}://{rest.strip('/')}" if scheme and scheme not in LOCAL else None


def path(word: StrPath) -> Path:
    """A path of this machine, without "file://"."""
    scheme, rest = _split(word)
    return Path("/" + rest.lstrip("/")) if scheme in LOCAL else Path(word)


def here(word: StrPath, why: str = "drawings are written to this machine") -> Path:
    """A path of this machine. Raises: UsageError: an address, and why it cannot be one."""
    if there := address(word):
        raise UsageError(f"{there}: {why}: give a folder")
    return path(word)


def shared(word: StrPath) -> Path:
    """A path that several processes are to see. Raises: UsageError: an address."""
    return here(word, "several workers need a folder that all of them see").absolute()


def _split(word: Any) -> tuple[str, str]:
    if not isinstance(word, (str, os.PathLike)):
        return "", ""
    between = "://" if isinstance(word, str) else ":/"
    scheme, found, rest = os.fspath(word).partition(between)
    return (scheme, rest) if found and re.fullmatch("[a-z][a-z0-9+.-]+", scheme) else ("", "")


def read(folder: StrPath, name: str) -> bytes:
    """A file in a folder, or below an address."""
    there = address(folder)
    return Store(there).read(name) if there else (path(folder) / name).read_bytes()


class Store:
    """What lies below an address.

    Raises: UsageError: no such file system, or its plug-in is not installed.
    """

    def __init__(self, word: str) -> None:
        import fsspec

        self.address = word
        scheme = word.partition("://")[0]
        with self._talking():
            try:
                self._system, root = fsspec.core.url_to_fs(word)
            except ImportError as error:
                plugin = PLUGINS.get(scheme)
                hint = f"pip install {plugin}" if plugin else str(error)
                raise UsageError(f"{word} needs the file system '{scheme}': {hint}") from error
            except ValueError as error:
                raise UsageError(
                    f"{word}: there is no file system '{scheme}': give a folder, gs://, s3:// or "
                    "another that fsspec has a plug-in for"
                ) from error
        self._root = str(root).rstrip("/")

    @contextlib.contextmanager
    def _talking(self) -> Iterator[None]:
        """Each plug-in has errors of its own. A missing file stays one."""
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
        """Everything below by name, with what the store says of it ("size" among it)."""
        with self._talking():
            self._system.invalidate_cache()
            found = self._system.find(self._root, detail=True)
        named = {place.removeprefix(self._root + "/"): about for place, about in found.items()}
        return {name: about for name, about in named.items() if name != self._root}

    def sizes(self) -> dict[str, int]:
        return {name: int(about["size"]) for name, about in self.files().items()}

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or its bytes from `start` to `end`. Raises: FileNotFoundError."""
        with self._talking():
            return self._system.cat_file(f"{self._root}/{name}", start=start, end=end)

    def get(self, name: str, to: Path) -> None:
        """Raises: UsageError: a name that leads out of the folder."""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise UsageError(f"{self.address} holds '{name}', which leads out of it: remove it")
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(f".{to.name}.part")
        with self._talking():
            self._system.get_file(f"{self._root}/{name}", str(part))
        part.replace(to)

    def copy(self, folder: Path) -> None:
        """Everything, into a folder of this machine."""
        for name in self.files():
            self.get(name, folder / name)

    def put(self, file: Path, name: str) -> None:
        place = f"{self._root}/{name}"
        with self._talking():
            try:
                self._system.put_file(str(file), place)
            except FileNotFoundError:  # a store that has folders, and wants them made
                self._system.makedirs(place.rpartition("/")[0], exist_ok=True)
                try:
                    self._system.put_file(str(file), place)
                except FileNotFoundError as error:  # it is the place that is missing, not a file
                    raise OSError(*error.args) from error

    def remove(self, name: str) -> None:
        with self._talking(), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(f"{self._root}/{name}")

    def publish(self, folder: Path, last: str) -> None:
        """All files of a folder; the one that says that the others are there comes last."""
        names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
        for name in sorted(names, key=lambda name: name == last):
            self.put(folder / name, name)


_copies: dict[str, tuple[Path, dict[str, str]]] = {}


def copy(word: str) -> Path:
    """What lies below an address, in a folder of this machine that goes with this process.

    Asked for again, it brings what changed.
    """
    folder, before = _copies.setdefault(word, (temporary(word), {}))
    store = Store(word)
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


def temporary(word: str) -> Path:
    """An empty folder named as an address is, which goes with this process."""
    above = Path(tempfile.mkdtemp(prefix="ganvas-"))
    folder = above / (re.sub(r"[^A-Za-z0-9._-]+", "-", word.rpartition("/")[2]) or "remote")
    folder.mkdir()
    _removal[folder] = functools.partial(shutil.rmtree, above, ignore_errors=True)
    atexit.register(_removal[folder])
    _origins[folder] = word
    return folder


def keep(folder: Path) -> Path:
    """Let a temporary folder outlive this process."""
    atexit.unregister(_removal[folder])
    return folder


def origin(folder: Path) -> str:
    """How a user calls a folder: by its address, where it is a copy."""
    return _origins.get(folder) or str(folder)
