"""What the documentation says can be followed: links lead somewhere, commands and examples run."""

import os
import re
from pathlib import Path

import pytest

from ganvas.config import recipe_names, recipe_text

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("examples/*/*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LONG = {
    "ask_a_server.py", "audit_privacy.py", "find_defects.py", "tiles_from_texture.py",
    "top_up_a_class.py",
}  # fmt: skip
"""What they do is tested by itself: in tests/serving and tests/e2e."""


def test_links_lead_somewhere():
    # The site shows the English page in place of one that is still to be translated.
    names = (ROOT / "tests" / "untranslated.txt").read_text().split()
    untranslated = {ROOT / "docs" / "zh" / name for name in names}
    wrong = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            path = Path(os.path.normpath(page.parent / link))
            if not link.startswith("http") and not path.exists() and path not in untranslated:
                wrong.append(f"{page.relative_to(ROOT)}: {link}")
    assert not wrong


def test_named_files_exist():
    folders = "src|tests|benchmarks|docs|examples"
    wrong = []
    for page in PAGES:
        for name in re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text()):
            if not (ROOT / name).exists():
                wrong.append(f"{page.relative_to(ROOT)}: {name}")
    assert not wrong


def defines(text: str, name: str) -> bool:
    """Whether a class, function, variable, field or parameter has the name, or a key in quotes."""
    n = re.escape(name)
    definition = rf"^\s*(class|def) {n}\b|(^|[(,])\s*(self\.)?{n}\b(\[\w+\])?\s*[:=]|\"{n}\""
    return re.search(definition, text, re.MULTILINE) is not None


def test_glossary_names_code_that_exists():
    page = ROOT / "docs" / "glossary.md"
    rows = [row for row in page.read_text().splitlines() if row.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| term ")]
    assert rows
    wrong = []
    for row in rows:
        found = re.findall(r"\[`([^`]+)`\]\((\.\./src/ganvas/[^)]+)\)", row)
        places = [(name, page.parent / link) for name, link in found]
        if not places or not all(
            file.is_file() and defines(file.read_text(), name) for name, file in places
        ):
            wrong.append(row)
    assert not wrong


def test_named_recipes_exist():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    for name in recipe_names():
        assert f"`{name}`" in changelog
        assert f"--recipe {name}" in recipe_text(name)


def test_examples_are_short():
    lines = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES}
    assert {name: count for name, count in lines.items() if count > 60} == {}


@pytest.mark.parametrize(
    "name",
    [pytest.param(path.name, marks=pytest.mark.proof if path.name in LONG else ())
     for path in EXAMPLES],
)  # fmt: skip
def test_examples_run(name, tmp_path, forked):
    script = ROOT / "examples" / name
    example = forked(tmp_path / "run", script=script, cwd=tmp_path)
    _, errors = example.communicate()
    assert example.returncode == 0, errors
    assert list((tmp_path / "run").rglob("*.png"))


def test_snippets_are_short_and_ask_by_name():
    pages = ("keras", "notebooks")  # which have tests of their own
    snippets = [
        p for p in ROOT.glob("examples/*/*")
        if p.suffix in (".kt", ".py", ".swift") and p.parent.name not in pages
    ]  # fmt: skip
    assert len(snippets) == 4
    for snippet in snippets:
        text = snippet.read_text()
        assert len(text.splitlines()) <= 80, snippet
        assert snippet.name == "serve.py" or all(
            f'"{word}"' in text for word in ("serving_default", "z", "label", "images")
        )
