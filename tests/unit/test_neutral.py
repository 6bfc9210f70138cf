"""Names from strangers have no effect where they land: a terminal, a log, a spreadsheet, a page, a
file system, a cluster."""

from __future__ import annotations

import ast
import csv
import io
import json
import logging
import re
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ganvas import images
from ganvas.base.csv_files import cell, csv_file, exact
from ganvas.base.log_lines import OneLine
from ganvas.base.names import MOST_BYTES, file_name
from ganvas.base.printing import (
    Printable,
    covered,
    is_plain,
    on_one_line,
    open_streams,
    printable,
    uncovered,
)
from ganvas.data import tables
from ganvas.doctor import Diagnosis, Progress, health_report
from ganvas.errors import UsageError
from ganvas.exporting import deployment
from ganvas.reports import charts
from ganvas.reports.markup import fenced
from ganvas.reports.page import Items, Page, Picture, Section, Table, Text
from ganvas.reports.tables import aligned
from refusals import refuses

SOURCE = Path(__file__).parents[2] / "src" / "ganvas"
HOSTILE = (
    "<script>alert(1)</script>", "a|b", "![x](http://e/x.png)", "[x](javascript:alert)",
    "$\\frac", "$x^{$", "{{7*7}}", "%s%n", "\u202egnp.exe", "\x1b]0;pwn\x07", "\x1b[31m", "\x9b31m",
    "=cmd|' /C calc'!A0", "'=1+1", "''=1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "a\nb",
    "a\rb", "a\r\nb", "\u2028x", "\u200f\u061c\u2066", "\x7f\x08\x00", "caf\udce9", "\ud800",
    "../../x", "a/b", "con", "NUL.png", "..", ".", "", " ", "-rf", "# head", "1. one",
    "```\n# out", '"; x: "y', "${HOME}",
    "人脸", "Ü", "💐", "x" * 300, "脸" * 300, "true", "null", "1e5", "a: b", "'; rm -rf ~; '",
    '" onload="x', "&lt;", "_a_", "    code", "plain", "Plain", "plain-12345678",
)  # fmt: skip
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]"
)


def short(name: str) -> str:
    return repr(name)[:20]


each = pytest.mark.parametrize("name", HOSTILE, ids=short)


# --- the terminal ----------------------------------------------------------------------------


class Deaf:
    """A stream whose reader has ended."""

    def write(self, *text):
        raise BrokenPipeError

    flush = write


def test_nothing_stops_because_nobody_reads_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Deaf())
    monkeypatch.setattr(sys, "stderr", Deaf())
    with covered():
        assert sys.stderr.write("note: x\n") == 8
        sys.stderr.flush()
        with pytest.raises(BrokenPipeError):
            sys.stdout.write("the result")


