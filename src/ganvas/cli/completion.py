"""What the shell completes: names of recipes, run folders, keys. Each imports only what it needs.

An empty answer leaves the shell to complete names of files.
"""

from __future__ import annotations

from pathlib import Path


def recipe_names(incomplete: str) -> list[tuple[str, str]]:
    """Recipes of the package, with what they are for; files are left to the shell."""
    from ..config import recipe_header, recipe_names

    return [(name, recipe_header(name).get("what", "")) for name in recipe_names()]


def trained_recipes(incomplete: str) -> list[tuple[str, str]]:
    """The same, and the recipe that the images decide."""
    return [("auto", "chosen by the images and this machine"), *recipe_names(incomplete)]


def run_folders(incomplete: str) -> list[str]:
    """Runs in the folder that is typed so far; without one, in runs/."""
    typed = Path(incomplete or "runs/x")
    parent = Path(incomplete) if incomplete.endswith("/") else typed.parent
    places = (parent,) if incomplete else (parent, Path())
    found = sorted({file.parent for place in places for file in place.glob("*/config.toml")})
    within = [str(folder) for folder in found if str(folder).startswith(incomplete)]
    if within or "/" in incomplete:
        return within
    return [f"{folder}/" for folder in ("runs",) if folder.startswith(incomplete)
            and Path(folder).is_dir()]  # fmt: skip


def beginnings(incomplete: str) -> list[str]:
    """Where a run can begin: pretrained pairs, runs, or noise."""
    from ..pretrained.cards import cards

    return ["auto", "none", *cards(), *run_folders(incomplete)]


def set_keys(incomplete: str) -> list[tuple[str, str]]:
    """Keys for `--set`, and after `=` the words that the key accepts."""
    from ..config.keys import keys
    from ..gan.catalogue import catalogue

    parts = [part for some in catalogue().values() for part in some.values()]
    arguments = [one for part in parts for one in part.arguments]
    every = {one.settable: one for one in (*keys(), *arguments)}
    name, equals, _ = incomplete.partition("=")
    if not equals:
        return [(f"{key}=", one.summary) for key, one in every.items()]
    if name in catalogue():
        return [(f"{name}={part}", one.summary) for part, one in catalogue()[name].items()]
    choices = every[name].choices if name in every else ()
    return [(f"{name}={choice}", "") for choice in choices]


def config_keys(incomplete: str) -> list[tuple[str, str]]:
    """Keys, sections and parts for `ganvas config`."""
    from ..config.keys import keys, purposes
    from ..gan.catalogue import catalogue

    parts = [part for some in catalogue().values() for part in some.values()]
    arguments = [one for part in parts for one in part.arguments]
    found = {one.name: one.summary for one in (*keys(), *arguments)}
    found |= {part.full: part.summary for part in parts} | purposes()
    return list(found.items())
