"""Pages that are written when the site is built: the API reference and the commands."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from . import public
from .public import Name

API = "reference/api"


def api_pages() -> dict[str, str]:
    """Path -> Markdown. Signatures and docstrings are filled in by mkdocstrings, at `:::`."""
    packages = public.packages()
    homes: dict[str, Name] = {}
    for names in packages.values():
        for one in names:
            homes.setdefault(one.defined, one)
    pages = {f"{API}/{package}.md": _page(package, names, homes)
             for package, names in packages.items()}  # fmt: skip
    return {f"{API}/README.md": _index(packages), **pages}


def ranked(rank: float) -> str:
    """What stands before a page so that the search ranks it by this factor."""
    return f"---\nsearch:\n  boost: {rank}\n---\n"


def _index(packages: dict[str, list[Name]]) -> str:
    lines = ["# API", "", "Every public name, from the docstrings of the code.", "",
             "| package | purpose | names |", "|---|---|---|"]  # fmt: skip
    for package, names in packages.items():
        listed = ", ".join(f"[`{one.name}`]({package}.md#{one.full})" for one in names)
        lines.append(f"| [`{package}`]({package}.md) | {public.summary_of(package)} | {listed} |")
    return "\n".join(lines) + "\n"


def _page(package: str, names: Iterable[Name], homes: dict[str, Name]) -> str:
    """The names of a package. One that several packages export is described in the first."""
    # In the search, a guide comes before a name of the API.
    lines = [ranked(0.3) + f"# {package}", "", public.summary_of(package), ""]
    for one in names:
        first = homes[one.defined]
        if first is one:
            lines += [f"::: {one.full}", ""]
        else:
            there = f"{first.package}.md#{first.full}"
            lines += [f"## `{one.full}` {{ #{one.full} }}", "",
                      f"The same as [`{first.full}`]({there}).", ""]  # fmt: skip
    return "\n".join(lines)


def commands_page() -> str:
    """Every command with its arguments and options, as `--help` says them."""
    from typer.main import get_command

    from ganvas.cli import app

    root = get_command(app)
    lines = ["# Commands", "", "Every command, argument and option, from the code. `ganvas COMMAND "
             "--help` prints the same.", ""]  # fmt: skip
    for name in root.list_commands(None):
        command = root.commands[name]
        if not command.hidden:
            lines += _command(f"ganvas {name}", command, 2)
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any, level: int) -> list[str]:
    lines = ["#" * level + f" {name}", "", _text(command.help or ""), ""]
    inner = getattr(command, "commands", {})
    for one, sub in inner.items():
        if not sub.hidden:
            lines += _command(f"{name} {one}", sub, level + 1)
    context = command.context_class(command, info_name=name)
    records = [one.get_help_record(context) for one in command.params]
    rows = [_row(*record) for record in records if record]  # a hidden option has none
    if rows and not inner:
        lines += ["| argument or option | meaning |", "|---|---|", *rows, ""]
    return lines


def _row(names: str, meaning: str) -> str:
    shown = html.escape(names).replace("|", "&#124;")
    return f"| <code>{shown}</code> | {_text(meaning).replace('|', '&#124;')} |"


def _text(text: str) -> str:
    """Help in one paragraph; placeholders such as <NAME> are not HTML."""
    return " ".join(text.replace("\b", "").split()).replace("<", "&lt;")