def test_streams_that_the_caller_closed_are_reopened(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    open_streams()
    with sys.stdin, sys.stdout, sys.stderr:
        assert sys.stdout.write("x") == 1 and sys.stdin.read() == ""


@each
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_any_encoding_shows_every_name(name, encoding):
    kept = io.BytesIO()
    terminal = io.TextIOWrapper(kept, encoding, errors="strict", newline="")
    stream = Printable(terminal)
    assert stream.write(name) == len(name)
    stream.writelines([name, json.dumps({"name": name})])
    print(name, file=stream)
    stream.flush()
    shown = kept.getvalue().decode(encoding)
    assert not UNSAFE.search(shown)
    assert shown.startswith(printable(name, encoding))
    assert json.dumps({"name": name}) in shown, "JSON keeps the exact name"


@each
def test_a_name_stays_readable_and_on_its_line(name):
    line = on_one_line(name)
    assert not re.search("[\t\n]", line) and not UNSAFE.search(line)
    assert on_one_line(line) == printable(line) == line
    assert line.encode() is not None and (line == name) == is_plain(name)
    back = re.sub(r"\\(?:x..|u....|[ntr])", lambda e: ast.literal_eval(f'"{e[0]}"'), line)
    assert back == name or "\\f" in name


def test_what_is_shown():
    assert printable("\x1b[31m\u202e\udce9\ta\n") == "\\x1b[31m\\u202e\\udce9\ta\n"
    assert printable("é脸", "latin-1") == "é\\u8138"
    assert on_one_line("a\nb\r\t") == "a\\nb\\r\\t"


def test_streams_are_covered_for_one_command():
    before = sys.stdout, sys.stderr
    with covered(), covered():
        assert isinstance(sys.stdout, Printable) and uncovered(sys.stderr) is before[1]
        assert not hasattr(sys.stdout, "buffer"), "bytes would bypass it"
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before


def test_the_command_line_repeats_a_wrong_word(capfd):
    from ganvas.__main__ import main

    for name in HOSTILE:
        assert main([f"x{name}", "doctor"]) == main(["doctor", f"x{name}".replace("\0", "")]) == 2
        out, err = capfd.readouterr()
        assert not UNSAFE.search(out + err) and not out
        assert [line[:7] for line in err.splitlines()] == ["error: ", "error: "]


def test_a_traceback(monkeypatch):
    from ganvas import cli

    kept = io.StringIO()
    monkeypatch.setattr(sys, "stderr", kept)
    cli._print_traceback(UsageError, UsageError("\x1b[31m"), None)
    assert kept.getvalue().endswith("UsageError: \\x1b[31m\n")


@each
def test_tables_and_reports_for_the_terminal(name):
    assert len(aligned([("a", "b"), (name, "c")]).split("\n")) == 2
    assert not UNSAFE.search(aligned([("a", "b"), (name, "c")]))
    healed = [{"kimg": 1, "disease": name, "cure": [name]}]
    text = health_report(name, [], Diagnosis((), Progress(0, 0, 1)), healed)
    assert len(text.split("\n")) == 5 and not UNSAFE.search(text)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_progress_bar_lets_only_its_own_control_characters_through(monkeypatch):
    from ganvas.base.progress import reporting, say, stage
    from ganvas.training.callbacks.progress_bar import ProgressBar

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    plan = SimpleNamespace(
        total=4, tick=1, kimg=lambda step: step / 10, score_due=lambda step: False
    )
    run = SimpleNamespace(rows=list, best={})
    parts = SimpleNamespace(seconds=0.1), SimpleNamespace(path=Path("\x1b[5m.png"))
    with covered(), reporting():
        bar = ProgressBar(run, plan, 0, *parts)
        with bar:
            bar.tick(1, {"[red]loss\x1b]0;pwn\x07": 1.0})
            sys.stderr.write("note: \x1b]0;pwn\x07 \x1b[5m \u202e\n")
            sys.stdout.write("\x1b[5m\n")
            say("\x1b[5m")
        with stage("\x1b[5m"):
            pass
        assert isinstance(sys.stderr, Printable)
    shown = terminal.getvalue()
    assert "\x1b[" in shown, "the panel of rich moves the cursor"
    assert "\x1b]0" not in shown and "\x1b[5m" not in shown and "\u202e" not in shown
    assert "\\x1b]0;pwn\\x07 \\x1b[5m" in shown and "[red]loss" in shown


def test_every_sink_is_one_of_these():
    """A new way to a terminal, a CSV file or a log goes through the same places."""
    ways = re.compile(
        r"(?<![.\w])print\(|sys\.__std|\.buffer\b|\bcsv\.(?:w|DictW)|Console\(|StreamHandler|basicConfig"
        r"|\bos\.write|open\(1|open\(2|tf\.print|\.print_exc"
    )
    found = {
        (path.relative_to(SOURCE).as_posix(), way)
        for path in SOURCE.rglob("*.py")
        for line in re.sub('(?s)""".*?"""', "", path.read_text("utf-8")).splitlines()
        for way in ways.findall(line.split("  #")[0])
    }
    assert found == {
        ("base/csv_files.py", "csv.w"),
        ("base/display.py", "Console("),
        ("base/notebook.py", "Console("),  # into a string, for the output of a cell
        ("base/log_lines.py", "StreamHandler"),
        ("base/log_lines.py", "basicConfig"),
        ("base/signals.py", "os.write"),  # numbers of signals, to a pipe
        ("base/logs.py", "os.write"),  # what TensorFlow wrote while it started, after a failure
        ("reports/tables.py", "Console("),  # into a string
    }


@each
def test_a_log_record_is_one_line(name):
    try:
        raise ValueError(name)
    except ValueError:
        trace = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "%s failed", (name,), trace)
    line = OneLine().format(record)
    assert "\n" not in line and not UNSAFE.search(line) and line.encode()
    assert re.match(r"[\d-]+ [\d:,]+ ERROR ", line) and f"{on_one_line(name)} failed" in line


# --- CSV -------------------------------------------------------------------------------------


@each
def test_csv_round_trip(name):
    content = csv_file(("path", "score"), [(name, -1.5)])
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    assert not re.match("[=+\\-@\t\r]", row["path"])
    assert exact(row["path"]) == name.replace("\ud800", "\ufffd")
    assert float(row["score"]) == -1.5, "numbers remain numbers"
    assert exact(cell(name)) == name


@each
def test_a_table_of_groups_is_read_with_exact_names(tmp_path, name):
    if name.strip() != name or not name or not name.isprintable():
        return  # a person's table may have spaces around a name: they are removed
    file = tmp_path / "groups.csv"
    file.write_bytes(csv_file(("path", "group"), [(name, name)]))
    assert tables.read(file, "group") == {name: name}


