"""Many short runs: each is a line of results/TOPIC.jsonl and not made twice, so that a benchmark
can be interrupted, shared between processes (`--part i/n` takes every n-th run) and written up
from what there is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

import store
from ganvas.stats.intervals import clopper_pearson


def parser(about: str, seeds: int = 3) -> argparse.ArgumentParser:
    """The options that all of them take."""
    options = argparse.ArgumentParser(description=about.splitlines()[0])
    options.add_argument("--seeds", type=int, default=seeds)
    options.add_argument("--part", default="0/1", help="i/n: every n-th run, from the i-th")
    options.add_argument("--only", help="runs whose name contains this")
    return options


def run_all(
    topic: str,
    jobs: Iterable[tuple[str, ...]],
    play: Callable[..., dict],
    options: argparse.Namespace,
) -> list[dict]:
    """Play what is missing of (words..., seed) and return all results there are.

    Rows hold what `play(*words)` returns, in the order of their names.
    """
    done = store.read(topic)
    part, parts = map(int, options.part.split("/"))
    for words in list(jobs)[part::parts]:
        name = store.slug(*words)
        if name in done or (options.only and options.only not in name):
            continue
        row = play(*words)
        store.add(topic, name, row)
        print({k: v for k, v in row.items() if not isinstance(v, list)}, flush=True)
        keras.backend.clear_session()
    return list(store.read(topic).values())


def pick(rows: Iterable[dict], key: str, **wanted) -> list:
    """One value of the rows that match."""
    return [
        row[key]
        for row in rows
        if all(row[k] == v for k, v in wanted.items()) and row[key] is not None
    ]


def interval(values: Sequence[float], form: str) -> str:
    """Mean, and lowest to highest: there are too few seeds for more."""
    if not values:
        return "-"
    low, mean, high = (format(f(values), form) for f in (np.min, np.mean, np.max))
    return mean if low == high else f"{mean} ({low} to {high})"


def rate(count: int, of: int) -> str:
    """A rate and its exact interval; "-" where there is nothing to count."""
    if not of:
        return "-"
    value, low, high = clopper_pearson(count, of)
    return f"{value:.0%}, 95 % interval {low:.0%} to {high:.0%}"
