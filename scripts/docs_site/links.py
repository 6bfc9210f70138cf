"""Links of a page that lead out of its site: to a file of the repository, or to the other site.

Pages are written for GitHub, where every relative link works. A site has only the pages of its own
folder, so that such links are rewritten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .pages import OTHER, address

LINK = re.compile(r"(\]\(|\bhref=\"|\bsrc=\")([^)\"\s]+)")
CHINESE = "docs/zh"
FENCE = re.compile(r"^ *(```|~~~)")


def rewritten(text: str, change: Callable[[str], str]) -> str:
    """The page with every relative link changed; code stays."""

    def changed(match: re.Match[str]) -> str:
        before, link = match.groups()
        outside = link.startswith(("http:", "https:", "mailto:", "#"))
        return before + (link if outside else change(link))

    lines, fenced = [], False
    for line in text.split("\n"):
        fence = FENCE.match(line) is not None
        fenced ^= fence
        lines.append(line if fenced or fence or line.startswith("    ") else
                     LINK.sub(changed, line))  # fmt: skip
    return "\n".join(lines)


def target(link: str, page: str, root: Path, folder: str, repository: str) -> str:
    """Where a link leads in the site.

    Args:
        page: path of the page, from `root`: "docs/zh/faq.md".
        root: of the repository.
        folder: of the site's pages: "docs" or "docs/zh".
        repository: address of the repository on the web.

    Raises:
        FileNotFoundError: there is no such file.
    """
    name, mark, anchor = link.partition("#")
    here = PurePosixPath(page).parent
    path = PurePosixPath(os.path.normpath(here / name))
    chinese = path.is_relative_to(CHINESE)
    if path.is_relative_to("docs") and chinese == (folder == CHINESE) and (root / path).exists():
        return link
    inner = path.relative_to(CHINESE if chinese else "docs") if path.parts[0] == "docs" else None
    if inner and folder == CHINESE:
        # A page that has no twin, or got it after the link was written.
        if (root / CHINESE / inner).is_file():
            return os.path.relpath(f"{CHINESE}/{inner}", here) + mark + anchor
        if (root / "docs" / inner).is_file():
            return OTHER + address(str(inner)) + mark + anchor
    if inner and folder == "docs" and (root / path).is_file():
        return OTHER + address(str(inner)) + mark + anchor
    if not (root / path).exists():
        raise FileNotFoundError(f"{page}: {link} leads nowhere")
    kind = "tree" if (root / path).is_dir() else "blob"
    return f"{repository}/{kind}/main/{path}" + mark + anchor


def as_on_github(text: str) -> str:
    """The page with a blank line before a list or a table that follows a line of text: Python's
    Markdown needs it, GitHub's does not."""
    lines, fenced = [], False
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        fence = FENCE.match(line) is not None
        fenced ^= fence
        inside = before.startswith(("- ", " ")) and not before.startswith("    ")
        starts = (line.startswith("- ") and not inside) or (
            line.startswith("|") and not before.startswith("|")
        )
        if starts and before.strip() and not fenced:
            lines.append("")
        lines.append(line)
    return "\n".join(lines)
