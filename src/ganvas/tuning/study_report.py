"""The report of a search: verdict, all trials, importance of the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import __version__
from ..reports.charts import COLOURS, LINE, QUIET, WIDTH, drawn
from ..reports.language import Name
from ..reports.page import Charts, Page, Section, Table, Text
from .result import TrialResult, TuningResult
from .space import summary, text

HEADLINES = {
    "helps": "The best values are better than the recipe's",
    "no evidence": "No evidence that the best values are better than the recipe's",
    "hurts": "The best values are worse than the recipe's when repeated",
}
TONES = {"helps": "good", "no evidence": "", "hurts": "bad"}


def page(result: TuningResult) -> Page:
    """The page of report.html."""
    repeats = result.repeats
    verdict = repeats.verdict if repeats else "no evidence"
    head, *lines = sentences(result)
    sections = [
        Section("Repeated with other seeds", _repeats(result)),
        Section("Trials", [Charts(_charts(result), _trials(result))]),
    ]
    return Page(
        title=f"Search over {result.recipe}",
        verdict=head,
        tone=TONES[verdict],
        reasons=[],
        lines=lines[:2],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {__version__}.",
        kind="Report of a search",
    )


def sentences(result: TuningResult) -> list[str]:
    """The verdict, the search, its best trial, and the files."""
    best, by = result.best, result.by
    return [
        HEADLINES[result.repeats.verdict]
        if result.repeats
        else "The best values were not repeated",
        f"{len(result.trials)} trials of {result.kimg:g} kimg on {result.data}, by {by} "
        f"on {result.against} (lower is better).",
        f"Best: trial {best.trial}, {by} {best.value:.4g}: {summary(best.values)}.",
        f"{result.folder}: best.toml, report.html, tune.json",
    ]


def _repeats(result: TuningResult) -> list[Any]:
    repeats = result.repeats
    if not repeats:
        return []
    rows = [
        (name, *("diverged" if value is None else f"{value:.4g}" for value in values))
        for name, values in (("best", repeats.best), ("default", repeats.default))
    ]
    header = ("values", *(f"seed {seed}" for seed in repeats.seeds))
    blocks: list[Any] = [Table(header, rows, "l" + "r" * len(repeats.seeds), Name(result.by))]
    if repeats.low is not None:
        blocks.append(
            Text(
                f"Difference {repeats.difference:.4g}, 95 % interval {repeats.low:.4g} to "
                f"{repeats.high:.4g} (paired by seed, Student's t)."
            )
        )
    scores = [value for value in repeats.best if value is not None]
    if len(scores) == len(repeats.best):
        again = float(np.mean(scores))
        blocks.append(
            Text(
                f"In the search the best trial scored {result.best.value:.4g}; with other seeds "
                f"its values score {again:.4g} on average. The first number is biased, because "
                "it is the best of many: expect the second."
            )
        )
    return blocks


def _charts(result: TuningResult) -> list[tuple[str, str]]:
    charts = []
    if result.importance:
        charts.append(("Importance of each value", _importance(result.importance)))
    complete = [trial for trial in result.trials if trial.value is not None]
    if len(complete) > 1:
        charts.append(("All finished trials; the thick line is the best", _parallel(result)))
    return charts


def _importance(shares: Mapping[str, float]) -> str:
    names = list(shares)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot(xlabel="importance for being among the better trials")
        axes.barh(range(len(names)), [shares[name] for name in names], 0.5, color=COLOURS[0])
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")

    return drawn(paint, 0.7 + 0.26 * len(names))


def _parallel(result: TuningResult) -> str:
    """Parallel coordinates: an axis per value, the score last, a line per finished trial."""
    trials = [trial for trial in result.trials if trial.value is not None]
    columns = [*result.best.values, result.by]
    heights, ticks = zip(*(_column(trials, name) for name in columns), strict=True)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for index, trial in enumerate(trials):
            best = trial.number == result.best.trial
            line = [column[index] for column in heights]
            colour = COLOURS[1] if best else COLOURS[0]
            width, alpha = (2.0, 1.0) if best else (0.8, 0.35)
            axes.plot(line, color=colour, linewidth=width, alpha=alpha, zorder=3 if best else 2)
        for place, (low, high) in enumerate(ticks):
            axes.axvline(place, color=LINE, linewidth=0.8)
            axes.text(place, -0.04, low, ha="center", va="top", size=6.5, color=QUIET)
            axes.text(place, 1.04, high, ha="center", va="bottom", size=6.5, color=QUIET)
        axes.set_xticks(range(len(columns)), [_two_lines(name) for name in columns])
        axes.tick_params(axis="x", pad=12)
        axes.set_yticks([])
        axes.set_ylim(-0.02, 1.02)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    return drawn(paint, 0.75 * WIDTH)


def _two_lines(name: str) -> str:
    return name.partition(".")[2].replace("_", "\n").replace(".", "\n") or name


def _column(trials: Sequence[TrialResult], name: str) -> tuple[list[float], tuple[str, str]]:
    """Height of each trial on this axis, 0 to 1, and the texts at its two ends."""
    raw = [trial.values.get(name, trial.value) for trial in trials]
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in raw)
    if not numeric:
        texts = [text(v) for v in raw]
        order = sorted(set(texts))
        heights = [order.index(one) / max(1, len(order) - 1) for one in texts]
        return heights, (order[0][:20], order[-1][:20])
    values = np.array(raw, float)
    low, high = float(values.min()), float(values.max())
    wide = low > 0 and high / low > 20
    scale = np.log(values) if wide else values
    span = float(np.ptp(scale)) or 1.0
    return list((scale - scale.min()) / span), (f"{low:.3g}", f"{high:.3g}")


def _trials(result: TuningResult) -> Table:
    rows = [
        (
            str(trial.number),
            "" if trial.value is None else f"{trial.value:.4g}",
            trial.why or ("copies training images" if trial.copies else "trained to its end"),
            summary(trial.values),
        )
        for trial in result.trials
    ]
    return Table(("trial", Name(result.by), "end", "values"), rows, "rrll", "All trials in order")
