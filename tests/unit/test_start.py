"""Wrong names and paths are refused before TensorFlow is imported."""

import json
import subprocess
import sys

import pytest

from ganvas.config import load_recipe
from ganvas.data.naming import check_labels, check_named
from ganvas.errors import DataError
from ganvas.storage.run import Run
from refusals import refuses

WRONG = {
    "train nothere": "nothere",
    "train mnist:nosuch": "nosuch",
    "train . --labels nothere.csv": "nothere.csv",
    "train mnist --set networks=nosuch": "nosuch",
    "resume nothere": "nothere",
    "resume RUN nothere": "nothere",
    "resume RUN --set loss=hinge": "loss",
    "sample nothere": "nothere",
    "morph nothere": "nothere",
    "evaluate RUN --data nothere": "nothere",
    "evaluate RUN --metrics nosuch": "nosuch",
    "evaluate RUN --features nosuch": "nosuch",
    "evaluate RUN --data mnist --labels nothere.csv": "nothere.csv",
    "export nothere --to x": "nothere",
    "export RUN --to x --data nothere": "nothere",
    "export RUN --to x --formats nosuch": "nosuch",
}
SCRIPT = """
import json, sys
from ganvas.__main__ import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    sys.stderr.write(f"{code} {sorted({'tensorflow', 'keras'} & set(sys.modules))}\\n")
"""


def test_commands_refuse_without_tensorflow(tmp_path):
    """All in one new process."""
    run = Run.create(tmp_path / "run", "", load_recipe("quick"))
    given = [line.replace("RUN", str(run.folder)).split() for line in WRONG]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(given)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert len(lines) == 2 * len(WRONG), done.stderr
    for command, error, state in zip(WRONG, lines[::2], lines[1::2], strict=True):
        assert error.startswith("error: "), command
        assert WRONG[command] in error
        assert state == "2 []", command


@pytest.mark.parametrize("name", ["nothere", "nothere.npz", "nothere.npz:test", "nothere.zip",
                                  "mnist:nosuch", "text.txt", "some.npz:nosuch"])  # fmt: skip
def test_names_of_no_images(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("words")
    (tmp_path / "some.npz").write_bytes(b"")
    with refuses(DataError, name.partition(":")[0]):
        check_named(name)


LATER = (
    "", ".", "mnist", "mnist:test", "keras:nosuch", "tfds:nosuch", "some.npz", "some.npz:test",
    "gs://bucket/nothere", None, [1],
)  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_names_that_are_looked_up_later(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.npz").write_bytes(b"")
    check_named(name)


def test_a_file_of_labels(tmp_path):
    check_labels(True)
    (tmp_path / "labels.csv").write_text("path,label\n")
    check_labels(str(tmp_path / "labels.csv"))
    with refuses(DataError, "nothere.csv"):
        check_labels(str(tmp_path / "nothere.csv"))
