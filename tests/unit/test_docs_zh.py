"""The Chinese pages: each has an English twin, and names no command and no code that it lacks."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
ZH = DOCS / "zh"
FOLDERS = ("guides", "reference", "theory")
PAGES = [page for folder in FOLDERS for page in sorted((ZH / folder).glob("*.md"))]
COMMAND = re.compile(r"    ((?:pip|ganvas|curl|grpcurl|tensorboard|pytest|docker) .*)")


def flat(text: str) -> str:
    return " ".join(text.split())


def commands(text: str) -> set[str]:
    """Lines of code blocks, without their comments, which are translated."""
    found = filter(None, map(COMMAND.fullmatch, text.splitlines()))
    return {flat(re.sub(r"\s{2,}#.*", "", line[1])) for line in found}


def names(text: str) -> set[str]:
    """What stands between backticks outside of code blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    prose = "\n".join(line for line in prose.splitlines() if not line.startswith("    "))
    return {flat(name) for name in re.findall(r"`([^`]+)`", prose)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ZH)))
def test_commands_and_names_are_those_of_the_english_page(page):
    english = (DOCS / page.relative_to(ZH)).read_text()
    chinese = page.read_text()
    assert commands(chinese) <= commands(english)
    assert {name for name in names(chinese) if name not in flat(english)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ZH)))
def test_anchors_exist(page):
    wrong = []
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        target = page.parent / link if link else page
        if not target.is_file():
            continue  # tests/unit/test_docs.py reports it
        text = target.read_text()
        heads = re.findall(r"^#+ (.*)$", text, re.M)
        slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
        if anchor not in slugs and f'<a id="{anchor}"></a>' not in text:
            wrong.append(f"{link}#{anchor}")
    assert not wrong


def rows(page: Path, term: int) -> list[tuple[str, list[str]]]:
    """Each row's English term, and the names of code in it."""
    lines = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return [(row[term], re.findall(r"\[`([^`]+)`\]", row[3])) for row in cells if len(row) == 5]


def test_both_glossaries_have_the_same_rows():
    english, chinese = rows(DOCS / "glossary.md", 0), rows(ZH / "glossary.md", 1)
    assert english[0][0] == "term"
    assert [row for row in english if row[0] != "term"] == [
        row for row in chinese if row[0] != "English"
    ]
