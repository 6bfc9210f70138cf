"""Wrong usage of the command line in one sentence, with what may have been meant."""

from __future__ import annotations

import difflib
from typing import Any


def usage_sentence(error: Any) -> str:
    """The sentence for a usage error of Typer: an unknown command or option, a missing argument."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ganvas"
    message = error.format_message().rstrip(".").replace("\n", " ")
    if option := getattr(error, "option_name", None) if hasattr(error, "possibilities") else None:
        message = f"No such option: {option}"
        near = difflib.get_close_matches(option, error.possibilities or (), n=1, cutoff=0.7)
        keys = _keys(option, context)
        same = [key for key in keys if key.rpartition(".")[2] == _name(option)]
        if meant := _set(same) or near or _set(keys):
            message += f". Did you mean {' or '.join(meant)}?"
    joint = " See" if message.endswith("?") else "; see"
    return f"{message}{joint} `{command} --help`"


def _keys(option: str, context: Any) -> list[str]:
    """Keys of a recipe that have the name of an unknown option, for commands that take `--set`."""
    from ..config.recipe import known_keys
    from ..config.sentences import nearest_keys

    options = [name for one in context.command.params for name in one.opts] if context else []
    if "--set" not in options:
        return []
    return list(nearest_keys(_name(option), known_keys()))


def _set(keys: list[str]) -> list[str]:
    return [f"--set {key}=..." for key in keys]


def _name(option: str) -> str:
    """--tick-kimg -> tick_kimg."""
    return option.lstrip("-").replace("-", "_")
