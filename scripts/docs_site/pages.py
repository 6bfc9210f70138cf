"""Which pages the site has, in which order: the English navigation, and from it the Chinese one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

OTHER = "https://other-site.invalid/"
"""The root of the site in the other language, until the page is HTML: MkDocs refuses a relative
link out of its folder."""

Entries = list[Any]
"""As in mkdocs.yml: a page's path, or {title: path, address or entries}."""

ENGLISH: Entries = [
    "index.md",
    "quick-start.md",
    {
        "Guides": [
            "guides/installing.md",
            {
                "Train": [
                    "guides/own-images.md", "guides/recipes.md", "guides/progress.md",
                    "guides/python.md", "guides/keras.md", "guides/tracking.md",
                    "guides/tuning.md", "guides/clusters.md", "guides/remote-storage.md",
                ]
            },
            {"Evaluate and repair": ["guides/evaluation.md", "guides/doctor.md"]},
            {
                "Export and serve": [
                    "guides/export.md", "guides/serving.md", "guides/edge.md",
                    "guides/provenance.md",
                ]
            },
            {
                "Tasks": [
                    "guides/defects.md", "guides/defects-life.md", "guides/rare-classes.md",
                    "guides/privacy.md", "guides/patterns.md",
                ]
            },
            {"More": ["guides/*"]},
        ]
    },
    "faq.md",
    {"Coming from": ["coming-from/README.md", "coming-from/*"]},
    {
        "Reference": [
            "reference/commands.md",
            "reference/recipe-keys.md",
            {"Tables and figures": ["reference/*"]},
            "glossary.md",
            "examples.md",
            {"API": ["reference/api/README.md", "reference/api/ganvas.md", "reference/api/*"]},
        ]
    },
    {"Theory": ["theory/README.md", "theory/losses.md", "theory/mode-collapse.md", "theory/*"]},
    {"Design": ["tour.md", "decisions/README.md", "decisions/*"]},
]  # fmt: skip
"""`FOLDER/*`: the folder's pages that are not named elsewhere. Titles are the pages' own."""

CHINESE_TITLES = {
    "Guides": "指南", "Train": "训练", "Evaluate and repair": "评估与修复",
    "Export and serve": "导出与部署", "Tasks": "专项任务", "More": "更多",
    "Coming from": "迁移指南", "Reference": "参考", "Tables and figures": "表格与数据",
    "API": "API", "Theory": "原理", "Design": "设计",
}  # fmt: skip

GENERATED = ("reference/commands.md", "reference/api/")
"""Pages that are written when the site is built, in English only."""


def all_pages(folder: Path) -> list[str]:
    """The pages of a folder, relative to it; of docs/, without the Chinese ones."""
    found = (str(page.relative_to(folder)) for page in folder.rglob("*.md"))
    return sorted(page for page in found if not page.startswith("zh/"))


def paths(entries: Entries) -> Iterable[str]:
    """All pages and addresses that entries name, in order."""
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from paths(value) if isinstance(value, list) else [value]


def expanded(entries: Entries, pages: Iterable[str]) -> Entries:
    """The entries with `FOLDER/*` replaced by the folder's pages that are not named elsewhere;
    sections that remain empty are left out.

    Args:
        pages: all pages of the site, relative to its folder.
    """
    rest = sorted(set(pages) - set(paths(entries)))

    def fill(some: Entries) -> Entries:
        found: Entries = []
        for entry in some:
            if isinstance(entry, dict):
                ((title, inner),) = entry.items()
                inner = fill(inner) if isinstance(inner, list) else inner
                found += [{title: inner}] if inner else []
            elif entry.endswith("/*"):
                found += [page for page in rest if str(PurePosixPath(page).parent) == entry[:-2]]
            else:
                found.append(entry)
        return found

    return fill(entries)


def translated(entries: Entries, twins: set[str], docs: Path) -> Entries:
    """The Chinese navigation: twins, and addresses of the English pages that have none. A section
    without any twin is one address.

    Args:
        entries: the English navigation, expanded.
        twins: the pages of docs/zh.
        docs: the folder of the English pages, for their titles.
    """
    found: Entries = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(entry if entry in twins else _english(title_of(docs / entry), entry))
            continue
        ((title, inner),) = entry.items()
        pages = list(paths(inner))
        if twins.isdisjoint(pages):
            found.append(_english(CHINESE_TITLES[title], pages[0]))
        else:
            found.append({CHINESE_TITLES[title]: translated(inner, twins, docs)})
    return found


def _english(title: str, page: str) -> dict[str, str]:
    return {f"{title}（英文）": OTHER + address(page)}


def address(page: str) -> str:
    """Where a file of a site's folder is in the site: pages become HTML, others stay."""
    at = PurePosixPath(page)
    if at.suffix != ".md":
        return page
    return str(at.with_name("index.html") if at.name == "README.md" else at.with_suffix(".html"))


def title_of(page: Path) -> str:
    """The heading of a page; of a generated one, which is no file, its name."""
    if not page.is_file():
        return page.stem.capitalize()
    first = page.read_text().splitlines()[0]
    return first.removeprefix("# ")
