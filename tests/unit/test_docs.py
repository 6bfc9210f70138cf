"""What the documentation says can be followed: links lead somewhere, commands and examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganvas.config import recipe_names, recipe_text

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("examples/*/*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_named_files_exist(page):
    folders = "src|tests|benchmarks|docs|examples"
    for name in re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text()):
        assert (ROOT / name).exists(), name


def test_named_recipes_exist():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    for name in recipe_names():
        assert f"`{name}`" in changelog
        assert f"--recipe {name}" in recipe_text(name)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_examples_run(example, tmp_path):
    assert len(example.read_text().splitlines()) <= 60
    done = subprocess.run(
        [sys.executable, example, tmp_path / "run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "run").rglob("samples/reals.png"))


def test_snippets_are_short_and_ask_by_name():
    snippets = [p for p in ROOT.glob("examples/*/*") if p.suffix in (".kt", ".py", ".swift")]
    assert len(snippets) == 4
    for snippet in snippets:
        text = snippet.read_text()
        assert len(text.splitlines()) <= 60, snippet
        assert snippet.name == "serve.py" or all(
            f'"{word}"' in text for word in ("serving_default", "z", "label", "images")
        )
