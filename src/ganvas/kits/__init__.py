"""Kits: whole tasks, done with what every user of ganvas has; each is imported when first used."""

from __future__ import annotations

import importlib
from types import ModuleType

KITS = ("defects", "patterns", "privacy", "rare_class")


def __getattr__(name: str) -> ModuleType:
    if name in KITS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *KITS]