def test_scores_of_hostile_files(tmp_path):
    from ganvas.kits.defects import overlay
    from ganvas.kits.defects.detector import Verdicts
    from ganvas.kits.defects.good_images import Named
    from ganvas.kits.defects.regions import Region

    count = len(HOSTILE)
    named = Named(np.zeros((count, 8, 8, 1), np.uint8), list(HOSTILE))
    found = np.linspace(-1, 1, count, dtype=np.float32)
    heat = np.zeros((count, 8, 8), np.float32)
    writer, verdicts = (
        overlay.Writer(tmp_path / "out"),
        Verdicts(found, found, found > 0, heat, 0.05),
    )
    region = Region((0, 1, 2, 3), 6, 4.5, 0.05)
    writer.add(named, verdicts, [[region]] * count)
    writer.close()
    text = (tmp_path / "out" / "scores.csv").read_text("utf-8", "surrogateescape")
    with (tmp_path / "out" / "scores.csv").open(
        newline="", encoding="utf-8", errors="surrogateescape"
    ) as file:
        rows = list(csv.DictReader(file))
    assert [exact(row["path"]) for row in rows] == [n.replace("\ud800", "\ufffd") for n in HOSTILE]
    assert {row["picture"] for row in rows} | {"scores.csv", "regions.csv"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }
    boxes = (tmp_path / "out" / "regions.csv").read_bytes()
    assert boxes.count(b",0,1,2,3,6,4.5000,0.050000\r\n") == count
    assert len(list(tmp_path.rglob("*"))) == count + 3 and text.count("-1.000000") == 2


# --- pages -----------------------------------------------------------------------------------


