"""Charts of the report of a study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...reports import charts
from .results import Comparison, Verdict
from .study import Study


def spans(found: Sequence[Comparison], label: str) -> str:
    """Differences in AUROC with their intervals."""
    changes = [c.measures["auroc"] for c in found]
    return charts.spans(
        [c.arm for c in found], [c.value for c in changes], [c.low for c in changes],
        [c.high for c in changes], label, zero=0.0,
    )  # fmt: skip


def curves(study: Study, verdict: Verdict) -> str:
    """ROC curves of a few arms: mean sensitivity over seeds at each rate of false alarms."""
    names = dict.fromkeys([verdict.advised, verdict.best_gan, "class weights", "classical"])
    c = study.material.rare[0]
    truth, at = study.material.test.labels == c, np.linspace(0, 1, 101)
    choices = {arm.name: arm.ratio or arm.strength for arm in verdict.arms}

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        shown = [name for name in names if name in choices]
        for index, name in enumerate(shown):
            curve = np.mean([
                _curve(study.predictions(seed, name, choices[name]).test[:, c], truth, at)
                for seed in range(study.plan.seeds)
            ], axis=0)  # fmt: skip
            axes.plot(at, curve, color=charts.COLOURS[index], linestyle=charts.DASHES[index],
                      linewidth=1.3, label=name)  # fmt: skip
        axes.set_xlabel("false alarms (1 - specificity)")
        axes.set_ylabel(f"sensitivity for {study.material.names[c]}")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.01)
        figure.legend(loc="outside upper left", ncols=2, borderaxespad=0)

    return charts.drawn(paint)


def _curve(scores: np.ndarray, truth: np.ndarray, at: np.ndarray) -> np.ndarray:
    rest = np.sort(scores[~truth])[::-1]
    places = np.minimum((at * len(rest)).astype(int), len(rest) - 1)
    return np.where(at < 1, (scores[truth][:, None] > rest[places]).mean(axis=0), 1.0)
