"""Plug-ins: parts that other installed packages declare by entry points.

Names are listed without an import. A package is imported only when a recipe or a command names
its part.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..errors import ConfigError, RunError

GROUPS = {
    "loss": "ganvas.losses",
    "penalty": "ganvas.penalties",
    "augment": "ganvas.augments",
    "networks": "ganvas.networks",
    "source": "ganvas.sources",
    "logger": "ganvas.loggers",
}
"""Kind of a part -> group of entry points."""


@functools.cache
def found(kind: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The declared names of a kind, each with those who declare it. Imports nothing."""
    if kind not in GROUPS:
        return {}
    points = entry_points(group=GROUPS[kind])
    return {
        name: tuple(one for one in points if one.name == name)
        for name in sorted({one.name for one in points})
    }


def check_clash(kind: str, name: str, own: Collection[str]) -> None:
    """Refuse a name that means two parts.

    Args:
        own: names of this kind in ganvas.

    Raises: ConfigError: a plug-in has a name of ganvas, or two plug-ins have the same name.
    """
    points = found(kind).get(name, ())
    if points and (name in own or len(points) > 1):
        owners = ["ganvas"] if name in own else []
        owners += [described(point) for point in points]
        raise ConfigError(
            f"{kind} '{name}' is declared by {' and by '.join(owners)}: a name must have one "
            "meaning; uninstall a plug-in, or rename its entry point"
        )


def load(kind: str, name: str, base: type | None = None) -> Any:
    """What the plug-in declares; None: no plug-in has the name. Imports its package.

    Args:
        base: the class that it must inherit from; None: it must be callable.

    Raises: ConfigError: it cannot be imported, or is not such a part.
    """
    check_clash(kind, name, ())
    for point in found(kind).get(name, ()):
        what = f"{kind} '{name}' of the plug-in {described(point)}"
        try:
            part = point.load()
        except Exception as error:  # of a stranger's code
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ConfigError(
                f"{what} cannot be imported ({why}): update or uninstall this package"
            ) from error
        if base is None and not callable(part):
            raise ConfigError(f"{what} is not a function: name one in its entry point")
        if base and not (isinstance(part, type) and issubclass(part, base)):
            raise ConfigError(
                f"{what} is not a {base.__name__}: name a class that inherits from "
                f"{base.__module__}.{base.__name__}"
            )
        return part
    return None


def described(point: EntryPoint) -> str:
    """The distribution of an entry point, and its version."""
    return " ".join(_owner(point))


def records(named: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The plug-ins among named parts, for run.json.

    Args:
        named: kind and name of each part.
    """
    used = []
    for kind, name in dict.fromkeys(named):
        for point in found(kind).get(name, ()):
            distribution, version = _owner(point)
            about = {"distribution": distribution, "version": version}
            used.append({"kind": kind, "name": name, **about})
    return used


def check_installed(recorded: Any, where: str, kinds: Collection[str] = tuple(GROUPS)) -> None:
    """Compare the plug-ins of a run with those that are installed; networks are imported, because
    Keras finds their layers only then.

    Args:
        recorded: `records` in run.json; it may be from a stranger.
        where: the run, for the message.
        kinds: those that are needed.

    Raises: RunError: one is not installed. ConfigError: networks that cannot be imported.
    """
    for one in recorded if isinstance(recorded, list) else ():
        if not isinstance(one, Mapping) or one.get("kind") not in kinds:
            continue
        kind, name = str(one["kind"]), str(one.get("name"))
        if name not in found(kind):
            owner = f"{one.get('distribution')} {one.get('version')}"
            raise RunError(
                f"{where} was trained with {kind} '{name}' of the plug-in {owner}, which is not "
                "installed: install that package, if you trust it"
            )
        if kind == "networks":
            load(kind, name)


def _owner(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else (point.value, "")