class Found(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def page(name: str) -> Page:
    table = Table((name, "b"), [(name, name)], "ll", name)
    picture = Picture(np.zeros((4, 4, 1), np.uint8), name, name)
    blocks = [Text(name), Items([name]), table, picture]
    return Page(name, name, "", [name], [name], [Section(name, blocks)], name)


@each
def test_html(name):
    found, plain = Found(page(name).html()), Found(page("plain").html())
    assert found.tags == plain.tags
    assert {key for key, _ in found.attributes} == {key for key, _ in plain.attributes}
    assert not UNSAFE.search(page(name).html())


@each
def test_markdown(name):
    """By another library: the same elements as with an ordinary name, and the name as text."""
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    made = Found(markdown.render(page(name).markdown()))
    plain = Found(markdown.render(page("plain").markdown()))
    if name.strip():
        assert made.tags == plain.tags
    assert "x.png" not in str(made.attributes) and not UNSAFE.search(page(name).markdown())
    block = Found(markdown.render(fenced(name) + "\n"))
    assert block.tags <= {"pre", "code"}
    assert printable(name).strip() in block.text.strip()


def test_charts():
    values = [*range(len(HOSTILE))]
    for svg in (
        charts.bars(HOSTILE, values, values),
        charts.spans(HOSTILE, values, values, values, "$\\frac"),
    ):
        root = ElementTree.fromstring(svg.replace("xlink:href", "href"))
        shown = "".join(root.itertext())
        assert not UNSAFE.search(shown)
        for name in HOSTILE:
            assert on_one_line(name)[:20].strip() in shown
    for name in HOSTILE[:12]:
        svg = charts.lines({f"x{name}": [1, 2], "b": [2, 1]}, [0, 1], name)
        assert f"x{on_one_line(name)}"[:20] in "".join(
            ElementTree.fromstring(svg.replace("xlink:href", "href")).itertext()
        )


@each
def test_png_metadata(tmp_path, name):
    images.write_png(tmp_path / "x.png", np.zeros((4, 4, 1), np.uint8), {"label": name})
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.info["label"] == printable(name)


@each
def test_the_page_of_the_server(monkeypatch, name):
    page = pytest.importorskip("ganvas.serve.page")
    sides = {"inputs": {name: {"dtype": "string", "shape": []}}, "outputs": {}}
    model = {"name": name, "versions": [1], "labels": {name: 1}, "signatures": {name: sides}}
    if "\ud800" in name or "\udce9" in name:
        return  # the server refuses these names
    monkeypatch.setattr(page, "list_models", lambda models: {"models": [model]})
    made = page.html(None)
    assert Found(made).tags == {
        "title", "style", "h1", "table", "tr", "td", "code", "p", "a", "h2", "h3", "pre",
    }  # fmt: skip
    assert not UNSAFE.search(made)


# --- names of files --------------------------------------------------------------------------


def test_names_of_files(tmp_path):
    names = [file_name(name, HOSTILE) for name in HOSTILE]
    assert len({name.casefold() for name in names}) == len(HOSTILE)
    for text, name in zip(HOSTILE, names, strict=True):
        path = tmp_path / name
        assert path.resolve().parent == tmp_path and name == file_name(text, HOSTILE)
        assert re.fullmatch(r"[\w. -]+", name) and name == name.strip(". ")
        assert len(name.encode()) <= MOST_BYTES + 9
        images.write_png(path / "000000.png", np.zeros((4, 4, 1), np.uint8))
    assert len(list(tmp_path.iterdir())) == len(HOSTILE)


def test_ordinary_names_of_files_remain():
    for name in ("shirt", "T-shirt", "my class", "人脸", "läsion", "3", "a.b_c"):
        assert file_name(name, ["x", name]) == name
    assert file_name("con") == "con_-1143da2b"
    assert file_name("Cat", ["cat", "Cat"]) != "Cat"


# --- serving ---------------------------------------------------------------------------------

FOLDERS = [name for name in HOSTILE if name.strip(".") and not set(name) & set("/\0\ud800")]
FOLDERS = [name for name in FOLDERS if len(name.encode("utf-8", "surrogateescape")) < 256]


def test_files_for_tensorflow_serving(tmp_path):
    """They agree on one name, which every format takes as it is."""
    yaml = pytest.importorskip("yaml")
    messages = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    from google.protobuf import text_format

    models, labels = set(), set()
    for name in FOLDERS:
        folder = tmp_path / name
        folder.mkdir()
        deployment.write(folder)
        text = (folder / "models.config").read_text("utf-8")
        (model,) = text_format.Parse(text, messages.ModelServerConfig()).model_config_list.config
        place = f"/models/{model.name}"
        assert model.base_path == place and re.fullmatch("[A-Za-z0-9._-]+", model.name)
        compose = yaml.safe_load((folder / "docker-compose.yml").read_text("utf-8"))
        ((label, service),) = compose["services"].items()
        assert service["volumes"] == [f".:{place}:ro"]
        assert service["command"][0] == f"--model_config_file={place}/models.config"
        parts = list(yaml.safe_load_all((folder / "kubernetes.yaml").read_text("utf-8")))
        assert {part["metadata"]["name"] for part in parts} == {label}
        assert re.fullmatch("[a-z]([a-z0-9-]{0,38}[a-z0-9])?", label)
        (pod,) = parts[0]["spec"]["template"]["spec"]["containers"]
        assert pod["volumeMounts"][0]["mountPath"] == place
        assert pod["args"][0] == service["command"][0]
        assert pod["readinessProbe"]["httpGet"]["path"] == f"/v1{place}/metadata"
        models.add(model.name)
        labels.add(label)
    assert len(models) == len(labels) == len(FOLDERS)


def test_names_of_models():
    for name in ("digits", "My_Model", "model-1.5"):
        assert deployment.model_name(name) == name
    assert deployment.model_name("人脸") == deployment.dns_label("人脸") == "model-5235f749"
    assert deployment.dns_label("true") == "true", "the templates quote it"


def test_files_that_are_added_keep_the_name_of_the_model(tmp_path):
    (tmp_path / "old").mkdir()
    deployment.write(tmp_path / "old")
    (tmp_path / "old" / "docker-compose.yml").unlink()
    (tmp_path / "old").rename(tmp_path / "new")
    deployment.write(tmp_path / "new")
    assert ".:/models/old:ro" in (tmp_path / "new" / "docker-compose.yml").read_text("utf-8")


@pytest.mark.parametrize("name", ["x\x1b[31m", "\u202ex", "x\ny", "caf\udce9"])
def test_a_model_with_control_characters_in_its_name_is_not_served(tmp_path, name):
    pytest.importorskip("ganvas.serve.config")
    from ganvas.cli.serve import _checked
    from ganvas.serve.config import read_models

    version = tmp_path / name / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"")
    with refuses(UsageError, "--name"):
        _checked(tmp_path / name, None)
    assert _checked(tmp_path / name, "plain") == "plain"
    if "\udce9" not in name:
        escaped = json.dumps(name, ensure_ascii=False).replace("\x1b", "\\033")
        (tmp_path / "models.config").write_text(
            f'model_config_list {{ config {{ name: {escaped} base_path: "/m" '
            'model_platform: "tensorflow" } }',
            "utf-8",
        )
        with refuses(UsageError, "control characters"):
            read_models(tmp_path / "models.config")


def test_a_source_that_a_recipe_cannot_hold():
    from ganvas.config import load_recipe
    from ganvas.errors import ConfigError

    with refuses(ConfigError, "rename"):
        load_recipe("quick").with_values({"data.source": "caf\udce9"})
