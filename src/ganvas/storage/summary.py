"""A run in a few facts, for lists and comparisons. A damaged run has those that can be read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ConfigError, UsageError, no_such
from .run import Run, list_runs

SORTS = ("name", "recipe", "kimg", "seconds", "score", "size", "state")
"""Keys by which runs are sorted: names upwards, amounts with the largest first, scores with the
lowest first."""


@dataclass(frozen=True)
class RunSummary:
    """A run.

    Attributes:
        name: of its folder.
        recipe: None if config.toml is damaged, like `target_kimg`.
        kimg: thousand real images shown to the discriminator so far.
        target_kimg: those of the whole run.
        seconds: in training steps.
        score: name of the score that selects the best model: frechet or kid; None: not scored.
        value: the best score; lower is better.
        floor: what real images get; None: not measured.
        against: what they were compared with, as in best.json.
        at_kimg: when it was reached.
        size_mb: of all files of the run, in MB.
        state: running, finished, interrupted, stopped, diverged, sick or damaged.
        faults: a sentence for each damaged file.
    """

    name: str
    folder: str
    recipe: str | None
    kimg: float
    target_kimg: float | None
    seconds: float
    score: str | None
    value: float | None
    floor: float | None
    against: str
    at_kimg: float | None
    size_mb: float
    state: str
    faults: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "faults": list(self.faults)}


def summary(run: Run) -> RunSummary:
    """The facts of one run."""
    last, best, faults = (run.rows() or [{}])[-1], run.best, run.faults()
    config = None
    with contextlib.suppress(ConfigError):
        config = run.config
    return RunSummary(
        name=run.folder.name,
        folder=str(run.folder),
        recipe=config.recipe if config else None,
        kimg=last.get("kimg", 0.0),
        target_kimg=config.train.kimg if config else None,
        seconds=last.get("seconds", 0.0),
        score=best.get("by"),
        value=best[best["by"]] if best else None,
        floor=(best.get("floor") or {}).get(best.get("by")),
        against=best.get("against") or "",
        at_kimg=best.get("kimg"),
        size_mb=round(_bytes(run) / 1e6, 2),
        state="damaged" if faults else run.status(),
        faults=tuple(faults),
    )


def check_sort(key: str) -> None:
    """Raises: UsageError: not one of SORTS."""
    if key not in SORTS:
        raise UsageError(no_such("key to sort by", key, SORTS))


def summaries(folder: Any, sort: str = "name") -> list[RunSummary]:
    """The runs directly in a folder.

    Args:
        sort: one of SORTS.

    Raises: UsageError: another key. RunError: no such folder.
    """
    check_sort(sort)
    found = [summary(run) for run in list_runs(folder)]
    if sort == "score":  # Frechet distances and KIDs do not compare
        return sorted(found, key=lambda one: (one.score is None, one.score or "", one.value or 0))
    if sort in ("kimg", "seconds", "size"):
        amount = "size_mb" if sort == "size" else sort
        return sorted(found, key=lambda one: -getattr(one, amount))
    return sorted(found, key=lambda one: (getattr(one, sort) or "", one.name))


@dataclass(frozen=True)
class RunComparison:
    """Two runs side by side.

    Attributes:
        runs: their facts.
        keys: key of the recipe -> its two values, where they differ; None: unset.
        scores: score -> its values of the two best models; None: not scored.
        comparable: whether both were scored in the same features, against the same kind of images;
            None: one was not scored.
    """

    runs: tuple[RunSummary, RunSummary]
    keys: Mapping[str, tuple[Any, Any]]
    scores: Mapping[str, tuple[float | None, float | None]]
    comparable: bool | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "runs": [one.to_dict() for one in self.runs],
            "keys": {key: list(values) for key, values in self.keys.items()},
            "scores": {name: list(values) for name, values in self.scores.items()},
            "comparable": self.comparable,
        }


def differences(runs: Sequence[Run]) -> dict[str, tuple[Any, ...]]:
    """Keys of the recipe -> their values in each run, where they differ; None: unset.

    Raises: ConfigError: a damaged recipe.
    """
    flat = [_flat(run.config.model_dump()) for run in runs]
    names = dict.fromkeys(name for tree in flat for name in tree)
    every = {name: tuple(tree.get(name) for tree in flat) for name in names}
    return {k: values for k, values in every.items() if any(v != values[0] for v in values)}


def compare(first: Run, second: Run) -> RunComparison:
    """Where two runs differ. Raises: ConfigError: a damaged recipe."""
    best = first.best, second.best
    scores = {name: (best[0].get(name), best[1].get(name)) for name in ("frechet", "kid")}
    same = [best[0].get(what) == best[1].get(what) for what in ("features_sha256", "against")]
    return RunComparison(
        (summary(first), summary(second)),
        {name: (one, other) for name, (one, other) in differences((first, second)).items()},
        {name: pair for name, pair in scores.items() if pair != (None, None)},
        all(same) if all(best) else None,
    )


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys; penalties by their name."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if key == "penalties":
            value = {p if isinstance(p, str) else p.get("name"): p for p in value}
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _bytes(run: Run) -> int:
    """Of all files; one that vanishes meanwhile, or cannot be read, counts as none."""
    total = 0
    for file in run.folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total
