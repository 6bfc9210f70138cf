"""A folder of images whose classes and files have hostile names, from the dry run to the report:
a process of its own, whose output is read as bytes."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from conftest import draw

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes")
NAMES = [b"\x1b]0;pwn\x07", "\u202egnp.exe".encode(), b"=cmd|' C calc'!A0", b"a\nb", b"caf\xe9",
         b"$\\frac{", b"<script>alert(1)<", b"![x](http:)", b"-x"]  # fmt: skip
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with images/."""
    place = tmp_path_factory.mktemp("neutral")
    pictures, _ = draw(24 * len(NAMES))
    for row, picture in enumerate(pictures):
        folder = os.fsencode(place / "images") + b"/" + NAMES[row % len(NAMES)]
        Path(os.fsdecode(folder)).mkdir(parents=True, exist_ok=True)
        with open(folder + b"/\x1b[2J%03d.png" % row, "wb") as file:  # noqa: PTH123
            Image.fromarray(picture).save(file, "png")
    with open(folder + b"/\x1b[31m\xff.png", "wb") as file:  # noqa: PTH123
        file.write(b"no image")
    return place


SCRIPT = """
import json, sys
from ganvas.__main__ import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    print(f"--- {code}", flush=True)
    print("---", file=sys.stderr, flush=True)
"""


def test_from_the_dry_run_to_the_report(forked, sets, place):
    run = "runs/\x1b[5m\udcff\nx"  # a folder that is not UTF-8
    small = [*sets, "--set", "train.kimg=0.256", "--set", "watch.signals=true"]
    label = os.fsdecode(NAMES[0])
    commands = [
        ["train", "images", "--dry-run", *small],
        ["train", "images", "--run", run, *small],
        ["sample", run, "-n", "2", "--label", label, "--out", "one.png"],
        ["sample", run, "--label", f"no {label}"],
        ["doctor", run],
        ["doctor", run, "--json"],
        ["runs", "runs"],
        ["evaluate", run, "-n", "20", "--metrics", "diversity", "--features", "digits"],
    ]
    (place / "script.py").write_text(SCRIPT)
    process = forked(json.dumps(commands), script=place / "script.py", cwd=place)
    out, err = process.communicate()
    assert process.returncode == 0 and not UNSAFE.search(out + err), err
    parts = re.split("--- ([0-9]+)\n", out)
    assert parts[1::2] == ["0", "0", "0", "2", "0", "0", "0", "0"], err
    rehearsal, trained, sampled, refused, health, facts, listed, _ = parts[:-1:2]
    notes = err.split("---\n")
    assert "in 9 classes" in rehearsal
    assert "\\x1b[31m\\udcff.png (empty, or not an image)" in rehearsal
    assert trained.startswith("runs/\\x1b[5m\\udcff\\nx: 0.256 kimg")
    assert sampled == "one.png\n" and (place / "one.png").is_file() and not refused
    assert "unknown label 'no \\x1b]0;pwn\\x07'" in notes[3]
    assert health.startswith("runs/\\x1b[5m\\udcff\\nx: too early to say")
    assert json.loads(facts)["healthy"] is None
    assert "\\x1b[5m\\udcff\\nx  quick" in listed
    assert "runs/\\x1b[5m\\udcff\\nx/report.html\n" in notes[7]
    info = json.loads((place / run / "run.json").read_text())
    assert info["data"]["names"] == sorted(os.fsdecode(name) for name in NAMES)
    for name in ("report.html", "report.md"):
        page = (place / run / name).read_text("utf-8")
        assert not UNSAFE.search(page) and "<script>alert" not in page and "udce9" in page
