"""The report holds all it shows, says each number in both forms, and never runs what names say."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ganvas import images
from ganvas.config import Config
from ganvas.evaluation.base import Score
from ganvas.evaluation.headline import headline
from ganvas.evaluation.result import (
    ClassShares,
    Evaluation,
    GateResult,
    Grids,
    TruncationPoint,
)
from ganvas.evaluation.score_report import write_report
from ganvas.evaluation.score_tables import comparison_table, scores_table
from ganvas.evaluation.verdict import Verdict
from ganvas.reports import charts
from ganvas.reports.markup import mark
from ganvas.reports.page import Code
from ganvas.reports.tables import number
from ganvas.storage.run import Run

EVIL = "<script>alert('1')</script>"
NAMES = ["cat", EVIL, "$x^{$", '猫|b\n"a\' onload="x', "udc80-\udc80"]
VOID = {"meta", "img", "br", "path", "use"}


def made_up(**changes) -> Evaluation:
    """What `evaluate` returns, with numbers that stand nowhere else in a report."""
    scores = {
        "frechet": Score(3.217, 2.981, 3.513, 0.6213),
        "kid": Score(0.00004321, -0.0000312, 0.0000987, 0.0),
        "near_copies": Score(0.0317, 0.0219, 0.0431, 0.00113),
        "knn_accuracy": Score(None, why="the images have no labels"),
    }
    result = {
        "n_real": 2971, "n_fake": 3049, "features": "digits", "features_sha256": "ab12" * 16,
        "resize": "28x28, bicubic", "scores": scores, "gate": GateResult(None),
        "model": "models/000004.keras", "evaluated": "2026-11-24T19:07:00+00:00", "seconds": 12.3,
        "classes": ClassShares(tuple(NAMES), (0.2,) * 5, (0.617, 0.1, 0.1, 0.1, 0.083)),
        "truncation": (TruncationPoint(0.5, 0.913, 0.217), TruncationPoint(1.0, 0.877, None)),
        "pictures": Grids(samples=picture(64), neighbours=picture(48)),
    }  # fmt: skip
    return Evaluation(**{**result, **changes})


def picture(side: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([side, seed])
    return rng.integers(0, 256, (side, side, channels)).astype(np.uint8)


@pytest.fixture
def run(tmp_path) -> Run:
    return made_run(tmp_path)


@pytest.fixture
def without_charts(monkeypatch) -> None:
    """Charts take most of the time of a report: they are left out where they are not tested."""
    for name in ("lines", "bars"):
        monkeypatch.setattr(charts, name, lambda *_, **__: '<svg aria-label="none"></svg>')


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> tuple[Run, str, Page, str]:
    """A run, and its report in both forms."""
    run = made_run(tmp_path_factory.mktemp("report"))
    return run, *written(run, made_up())


def made_run(folder: Path) -> Run:
    """A run as training leaves it, in a folder whose name is markup."""
    config = Config().with_values({"gate.frechet_max": 3.0})
    run = Run.create(folder / "<b>run & co", "words", config)
    data = {
        "source": f"photos/{EVIL[:8]}", "fingerprint": "f1f1", "count": 95, "shape": [28, 28, 1],
        "names": NAMES, "class_counts": [19] * 5,
    }  # fmt: skip
    run.write_json("run.json", {
        "status": "finished", "recipe": "quick", "command": f"ganvas train {EVIL}", "seed": 7,
        "created": "2026-11-24T18:00:00+00:00", "parent": "runs/older", "data": data,
        "versions": {"ganvas": "0.1.0"}, "devices": ["CPU (2 cores)"],
    })  # fmt: skip
    run.write_json("data.json", {
        "found": 103, "used": 100, "ignored": 2, "duplicates": 1, "constant": 0,
        "unreadable": [{"path": f"{EVIL}{i}.png", "why": "truncated"} for i in range(3)],
        "sizes": {"smallest": [30, 30], "largest": [60, 90], "most_common": [30, 40]},
        "warnings": ["only 100 images: it will copy them"],
        "left_out": [
            {"what": ".txt", "why": "not an image", "count": 2},
            {"what": "image", "why": f"in {EVIL}", "count": 4},
        ],
    })  # fmt: skip
    for tick in range(1, 9):
        row = {"step": tick, "kimg": tick / 2, "seconds": 3.0 * tick, "generator": 1 / tick}
        row |= {"discriminator": float("nan") if tick == 3 else 0.5, "real": 1.0, "fake": -1.0}
        run.log(row | ({"score/frechet": 9.0 - tick, "score/seconds": 1} if tick % 2 else {}))
    best = {"by": "frechet", "frechet": 2.0, "kimg": 3.5, "step": 7, "model": "000004.keras"}
    run.write_json("best.json", {**best, "floor": {"frechet": 0.5}})
    for kimg in range(12):
        images.write_png(run.folder / "samples" / f"{kimg:06d}.png", picture(32, seed=kimg))
    images.write_png(run.folder / "samples" / "reals.png", picture(32, seed=99))
    return run


class Page(HTMLParser):
    """Tags, attributes and words of a page; tags must close in order."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words, self.open, self.ids = "", [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def written(run: Run, results: Evaluation) -> tuple[str, Page, str]:
    page, plain = write_report(run, results)
    assert page == run.folder / "report.html" and plain == run.folder / "report.md"
    text = page.read_text("utf-8")
    return text, Page(text), plain.read_text("utf-8")


