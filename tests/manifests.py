"""Reading manifests in tests: the commands and pods within them."""

from __future__ import annotations

import shlex

import typer

from ganvas.cli.app import app


def words_within(value) -> list[list[str]]:
    """Every command of ganvas in a manifest."""
    if isinstance(value, dict):
        return [words for one in value.values() for words in words_within(one)]
    if isinstance(value, list):
        if value[:1] == ["ganvas"]:
            return [value]
        return [words for one in value for words in words_within(one)]
    if isinstance(value, str) and value.startswith("ganvas "):
        return [shlex.split(value)]
    return []


def parse(words: list[str]) -> dict:
    """What the command line understands, or its refusal."""
    import ganvas.cli  # noqa: F401 - it adds the commands

    group = typer.main.get_command(app)
    assert words[0] == "ganvas"
    command = group.commands[words[1]]
    return command.make_context(words[1], list(words[2:])).params


def places(pod: dict) -> tuple[set[str], set[str]]:
    mounts = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
    return mounts, {volume["name"] for volume in pod["volumes"]}


def pods(value):
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for one in value.values():
            yield from pods(one)
    elif isinstance(value, list):
        for one in value:
            yield from pods(one)
