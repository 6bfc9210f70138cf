"""Builds one site by MkDocs: a copy of its pages, then HTML, then the links between both sites."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from .generated import api_pages, commands_page, ranked
from .links import CHINESE, as_on_github, rewritten, target
from .pages import ENGLISH, OTHER, all_pages, expanded, translated

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STAGES = ROOT / "build" / "docs"
TWIN = "https://twin.invalid/"
SAME = "https://same.invalid/"
"""The same page in the other language, and in this one, until the page is HTML."""
RANKS = {"faq.md": 3.0, "decisions/": 0.5}
"""Of pages in the search, where it is not 1."""
DESCRIPTIONS = {
    "en": "Image GANs on TensorFlow and Keras 3: from a folder of images to a trained generator.",
    "zh": "基于 TensorFlow 与 Keras 3 的图像 GAN：从图像文件夹到训练好的生成器。",
}
SEPARATOR = r'[\s\u200b\-_,，。：:；、（）()\[\]`"/]+'
"""Of words in the Chinese search. jieba puts zero-width spaces between words of the pages."""


def build(language: str, site: Path) -> None:
    """Builds the site of a language, "en" or "zh", into `site` or `site`/zh. Broken links are
    errors.

    Raises:
        SystemExit: MkDocs found a fault, and has printed it.
    """
    stage = STAGES / language
    shutil.rmtree(stage, ignore_errors=True)
    folder = "docs" if language == "en" else CHINESE
    pages = _copied(folder, stage / "pages")
    if language == "en":
        for name, text in {"reference/commands.md": commands_page(), **api_pages()}.items():
            _write(stage / "pages" / name, text)
            pages.append(name)
    out = site if language == "en" else site / "zh"
    # JSON is YAML, too.
    settings = json.dumps(_settings(language, pages, stage, out), indent=1, ensure_ascii=False)
    _write(stage / "mkdocs.yml", settings)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file"]
    # The theme announces its successor at every start; docs/decisions/30-site.md is about it.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    if subprocess.run([*command, stage / "mkdocs.yml"], env=environment).returncode:
        raise SystemExit(f"the {language} site was not built")
    for page in out.rglob("*.html"):
        if language == "zh" or not page.is_relative_to(out / "zh"):
            _connect(page, out, language)


def _copied(folder: str, stage: Path) -> list[str]:
    """Copies a folder of pages with their links rewritten; gives the pages' names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    repository = project["urls"]["Source"]
    pages = all_pages(ROOT / folder)
    for name in pages:
        page = f"{folder}/{name}"
        text = rewritten(
            (ROOT / page).read_text(),
            lambda link, page=page: target(link, page, ROOT, folder, repository),
        )
        rank = next((rank for start, rank in RANKS.items() if name.startswith(start)), 1.0)
        _write(stage / name, ranked(rank) + as_on_github(text))
    if folder == "docs":
        shutil.copytree(ROOT / "docs" / "pictures", stage / "pictures")
    shutil.copytree(HERE / "assets", stage / "assets")
    return pages


def _settings(language: str, pages: list[str], stage: Path, site: Path) -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    english = [*all_pages(ROOT / "docs"), *(pages if language == "en" else ())]
    nav = expanded(ENGLISH, english)
    if language == "zh":
        nav = translated(nav, set(pages), ROOT / "docs")
    search = {"lang": ["en", "zh"], "separator": SEPARATOR} if language == "zh" else {"lang": "en"}
    end = "" if language == "en" else "zh/"
    return {
        "INHERIT": str(HERE / "mkdocs.yml"),
        "site_description": DESCRIPTIONS[language],
        "site_url": f"{project['urls']['Documentation']}/{end}",
        "docs_dir": str(stage / "pages"),
        "site_dir": str(site),
        "nav": nav,
        "theme": {"language": language},
        "plugins": {
            "search": search,
            "mkdocstrings": {
                "handlers": {
                    "python": {
                        "paths": [str(ROOT / "src")],
                        "options": {"extensions": [str(HERE / "shared_names.py")]},
                    }
                }
            },
        },
        "extra": {
            "alternate": [
                {"name": "English", "lang": "en", "link": TWIN if language == "zh" else SAME},
                {"name": "中文", "lang": "zh", "link": TWIN if language == "en" else SAME},
            ],
            "social": [
                {"icon": "fontawesome/brands/github", "link": project["urls"]["Source"]}
            ],
        },
    }  # fmt: skip


def _connect(page: Path, site: Path, language: str) -> None:
    """Makes the links to the other site relative: to its root, and to the same page there."""
    name = page.relative_to(site)
    up = "../" * (len(name.parts) - 1)
    folder, other = (CHINESE, up + "zh/") if language == "en" else ("docs", up + "../")
    source = ROOT / folder / name
    sources = [source.with_suffix(".md")]
    if name.name == "index.html":
        sources.append(source.with_name("README.md"))
    twin = any(one.is_file() for one in sources)
    text = page.read_text()
    text = text.replace(SAME, name.name).replace(
        TWIN, other + (str(name) if twin else "index.html")
    )
    page.write_text(text.replace(OTHER, other))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
