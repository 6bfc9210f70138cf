"""Scores as text for the terminal: of one set, or of several side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from ..reports.tables import aligned, number
from .base import Score
from .result import Evaluation
from .scores import SCORES

WIDTH = 80
"""Columns; tables of several sets are wider."""


def scores_table(result: Evaluation) -> str:
    """What the images are, and the scores of one set as aligned text: value, interval, floor."""
    rows = [("score", "value", "95 % interval", "floor", "best")]
    rows += [
        (name, *numbers(score), ideal(name))
        for name, score in result.scores.items()
        if score.value is not None
    ]
    gate = {True: "passed", False: "failed", None: "none"}[result.gate.passed]
    said = [result.verdict.sentence, *(f"note: {note}" for note in result.verdict.notes)]
    parts = [*said, f"{counts(result)}; floor: real images in their place"]
    return "\n\n".join([
        *map(_wrapped, parts), aligned(rows, "lrrrl"), *_without_value(result), f"gate: {gate}",
    ])  # fmt: skip


def ideal(name: str) -> str:
    """The best value of a score: "high", "low", or a number."""
    better = SCORES[name].better
    return {"higher": "high", "lower": "low"}.get(better, better)


def _without_value(result: Evaluation) -> list[str]:
    """A paragraph of the scores that have no value: those with the same reason on one line."""
    names: dict[str, list[str]] = {}
    for name, score in result.scores.items():
        if score.value is None:
            names.setdefault(score.why or "no reason given", []).append(name)
    lines = [_wrapped(f"no value: {', '.join(some)} ({why})") for why, some in names.items()]
    return ["\n".join(lines)] if lines else []


def _wrapped(text: str) -> str:
    """In lines of at most 80 columns."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def comparison_table(results: Mapping[str, Evaluation]) -> str:
    """Several sets side by side as aligned text: a row per score, three columns per set."""
    short = [Path(subject).absolute().name for subject in results]
    heads = short if len(set(short)) == len(short) else list(results)
    names = dict.fromkeys(name for result in results.values() for name in result.scores)
    rows = [("score", *(cell for head in heads for cell in (head, "95 % interval", "floor")))]
    for name in names:
        found = [result.scores.get(name, Score(None)) for result in results.values()]
        rows.append((name, *(cell for score in found for cell in numbers(score))))
    about = [
        _wrapped(f"{head}: {text}")
        for head, result in zip(heads, results.values(), strict=True)
        for text in (result.verdict.sentence, *result.verdict.notes, counts(result))
    ]
    whys = [
        f"{head}: {name} has no value ({score.why})"
        for head, result in zip(heads, results.values(), strict=True)
        for name, score in result.scores.items()
        if score.value is None and score.why
    ]
    table = aligned(rows, "l" + "rrr" * len(heads))
    return "\n".join([*about, "", table, *([""] if whys else []), *whys])


def numbers(score: Score) -> tuple[str, str, str]:
    bounded = score.low is not None and score.high is not None
    interval = f"{number(score.low)} to {number(score.high)}" if bounded else "–"
    return number(score.value), interval, number(score.floor)


def counts(result: Evaluation) -> str:
    return (
        f"{result.n_fake:,} generated images compared with {result.n_real:,} real ones, "
        f"features {result.features} ({result.resize})"
    )
