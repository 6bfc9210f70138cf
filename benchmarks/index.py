"""README.md of this folder: which number of which page comes from which script, result and commit.

    python benchmarks/index.py

Pages and numbers are those of quotes.toml, commit and day those of the result's lines.
"""

from __future__ import annotations

import ast
import os
import tomllib
from pathlib import Path

import store

HERE = Path(__file__).parent
PAGE = HERE / "README.md"
TABLE = "the table"
ABOUT = """# Benchmarks

Made by `python benchmarks/index.py` from `quotes.toml` and `results/`; do not edit.

MNIST is in the package; other data is read from `$GANVAS_DATA`, and what is absent is left out.
`make bench` runs every script but `metric_parity.py`, `quality_board.py` and `step_overhead.py
--torch`, which need PyTorch (the board also takes hours), and `groups.py`, which needs a judge's
weights. A result is a line of
`results/TOPIC.jsonl`, with the commit and the day of its measurement. A script of many runs skips
those that have a line: it goes on after an interruption, and measures a run anew when its line is
removed. A script of one run adds a line, and the last one counts. `results/TOPIC.md` is the table;
pictures lie in `docs/pictures/`.

Times are of two CPU cores, often beside other work, and hold for that machine on that day. The
commit is one of the last day; each line has its own.
"""


def quotes() -> dict[str, dict[str, list[str]]]:
    """{page: {topic: what the page quotes}}, as quotes.toml has them."""
    return tomllib.loads((HERE / "quotes.toml").read_text())


def topics() -> list[str]:
    return sorted(path.stem for path in store.RESULTS.glob("*.jsonl"))


def table_rows(topic: str) -> list[str]:
    """The rows of results/TOPIC.md, without heads."""
    lines = (store.RESULTS / f"{topic}.md").read_text().splitlines()
    heads = {at - 1 for at, line in enumerate(lines) if line.startswith("| ---")}
    return [
        line for at, line in enumerate(lines)
        if line.startswith("| ") and not line.startswith("| ---") and at not in heads
    ]  # fmt: skip


def measured(lines: dict[str, dict]) -> list[str]:
    """A commit of the last day; the first day and the last."""
    stamps = sorted((line["date"], line["commit"]) for line in lines.values())
    days = dict.fromkeys([stamps[0][0], stamps[-1][0]])
    return [stamps[-1][1], " to ".join(days)]


def summary(topic: str) -> str:
    """The first line of the script."""
    said = ast.get_docstring(ast.parse((HERE / f"{topic}.py").read_text())) or ""
    return said.partition("\n")[0]


def link(path: str) -> str:
    """From this folder to a file of the repository."""
    return f"[{path.rpartition('/')[2]}]({os.path.relpath(store.ROOT / path, HERE)})"


def words(quote: str, topic: str) -> str:
    if quote == TABLE:
        return f"the table of {len(table_rows(topic))} rows"
    return quote.strip("| ").replace("|", "·")


def page() -> str:
    results = {topic: store.lines(topic) for topic in topics()}
    stamps = {topic: measured(lines) for topic, lines in results.items()}
    rows = [
        [words(quote, topic), link(name), f"[{topic}.py]({topic}.py)",
         f"[{topic}.jsonl](results/{topic}.jsonl)", *stamps[topic]]
        for name, found in quotes().items() for topic, said in found.items() for quote in said
    ]  # fmt: skip
    head = ["quoted", "on", "script", "result", "commit", "measured"]
    text = f"{ABOUT}\n## Where the numbers come from\n\n{store.markdown(head, rows)}"
    rows = [
        [f"[{topic}.py]({topic}.py)", summary(topic), f"[{topic}.jsonl](results/{topic}.jsonl)",
         f"[table](results/{topic}.md)" if (store.RESULTS / f"{topic}.md").exists() else "-",
         f"{len(results[topic])}", *stamps[topic]]
        for topic in results
    ]  # fmt: skip
    text += "\n## All scripts\n\n"
    head = ["script", "what it measures", "result", "table", "lines", "commit", "measured"]
    return text + store.markdown(head, rows)


if __name__ == "__main__":
    PAGE.write_text(page())
