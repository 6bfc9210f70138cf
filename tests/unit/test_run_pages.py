"""`ganvas report`: the page of a run that was not evaluated, an index of runs, what is there."""

from __future__ import annotations

import json
import os
import webbrowser

import numpy as np
import pytest

from ganvas import images
from ganvas.config import Config
from ganvas.errors import RunError, UsageError
from ganvas.evaluation import run_pages
from ganvas.evaluation.score_report import EVALUATION
from ganvas.reports import charts
from ganvas.storage.run import Run
from refusals import refuses

SENTENCE = "Not evaluated yet: KID 18.2 where real images get 6 during training."


@pytest.fixture(autouse=True)
def without_charts(monkeypatch):
    """They take most of the time of a page."""
    monkeypatch.setattr(charts, "lines", lambda *_, **__: "<svg></svg>")


def made_run(folder, rate=0.01, kid=18.2) -> Run:
    run = Run.create(folder, "", Config().with_values({"train.learning_rate": rate}))
    run.write_json("run.json", {"status": "finished", "recipe": "quick"})
    for tick in (1, 2):
        run.log({"step": tick, "kimg": float(tick), "seconds": 60.0 * tick, "score/kid": kid})
    best = {"by": "kid", "kid": kid, "kimg": 2.0, "step": 2, "model": "best-000002.keras"}
    run.write_json("best.json", {**best, "floor": {"kid": 6.0}})
    (run.folder / "models" / "best-000002.keras").touch()
    grid = np.zeros((32, 32, 1), np.uint8)
    images.write_png(run.folder / "samples" / "000002.png", grid, synthetic=True)
    return run


def test_a_run_that_was_not_evaluated(tmp_path):
    run = made_run(tmp_path / "one")
    page, sentence = run_pages.find(run.folder)
    assert page == run.folder / "report.html" and sentence == SENTENCE
    text = page.read_text("utf-8")
    assert f"<strong>{SENTENCE}</strong>" in text and "gate" not in text[: text.index("<h2")]
    assert "ganvas evaluate" in text and "data:image/png" in text


def test_the_report_of_the_evaluation_is_kept_as_long_as_it_is_of_this_model(tmp_path):
    run = made_run(tmp_path / "one")
    page = run.folder / "report.html"
    page.write_text("Made by ganvas, evaluated")
    os.utime(page, (1, 1))  # older than the log
    found = {"headline": "Close to real images.", "model": "models/best-000002.keras"}
    run.write_json(EVALUATION, found)
    assert run_pages.find(run.folder) == (page, "Close to real images.")
    assert "evaluated" in page.read_text()
    run.write_json(EVALUATION, {**found, "model": "models/best-000001.keras"})
    assert run_pages.find(run.folder) == (page, SENTENCE)
    assert SENTENCE in page.read_text()


def test_a_page_of_somebody_else_is_not_replaced(tmp_path):
    run = made_run(tmp_path / "one")
    page = run.folder / "report.html"
    page.write_text("mine")
    os.utime(page, (1, 1))
    with refuses(UsageError, "report.html"):
        run_pages.find(run.folder)
    assert page.read_text() == "mine"


def test_an_index_of_runs(tmp_path):
    made_run(tmp_path / "a & b", 0.01, 30.0)
    made_run(tmp_path / "two", 0.02)
    empty = Run.create(tmp_path / "<new>", "", Config())
    page, _ = run_pages.find(tmp_path)
    text = page.read_text("utf-8")
    assert page == tmp_path / "index.html"
    assert "3 runs. The best by KID is two: 18.2 where real images get 6." in text
    assert '<a href="a%20%26%20b/report.html">a &amp; b</a>' in text
    assert "Not judged: no model was scored." in text and "<new>" not in text
    assert "train.learning_rate" in text and SENTENCE in text
    assert (empty.folder / "report.html").is_file()
    assert run_pages.find(tmp_path)[0] == page, "it is written again"


def test_what_another_command_wrote_is_named(tmp_path):
    for name in ("1", "10", "9"):
        (tmp_path / "model" / name).mkdir(parents=True)
        (tmp_path / "model" / name / "MODEL_CARD.md").touch()
    assert run_pages.find(tmp_path / "model") == (tmp_path / "model/10/MODEL_CARD.md", "")
    (tmp_path / "model" / "report.html").touch()
    assert run_pages.find(tmp_path / "model")[0].name == "report.html"


def test_what_has_no_report(tmp_path):
    with refuses(RunError, tmp_path):
        run_pages.find(tmp_path)
    with refuses(RunError, "nothing"):
        run_pages.find(tmp_path / "nothing")


def test_the_language_of_a_page(here, tmp_path):
    run = made_run(tmp_path / "one")
    done = here("report", run.folder, "--lang", "zh")
    page = run.folder / "report.html"
    assert done.stdout.splitlines() == [SENTENCE, str(page)], "the terminal stays English"
    text = page.read_text("utf-8")
    assert '<html lang="zh-CN">' in text and SENTENCE not in text and "运行报告" in text
    assert "another language" not in done.stderr
    here("report", run.folder)
    assert '<html lang="en">' in page.read_text("utf-8"), "it is written again"
    assert '<html lang="zh-CN">' in run_pages.find(tmp_path, "zh")[0].read_text("utf-8")
    assert here("report", run.folder, "--lang", "fr").returncode == 2


def test_a_page_that_cannot_be_written_again_keeps_its_language(here, tmp_path):
    (tmp_path / "report.html").write_bytes(b'<html lang="en"> \xe9')
    done = here("report", tmp_path, "--lang", "zh")
    assert "--lang zh, writes it again" in done.stderr
    assert "another language" not in here("report", tmp_path).stderr


def test_the_command(here, tmp_path, monkeypatch):
    run, opened = made_run(tmp_path / "one"), []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url))
    done = here("report", run.folder, "--open")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [SENTENCE, str(run.folder / "report.html")]
    assert opened == [(run.folder / "report.html").as_uri()] and "no browser" in done.stderr
    found = json.loads(here("report", run.folder, "--json").stdout)
    assert found == {"report": str(run.folder / "report.html"), "sentence": SENTENCE}
    assert here("report", tmp_path / "x").returncode == 2
