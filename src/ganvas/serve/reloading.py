"""What a client may have served with HandleReloadConfigRequest: nothing, unless it is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..storage import remote
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
        """The models of a ModelServerConfig. An address must be one that is served already, and
        another folder must lie in the roots.

        Raises: Declined: a wrong entry, or PERMISSION_DENIED: a folder outside the roots.
        """
        known = {entry.address for entry in served}
        for model in config.model_config_list.config:
            address = remote.address(model.base_path)
            if address and address not in known:
                raise Declined(
                    "PERMISSION_DENIED",
                    f"model {model.name}: {address} is not served: name a folder in "
                    f"{self._shown()}",
                )
        schemes = {address.partition("://")[0] for address in known}
        folders = {entry.folder for entry in served}
        found = entries(config, schemes)
        return [one if one.folder in folders else self._confined(one) for one in found]

    def _confined(self, entry: Entry) -> Entry:
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
