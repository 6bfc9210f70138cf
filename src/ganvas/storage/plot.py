"""Values of a run's log over kimg, as a figure of Matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ..base.printing import on_one_line
from ..errors import RunError, no_such

USUAL = (
    ("losses", ("discriminator", "generator")),
    ("logits", ("real", "fake")),
    ("scores", ("score/frechet", "score/kid")),
)
"""Charts, and the values in each."""


class Chart(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=80)
        return content.getvalue()


def plot(rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str) -> Figure:
    """A chart for each kind of value; with names one chart of these.

    Raises: RunError: no row, or no value of a name.
    """
    values = {name: value for row in rows for name, value in row.items()}
    known = sorted(name for name, value in values.items() if not isinstance(value, (str, list)))
    if not rows:
        raise RunError(f"{title} has no finished tick yet: train it for at least one tick")
    for name in names:
        if name not in known:
            raise RunError(no_such("value of the log", name, known))
    charts = [("", tuple(names))] if names else [
        (kind, found) for kind, some in USUAL
        if (found := tuple(name for name in some if name in known))
    ]  # fmt: skip
    figure = Chart(figsize=(4.4 * len(charts), 3), layout="constrained")
    for number, (kind, some) in enumerate(charts):
        axes = figure.add_subplot(1, len(charts), number + 1)
        for name in some:
            points = [(row["kimg"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), label=on_one_line(name), marker=".")
        axes.set(xlabel="kimg", title=kind)
        axes.legend()
    return figure