def headings(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def test_a_page_that_needs_nothing_but_itself(report):
    _, text, page, _ = report
    assert page.open == [] and len(page.ids) == len(set(page.ids))
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name in {"src", "href", "xlink:href", "srcset", "action"} & attributes.keys():
            assert attributes[name].startswith(("data:image/png;base64,", "#")), (tag, attributes)
    links = [a.get("href", a.get("xlink:href")) for _, a in page.tags]
    assert {link[1:] for link in links if link} <= set(page.ids)
    assert headings(text) == [
        "Samples", "Scores", "Nearest training images", "Course of training", "Curves", "Classes",
        "Fidelity and variety", "Data", "Limits", "Origin", "Recipe",
    ]  # fmt: skip


def test_who_does_not_see_it_is_told(report):
    _, _, page, _ = report
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 3 + 6 and all(picture["alt"] for picture in pictures)
    assert all(a["aria-label"] for tag, a in page.tags if tag == "svg")
    assert all(a.get("scope") in ("col", "row") for tag, a in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


def test_names_are_words_and_never_markup(report):
    _, text, page, plain = report
    assert EVIL in page.words and html.escape(EVIL) in text
    assert "<b>run & co" in page.words
    assert not any(name.startswith("on") for _, a in page.tags for name in a)
    assert "<" not in re.sub(r"```toml.*?```", "", plain, flags=re.DOTALL)
    assert r"猫\|b" in plain and "猫|b" in page.words
    assert r"\udc80" in page.words


@pytest.mark.parametrize("words", ["a|b", "*a*", "_a_", "<b>", "[x](y)", "`c`", "&lt;", "a\nb"])
def test_markdown_shows_words_as_they_are(words):
    plain = re.sub(r"\\(.)", r"\1", html.unescape(mark(words)))
    assert plain == words.replace("\n", " ")
    assert not re.search(r"(?<!\\)[|*`\[<]", mark(words))


def test_code_cannot_leave_its_fence():
    text = Code("config", 'a = "```"\n# <b>').markdown()
    assert text.split("\n")[2] == "````toml" and text.endswith("\n````")
    assert "<b>" not in Code("config", "# <b>").html()


def test_both_forms_say_every_number(report):
    (run, _, page, plain), results = report, made_up()
    said = ["2,971", "3,049", "digits", "ab12" * 16, "the images have no labels", "61.7 %", "0.217"]
    said += ["2026-11-24 19:07 UTC", "frechet_max = 3", "runs/older", "103", "28 × 28, grey"]
    said += ["30 × 30 to 90 × 60, mostly 40 × 30", "only 100 images: it will copy them"]
    said += ["4 in ", "2 .txt files"]
    for one in results.scores.values():
        said += [number(value) for value in (one.value, one.low, one.high, one.floor)]
    for words in said:
        assert words in page.words, words
        assert words in plain, words
    for line in ("3.22 | 2.98 to 3.51 | 0.621", "0.0000432 | -0.0000312 to 0.0000987 | 0"):
        assert line in plain
    assert "the best model, by frechet, is from 3.5 kimg" in plain
    assert plain.count("](samples/") == 6 + 2
    for name in re.findall(r"\]\((.*?)\)", plain):
        assert (run.folder / name).is_file()


@pytest.mark.parametrize(
    "passed, failed, words",
    [
        (True, [], "✓ The gate passed"),
        (False, ["frechet 3.217 is above frechet_max = 3"], "✗ The gate failed"),
        (None, [], "Far from"),
    ],
)
def test_the_sentence_and_the_gate_come_first(run, without_charts, passed, failed, words):
    said = Verdict("far", "far from <your> images", ("precision misleads",))
    results = made_up(gate=GateResult(passed, tuple(failed)), verdict=said)
    text, page, plain = written(run, results)
    assert words in page.words and words in plain
    top = text[: text.index("<h2")]
    assert words in top and all(reason in top for reason in failed)
    assert "Far from &lt;your&gt; images</li>" in top and "precision misleads" in top
    assert "No gate" not in top
    first = "Not there yet: KID 0.00004 where real images get 0.00000; no copies."
    assert f"<strong>{first}</strong>" in top and plain.splitlines()[2] == f"**{first}**"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"verdict": Verdict("partial", ""), "lost_classes": ("3",)},
            "Not there yet: KID 18.2 where real images get 6.0; class 3 too rare; no copies",
        ),
        (
            {"verdict": Verdict("copies", "", (), True), "lost_classes": tuple("3579")},
            "Not there yet: KID 18.2 where real images get 6.0; classes 3, 5, 7 and 1 more too "
            "rare; 3% copies",
        ),
        (
            {"verdict": Verdict("close", "")},
            "Close to real images: KID 18.2 where real images get 6.0; no class lost; no copies",
        ),
        (
            {"verdict": Verdict("close", ""), "gate": GateResult(False, ("x",)), "classes": None},
            "Below the bounds of its recipe: KID 18.2 where real images get 6.0; no copies",
        ),
        (
            {"verdict": Verdict("too_few", ""), "scores": {"frechet": Score(2.0)}},
            "Too few images to say: Frechet distance 2",
        ),
        ({"scores": {}}, "Not judged: there are no scores"),
    ],
)
def test_the_first_sentence_says_what_the_numbers_say(changes, sentence):
    scores = {"kid": Score(18.23, 17.8, 18.7, 6.0), "near_copies": Score(0.0317, 0.02, 0.04, 0.001)}
    assert headline(made_up(**{"scores": scores, **changes})) == sentence


