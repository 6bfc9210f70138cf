"""What a client may have served with HandleReloadConfigRequest: nothing, unless it is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .config import Entry, entries
from .folders import inside
from .status import Declined


@dataclass(frozen=True)
class Reloading:
    """Rules for the models of a request.

    Args:
        allowed: whether a client may change the served models at all.
        roots: folders in which their folders must lie, links resolved.
    """

    allowed: bool
    roots: tuple[Path, ...]

    def check_allowed(self) -> None:
        """Raises: Declined: PERMISSION_DENIED."""
        if not self.allowed:
            raise Declined(
                "PERMISSION_DENIED",
                "clients may not change the served models: start the server with --allow-reload",
            )

    def entries(self, config: Any, served: Sequence[Entry]) -> list[Entry]:
        """The models of a ModelServerConfig. An address must be one that is served already.

        Raises: Declined: a wrong entry, or PERMISSION_DENIED: a folder outside the roots.
        """
        schemes = {entry.address.partition("://")[0] for entry in served if entry.address}
        return [self._confined(entry, served) for entry in entries(config, schemes)]

    def _confined(self, entry: Entry, served: Sequence[Entry]) -> Entry:
        if entry.address:
            if entry.address not in {one.address for one in served}:
                raise Declined(
                    "PERMISSION_DENIED",
                    f"model {entry.name}: {entry.address} is not served: name a folder in "
                    f"{self._shown()}",
                )
            return entry
        folder = entry.folder.resolve()
        if not inside(folder, self.roots):
            raise Declined(
                "PERMISSION_DENIED",
                f"model {entry.name}: {entry.folder} is not in {self._shown()}, the folders of "
                "--model-root",
            )
        return replace(entry, folder=folder, roots=self.roots)

    def _shown(self) -> str:
        return ", ".join(map(str, self.roots)) or "no folder"
