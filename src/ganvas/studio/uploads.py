"""Uploads: archives are unpacked into uploads/ with the checks of `data.archives`, folders arrive
file by file."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..base.files import disk_errors
from ..base.names import file_name
from ..data.archives import SUFFIXES, unpacked
from ..data.labels import FILES as LABELS
from ..data.walk import is_hidden
from ..errors import DataError
from ..images import is_image
from ..serve.status import Declined
from .workspace import Workspace, one_name

ARRAYS = (".npz", ".npy")
MOST_MB = 4096
"""Default limit of an upload."""
SPARE = 2**28
"""Bytes of the disk that stay free."""
DEEPEST = 8


class Uploads:
    """Args: most: bytes of an upload."""

    def __init__(self, workspace: Workspace, most: int = MOST_MB * 2**20) -> None:
        self._workspace = workspace
        self.most = most

    async def received(self, stream: AsyncIterator[bytes], size: str, name: str) -> Path:
        """The body of a request as a file in a folder of its own, which the caller removes.

        Args:
            size: the header content-length.
            name: of the file, already checked.

        Raises: Declined: 413: it is too large, or the disk has no room for it.
        """
        hidden = self._workspace.made("hidden")
        room = min(self.most, shutil.disk_usage(hidden).free - SPARE)
        if size.isdecimal() and int(size) > room:
            raise _too_large(room)
        folder = hidden / "incoming" / uuid.uuid4().hex
        written = 0
        try:
            with disk_errors(folder):
                folder.mkdir(parents=True)
                with (folder / name).open("wb") as file:
                    async for chunk in stream:
                        written += len(chunk)
                        if written > room:
                            raise _too_large(room)
                        file.write(chunk)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder / name

    def checked_name(self, name: Any) -> str:
        """The name of an archive or a file of arrays. Raises: Declined: another kind of file."""
        plain = PurePosixPath(str(name or "").replace("\\", "/")).name
        if not plain.lower().endswith((*SUFFIXES, *ARRAYS)):
            raise Declined(
                "INVALID_ARGUMENT",
                f"{plain or 'a file without a name'} is no archive of images: drop a .zip, .tar, "
                ".npz or .npy file, or a folder of images",
            )
        suffix = next(one for one in (*SUFFIXES, *ARRAYS) if plain.lower().endswith(one))
        return file_name(plain[: -len(suffix)] or "images") + suffix

    def accept(self, file: Path) -> dict[str, Any]:
        """Move what was received to its place. Returns: its name, and what was left out.

        Raises: DataError: a damaged archive, or one without images.
        """
        try:
            if file.suffix.lower() in ARRAYS:
                name = self._workspace.free("uploads", file.stem)
                target = self._workspace.of("uploads") / f"{name}{file.suffix.lower()}"
                with disk_errors(target):
                    file.replace(target)
                return {"data": f"uploads/{target.name}", "left_out": 0}
            found = unpacked(file)
            try:
                if not any(is_image(one) for one in found.folder.rglob("*") if one.is_file()):
                    raise DataError(f"{file.name} contains no images: drop another archive")
                suffix = next(one for one in SUFFIXES if file.name.lower().endswith(one))
                target = self._workspace.claimed(file.name[: -len(suffix)])
                with disk_errors(target):
                    target.rmdir()
                    shutil.move(found.folder, target)
            finally:
                shutil.rmtree(found.folder, ignore_errors=True)
            return {"data": f"uploads/{target.name}", "left_out": found.left_out.total()}
        finally:
            shutil.rmtree(file.parent, ignore_errors=True)

    def begin(self, name: Any) -> dict[str, Any]:
        """A folder for files that follow."""
        folder = self._workspace.claimed(str(name or "") or "images")
        return {"data": f"uploads/{folder.name}"}

    def place(self, name: Any, path: Any) -> Path | None:
        """Where a file of a folder belongs, by its path in the sender's folder; None: it is neither
        an image nor a file of labels. Raises: Declined: a folder that was not begun."""
        folder = self._workspace.existing("uploads", one_name(str(name).removeprefix("uploads/")))
        parts = [part for part in str(path).replace("\\", "/").split("/") if part]
        last = parts[-1] if parts else ""
        if not last or len(parts) > DEEPEST or any(is_hidden(p) or p == ".." for p in parts):
            return None
        if last not in LABELS and not (Path(last).suffix and is_image(last)):
            return None
        if last not in LABELS:
            last = file_name(Path(last).stem) + Path(last).suffix.lower()
        return folder.joinpath(*map(file_name, parts[:-1]), last)

    def keep(self, file: Path, target: Path) -> dict[str, Any]:
        """Move a received file to its place."""
        try:
            with disk_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        finally:
            shutil.rmtree(file.parent, ignore_errors=True)
        return {"kept": True}

    def clear(self) -> None:
        """Remove what an earlier studio has received in part."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self._workspace.of("hidden") / "incoming", ignore_errors=True)


def _too_large(room: int) -> Declined:
    return Declined(
        "INVALID_ARGUMENT",
        f"the upload is larger than {max(0, room) / 1e6:,.0f} MB, which are accepted: copy the "
        "images into the workspace, or start with a larger --max-upload-mb",
        413,
    )
