"""What was measured: one file a topic, results/TOPIC.jsonl, one line a job.

A line has a name, the commit and the day of the measurement, and the result. Lines are only added:
where a name comes twice, the later line counts. A last line without its end is what a killed
process left: it is not read, and the next line takes its place, so that job is done again.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PICTURES = ROOT / "docs" / "pictures"


def slug(*words: object) -> str:
    """A job's words as one name: "quick, labels", 0 -> quick-labels-0."""
    return re.sub(r"[^\w.+]+", "-", "-".join(map(str, words)))


def path_of(topic: str) -> Path:
    return RESULTS / f"{topic}.jsonl"


def lines(topic: str) -> dict[str, dict]:
    """Whole lines by name, in the order of names: name, commit, date, result."""
    return lines_of(path_of(topic))


def lines_of(path: Path) -> dict[str, dict]:
    """As `lines`, of any file."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    found = {line["name"]: line for line in map(json.loads, whole.splitlines())}
    return dict(sorted(found.items()))


def read(topic: str) -> dict[str, dict]:
    """Results by name."""
    return {name: line["result"] for name, line in lines(topic).items()}


def add(topic: str, name: str, result: dict | list) -> None:
    """Put a result on the disk, also where other processes add to the same file."""
    append(path_of(topic), name, result)


def append(path: Path, name: str, result: dict | list) -> None:
    """As `add`, to any file."""
    line = {"name": name, "commit": commit(), "date": f"{datetime.date.today()}", "result": result}
    content = json.dumps(line).encode() + b"\n"
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def commit() -> str:
    """Of the code that is measured; empty outside of a clone."""
    words = ["git", "-C", str(ROOT), "rev-parse", "--short=7", "HEAD"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def write_table(topic: str, text: str) -> None:
    """results/TOPIC.md, and the same on the terminal."""
    (RESULTS / f"{topic}.md").write_text(text)
    print(text)


def picture(topic: str, name: str, suffix: str = ".png") -> Path:
    """Where a topic's picture lies: docs/pictures/TOPIC/NAME.png."""
    path = PICTURES / topic / f"{slug(name)}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
