"""bfloat16 against float32: seconds of a step, in turn, and quality after the same steps.

    python benchmarks/precision.py [--recipes quick r3gan] [--rounds 5] [--steps 1000]

Adds to results/precision.jsonl. Whether it wins depends on the processor: with AVX512-BF16 or AMX,
or on a GPU, it may; without, the numbers are converted to and fro.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import store
from digits import DigitScores
from ganvas import images as pictures
from ganvas.sampling.sampler import Sampler
from ganvas.training.assembly import assemble
from ganvas.training.train import prepare

PRECISIONS = ("float32", "bfloat16")


class Game:
    """A game that is played a few steps at a time."""

    def __init__(self, recipe: str, precision: str):
        config, source = prepare("mnist", recipe, {"train.precision": precision})
        self.gan, self.plan = assemble(config, source)
        self.stream = source.stream(self.plan.batch * self.plan.turns, 0)
        self.sampler = Sampler(self.gan.ema_generator, source.names, source.class_shares)

    def play(self, steps: int) -> float:
        """Seconds of a step."""
        began = time.perf_counter()
        self.gan.fit(self.stream, epochs=1, steps_per_epoch=steps, shuffle=False, verbose=0)
        return (time.perf_counter() - began) / steps


def compare(recipe: str, rounds: int, steps: int, digit_scores: DigitScores) -> dict:
    games = {precision: Game(recipe, precision) for precision in PRECISIONS}
    each = games["float32"].plan.execution * 4
    for game in games.values():
        game.play(each)  # compiles
    seconds = [[game.play(each) for game in games.values()] for _ in range(rounds)]
    scores = {}
    for precision, game in games.items():
        game.play(max(each, steps - (rounds + 1) * each))
        drawn = game.sampler.sample(10_000, seed=1)
        ratio = digit_scores.score(pictures.to_float(drawn)) / digit_scores.floor
        scores[precision] = round(ratio, 2)
    return {
        "recipe": recipe,
        "bfloat16_over_float32": round(statistics.median(b / a for a, b in seconds), 3),
        "ms_per_step": {
            precision: round(1000 * statistics.median(row[i] for row in seconds), 1)
            for i, precision in enumerate(PRECISIONS)
        },
        "steps": steps,
        "times_floor": scores,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=["quick", "r3gan"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    digit_scores = DigitScores()
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "bfloat16 in hardware": any(
            word in Path("/proc/cpuinfo").read_text() for word in ("avx512_bf16", "amx_bf16")
        )
        if Path("/proc/cpuinfo").exists()
        else None,
        "recipes": [],
    }
    for recipe in options.recipes:
        report["recipes"].append(compare(recipe, options.rounds, options.steps, digit_scores))
        print(json.dumps(report["recipes"][-1], indent=1), flush=True)
        keras.backend.clear_session()
    store.add("precision", "report", report)


if __name__ == "__main__":
    main()
