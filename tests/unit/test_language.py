"""Reports in Chinese: every sentence is translated, as a whole, and names stay as they are."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import ganvas
from ganvas.errors import UsageError
from ganvas.reports import language
from ganvas.reports.cards import Card
from ganvas.reports.forms import Signatures
from ganvas.reports.language import Name, translated
from ganvas.reports.page import Charts, Code, Items, Page, Section, Table, Text
from refusals import refuses

SOURCES = Path(ganvas.__file__).parent
LANGUAGES = SOURCES / "reports" / "languages"
TEXTS = Path(__file__).parents[1] / "texts_of_reports.txt"
NUMBER = r"\d[\d.,]*"
PAGES = """
data/findings doctor/failures evaluation/card evaluation/detail
evaluation/frechet evaluation/gate evaluation/headline evaluation/kernel evaluation/manifold
evaluation/modes evaluation/run_pages evaluation/score_report evaluation/scores evaluation/verdict
exporting/card exporting/parity kits/defects/card kits/defects/findable kits/defects/judging
kits/defects/parts kits/defects/promise kits/defects/reporting kits/defects/results
kits/defects/teaching kits/patterns/report kits/privacy/advice kits/privacy/attacks
kits/privacy/audit_report kits/privacy/auditing kits/privacy/cautions kits/privacy/copying
kits/privacy/details kits/privacy/findings kits/privacy/identity kits/privacy/membership
kits/privacy/opinion kits/privacy/terms kits/privacy/utility kits/rare_class/concluding
kits/rare_class/leaks kits/rare_class/page kits/rare_class/plots kits/rare_class/tables
kits/rare_class/verdict stats/drift tuning/study_report tuning/trial
"""
"""Modules whose texts are on pages."""
ABBREVIATIONS = ("bal.", "spec.", "valid.")
ELSEWHERE = {
    "add images", "image uint", "outside upper left", "score, p_value float", "writing reports",
    "save the frames or pages of each file as files of their own",
    "[N], defective bool [N], heatmap float",
}  # fmt: skip
"""Texts of these modules that no page holds: of the terminal, and names."""


class Prose(ast.NodeVisitor):
    """Fixed parts of a module's texts, without docstrings and errors."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_Raise(self, node: ast.Raise) -> None:
        """The sentences of errors are for the terminal."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.append(node.value)


def prose(module: str) -> list[str]:
    texts = Prose()
    texts.visit(ast.parse((SOURCES / f"{module}.py").read_text("utf-8")))
    pieces = (piece for text in texts.found for piece in re.split(NUMBER, text))
    stripped = (piece.strip(" .;:,()%") for piece in pieces)
    found = [text for text in stripped if re.search(r"[a-z]{2,} [a-z]{2,}", text)]
    return [text for text in found if not re.match("<|ganvas ", text) and "et al" not in text]


def keys() -> str:
    """All English sentences of the catalogue; a placeholder or a number is a line end."""
    files = (LANGUAGES / "zh").glob("*.toml")
    found = [key for file in files for key in tomllib.loads(file.read_text("utf-8"))]
    return "\n".join(re.sub(NUMBER, "\n", re.sub(r"{\w+}", "\n", key)) for key in found).lower()


@pytest.mark.parametrize("module", PAGES.split())
def test_every_sentence_of_a_page_has_a_translation(module):
    known = keys()
    missing = {text for text in prose(module) if text.lower() not in known}
    assert missing - ELSEWHERE == set(), "see reports/languages/zh"


@pytest.mark.parametrize("file", sorted(path.name for path in (LANGUAGES / "zh").glob("*.toml")))
def test_a_translation_has_the_placeholders_of_its_key_and_no_other_english(file):
    for key, value in tomllib.loads((LANGUAGES / "zh" / file).read_text("utf-8")).items():
        assert sorted(re.findall(r"{\w+}", key)) == sorted(re.findall(r"{\w+}", value)), key
        assert not english(value), key
        assert not value.endswith("。"), key
        assert not key.endswith(".") or key.endswith(ABBREVIATIONS), key


def test_no_key_has_two_translations():
    found: dict[str, str] = {}
    for path in (LANGUAGES / "zh").glob("*.toml"):
        for key, value in tomllib.loads(path.read_text("utf-8")).items():
            assert found.setdefault(key, value) == value, f"{path.name}: {key}"


def english(text: str) -> bool:
    """Whether it holds three English words in a row, outside of code and commands."""
    text = re.sub(r"`[^`]*`|ganvas [\w -]+|pip install \S+|--[\w-]+ \w+|[\w.]+\.\w+=\S+", "", text)
    return bool(re.search(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}", text))


def test_texts_of_reports_are_translated_as_a_whole():
    """A corpus of what pages of the tests said; `pytest -p texts_of_reports FILES` adds to it."""
    texts = TEXTS.read_text("utf-8").splitlines()
    found = {text: translated(text, "zh") for text in texts}
    assert [text for text, said in found.items() if said is None or english(said)] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("KID 18 where real images get 6.", "KID 为 18，真实图像为 6。"),
        ("Not there yet: KID 18 where real images get 6; class 3 too rare; no copies.",
         "尚未达到：KID 为 18，真实图像为 6；类别 3 过少；没有副本。"),
        ("0.1 to 0.2", "0.1 至 0.2"),
        ("recipe quick · 3 of 4 kimg", "配方 quick · 3 / 4 kimg"),
        ("3.5 %", "3.5 %"),
        ("near-copies, identity match", "近似副本、身份匹配"),
        ("class 'good' has 1 images and 'no' 30: rare classes will look worse",
         "类别“good”有 1 张图像，“no”有 30 张：稀有类别的效果会较差"),
    ],
)  # fmt: skip
def test_a_text(text, said):
    assert translated(text, "zh") == said


@pytest.mark.parametrize("text", ["A sentence of nobody.", "No copies. A sentence of nobody."])
def test_a_text_of_which_a_part_is_unknown_stays_as_it_is(text):
    assert translated(text, "zh") is None
    assert f"<p>{text}</p>" in page([Text(text)]).html("zh")


def test_hostile_texts_take_no_time():
    assert translated("; ".join(["no copies"] * 400) + "; x", "zh") is None
    assert translated("a" * 5000 + " (" * 2000, "zh") is None


def page(blocks) -> Page:
    return Page(Name("real"), "No copies.", "", ["No copies."], [], [Section("Scores", blocks)], "")


def test_names_are_the_same_in_every_language():
    table = Table(("class", "value"), [(Name("real"), "real"), ("<b>", "none")], "ll", "Scores")
    svg = "<svg><text>real</text><text>floor</text><text>a&lt;b</text></svg>"
    text = page([table, Charts([("Losses", svg)], table), Code("code", "none")]).html("zh")
    assert '<html lang="zh-CN">' in text and "<h1>real</h1>" in text
    assert '<th scope="row">real</th><td>真实</td>' in text
    assert '<th scope="row">&lt;b&gt;</th><td>无</td>' in text
    assert "<text>real</text><text>下限</text><text>a&lt;b</text>" in text
    assert "<pre>none</pre>" in text and '<h2 id="s1">指标</h2>' in text


def test_markdown_and_fixed_words():
    blocks = [Signatures(["Controller"]), Items(["No copies."]), Code("code", "  fix: x\n", True)]
    text = page(blocks).markdown("zh")
    assert "- 数据控制者: 姓名 ________ 日期 ________ 签名 ________" in text
    assert "- 没有副本。" in text and "  修复：x" in text and "# real" in text
    assert "**没有副本。**" in text
    assert "<h3>none</h3>" in Card(Name("none"), "", "").html()


def test_the_language_is_chosen_by_the_call_or_by_the_environment(monkeypatch):
    monkeypatch.delenv(language.VARIABLE, raising=False)
    assert page([]).html() == page([]).html("en") != page([]).html("zh")
    monkeypatch.setenv(language.VARIABLE, "zh")
    assert page([]).html() == page([]).html("zh") != page([]).html("en")
    with language.speaking("en"):
        assert page([]).html() == page([]).html("en")
    with refuses(UsageError, "language", "fr", "en, zh"):
        page([]).html("fr")
