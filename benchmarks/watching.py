"""What watching a run costs: the doctor's signals and the scores, beside the same run without.

    python benchmarks/watching.py [--rounds 5] [--kimg 64]

`quick` on MNIST at its own cadence of ticks. Signals: pairs of runs with and without (and without
the norms of gradients inside the step), in turn; the seconds are those of the run's log, from the
second tick on, since the first holds the compilation. Scores: their seconds over the run's, at the
recipe's own length and number of scorings.

Adds to results/watching.jsonl.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

import ganvas
import store


def rows(kimg: float, **values) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"train.kimg": kimg, "watch.grids": 1, **values}
        run = ganvas.train(
            "mnist", "quick", run=f"{folder}/run", overrides=settings, progress=False
        )
        return run.rows()


def seconds(kimg: float, signals: bool) -> float:
    """Of the ticks after the first."""
    quiet = mock.patch("tensorflow.linalg.global_norm", lambda _: tf.constant(0.0))
    with quiet if not signals else mock.patch.dict(os.environ):
        log = rows(kimg, **{"watch.signals": signals, "scores.times": 0})
    return log[-1]["seconds"] - log[0]["seconds"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--kimg", type=float, default=64)
    chosen = options.parse_args()
    ratios = []
    for number in range(chosen.rounds):
        order = (True, False) if number % 2 else (False, True)
        taken = {signals: seconds(chosen.kimg, signals) for signals in order}
        ratios.append(round(taken[True] / taken[False], 3))
        print(ratios, flush=True)
    log = rows(600.0)
    scoring = [row["score/seconds"] for row in log if "score/seconds" in row]
    result = {
        "signals_over_without": statistics.median(ratios), "all_ratios": ratios,
        "scorings": len(scoring), "scoring_seconds": round(sum(scoring), 2),
        "run_seconds": log[-1]["seconds"],
        "scoring_share": round(sum(scoring) / (sum(scoring) + log[-1]["seconds"]), 4),
    }  # fmt: skip
    store.add("watching", "report", result)
    print(result)


if __name__ == "__main__":
    main()