def test_limits_are_those_of_this_run(report, run, without_charts):
    _, _, page, _ = report
    for words in (
        "1 in 1,016 images", "handwritten digits", "runs/older, from which it began",
        "one seed (7)", "best of 4 by frechet", "up to 90 × 60", "No gate is set",
        "does not prove privacy",
    ):  # fmt: skip
        assert words in page.words, words
    assert "not finished" not in page.words and "have no labels: the frequency" not in page.words
    run.update_info(status="diverged", data={**run.info["data"], "names": [], "count": 100})
    scores = {"density": Score(0.9, 0.8, 1.0), "near_copies": Score(None, why="no such images")}
    changed = made_up(scores=scores, features="general", model="models/000003.keras")
    _, page, _ = written(run, changed)
    for words in (
        "on photographs", "its status is: diverged", "No image was held out", "have no floor",
        "have no labels: the frequency", "not searched for (no such images)",
    ):  # fmt: skip
        assert words in page.words, words
    assert "best of" not in page.words and "prove privacy" not in page.words


def test_what_is_missing_is_left_out(tmp_path):
    run = Run.create(tmp_path / "bare", "words", Config())
    results = made_up(classes=None, truncation=(), scores={}, pictures=Grids())
    text, page, plain = written(run, results)
    assert headings(text) == ["Scores", "Limits", "Origin", "Recipe"]
    assert page.open == [] and "Samples" not in plain


@pytest.mark.parametrize("channels, mode", [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_large_pictures_are_reduced(run, without_charts, channels, mode):
    import base64
    import io

    from PIL import Image

    _, page, _ = written(run, made_up(pictures=Grids(samples=picture(1500, channels))))
    first = next(a for tag, a in page.tags if tag == "img")
    shown = Image.open(io.BytesIO(base64.b64decode(first["src"].partition(",")[2])))
    assert shown.mode == mode and shown.size == (750, 750) and first["width"] == "750"


def test_a_report_is_written_again_alike(report):
    run = report[0]
    first = [(run.folder / name).read_bytes() for name in ("report.html", "report.md")]
    assert [path.read_bytes() for path in write_report(run, made_up())] == first


def test_charts_show_what_they_are_given():
    svg = charts.bars(NAMES[:4], [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1])
    assert "$x^{$" in svg and "猫" in svg
    assert EVIL[:8] not in svg and html.escape(EVIL[:8]) in svg
    line = charts.lines({"a": [1.0, np.nan, np.inf, 2.0]}, [1, 2, 3, 4], "kimg", best=3, floor=0.5)
    for words in ("kimg", "floor", "best"):
        assert f">{words}</text>" in line
    assert charts.lines({"a": []}, [], "kimg").startswith("<svg")
    assert charts.lines({"a": [1.0]}, [2.0], "kimg") != charts.lines({"a": [2.0]}, [2.0], "kimg")


def test_charts_leave_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    charts.bars(["a"], [1.0], [1.0])
    assert dict(matplotlib.rcParams) == before


def test_tables_for_the_terminal():
    failed = GateResult(False, ("frechet 3.217 is above frechet_max = 3",))
    one = made_up(gate=failed, verdict=Verdict("far", "far from your images; train", ("a trap",)))
    text = scores_table(one)
    assert text.startswith("far from your images; train\n\nnote: a trap\n\n3,049 generated")
    assert max(map(len, text.splitlines())) <= 80
    rows = [re.split(r"  +", line) for line in text.splitlines()]
    assert ["frechet", "3.22", "2.98 to 3.51", "0.621", "low"] in rows
    assert "no value: knn_accuracy (the images have no labels)" in text
    assert text.endswith("gate: failed")
    other = made_up(scores={"kid": Score(0.5, 0.4, 0.6, 0.1)}, n_fake=200)
    both = comparison_table({"runs/a": one, "b": other})
    assert "a: 3,049 generated images" in both and "b: 200 generated images" in both
    rows = {line.split()[0]: line.split() for line in both.splitlines() if line}
    assert rows["kid"][-5:] == ["0.5", "0.4", "to", "0.6", "0.1"]
    assert rows["frechet"][-3:] == ["–"] * 3
    assert "a: knn_accuracy has no value (the images have no labels)" in both
    same = comparison_table({"x/a": one, "y/a": other})
    assert "x/a" in same and "y/a" in same


@pytest.mark.parametrize(
    "value, words",
    [(None, "–"), (0.0, "0"), (1.0, "1"), (0.12345, "0.123"), (-0.00001234, "-0.0000123"),
     (12345.6, "12,346"), (999.9, "1000"), (1.5e12, "1,500,000,000,000")],
)  # fmt: skip
def test_numbers(value, words):
    assert number(value) == words


def test_a_report_needs_neither_tensorflow_nor_pyplot():
    code = (
        "import sys; from ganvas.evaluation import score_report; "
        "from ganvas.reports import charts; charts.bars('a', [1], [1]); "
        "sys.exit(bool({'tensorflow', 'matplotlib.pyplot'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
