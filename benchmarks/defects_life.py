"""A detector in use, on magnetic tiles: its promise, another lamp, few good images, some bad ones.

    python benchmarks/defects_life.py [alarms|lamp|few|teach] [--seeds 20] [--part 0/2] [--only X]

alarms: for each seed another split, fitted anew; false alarms of a random quarter of the good tiles
against the beta-binomial interval, and windows of the test of drift that ring though nothing
changed. lamp: learn exp1 to exp4, then exp5 and exp6: false alarms before and after a calibration
by 40 new good tiles, and when the test of drift rings. few: 30 and 60 good tiles in all, by
cross-conformal calibration. teach: 5, 10 and 20 bad tiles; found are the others.

All use the part "position" at 128 px, which `fit` chooses on these tiles, and the kit's own code on
features that are computed once. magnetic_tile_128.npz is read from $GANVAS_DATA (default
../shared/data). Each run is a line of results/defects_life.jsonl. Writes results/defects_life.md.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads busy-wait

import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import tensorflow as tf

import store
from ganvas.errors import Refused
from ganvas.kits.defects import feature_parts, teaching
from ganvas.kits.defects.cross import CrossScorer, cross_split
from ganvas.kits.defects.detector import conformal
from ganvas.kits.defects.frozen import Evidence, Frozen
from ganvas.kits.defects.good_images import split
from ganvas.kits.defects.patches import Grid
from ganvas.kits.defects.promise import Promise
from ganvas.kits.defects.rewriting import Calibration
from ganvas.stats.ranking import auroc
from jobs import parser, run_all

DATA = Path(os.environ.get("GANVAS_DATA", Path(__file__).parents[1] / "../shared/data"))
TILES = DATA / "magnetic_tile_128.npz"
ALPHA = 0.05
NEW = 40
"""Good tiles of the other lamps that calibrate."""
DRAWS = 20
"""Times that they are drawn."""
feature_parts.KEPT = 500  # of the parts "patch", "bank" and "pooled", which are not used here


class Remembered:
    """The frozen network, on tiles whose features were computed: a row number is an image."""

    def __init__(self, images: np.ndarray):
        frozen = Frozen((*images.shape[1:], 1), 128)
        run = tf.function(frozen, autograph=False, reduce_retracing=True)
        self.grid, self.batch = frozen.grid, 64
        seen = [run(tf.constant(images[i : i + 16, ..., None])) for i in range(0, len(images), 16)]
        self.places = tf.concat([one.places for one in seen], 0)
        self.pooled = tf.concat([one.pooled for one in seen], 0)

    def __call__(self, rows: tf.Tensor) -> Evidence:
        return Evidence(tf.gather(self.places, rows), tf.gather(self.pooled, rows))


@cache
def tiles() -> tuple[Remembered, np.ndarray, np.ndarray, np.ndarray]:
    """The features, rows of good tiles and of bad ones, and the lamp of each tile."""
    with np.load(TILES) as arrays:
        kinds, lamps = arrays["classes"][arrays["y"]], arrays["path"]
        bad = np.flatnonzero(np.unpackbits(arrays["mask"], axis=1).any(1))
        lamp = np.array([Path(path).name.partition("_")[0] for path in lamps])
        return Remembered(arrays["x"]), np.flatnonzero(kinds == "MT_Free"), bad, lamp


class Fitted:
    """The part "position" of a fit on these rows."""

    def __init__(self, rows: np.ndarray, seed: int):
        frozen = tiles()[0]
        parts = feature_parts.FeatureParts(frozen, feature_parts.fit(frozen, rows, seed))
        self.run = tf.function(parts, autograph=False, reduce_retracing=True)

    def seen(self, rows: np.ndarray) -> teaching.Seen:
        found = [self.run(tf.constant(rows[i : i + 64])) for i in range(0, len(rows), 64)]
        scores = [np.log(one.parts["position"].numpy()) for one in found]
        white = [one.white.numpy().transpose(1, 0, 2) for one in found]
        return teaching.Seen(np.concatenate(scores), np.concatenate(white))

    def score(self, rows: np.ndarray) -> np.ndarray:
        return self.seen(rows).score


def flagged(new: np.ndarray, held: np.ndarray) -> np.ndarray:
    return conformal(new, held) <= ALPHA + 1e-6


def dealt(seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """A random quarter of the good tiles for the test; the rest as `fit` deals it."""
    _, good, _, _ = tiles()
    order = np.random.default_rng(seed).permutation(good)
    kept = len(order) // 4
    rest = order[kept:]
    return order[:kept], [rest[part] for part in split(len(rest), ALPHA, seed)]


def alarms(seed: int) -> dict:
    test, (learn, _, calibrate) = dealt(seed)
    fitted = Fitted(learn, seed)
    held, new, bad = (fitted.score(rows) for rows in (calibrate, test, tiles()[2]))
    promise, p_values = Promise("split", {"": len(held)}), conformal(new, held)
    low, high = promise.alarms(ALPHA, len(new))
    rings = [promise.drift(p_values[i : i + 50]).alarm for i in range(0, len(new) - 49, 50)]
    return {
        "section": "alarms", "seed": seed, "calibration": len(held), "good": len(new),
        "alarms": int(flagged(new, held).sum()), "low": low, "high": high,
        "found": float(flagged(bad, held).mean()), "auroc": auroc(new, bad),
        "windows": len(rings), "rang": int(sum(rings)),
    }  # fmt: skip


def lamp(seed: int) -> dict:
    """40 tiles of exp5 and exp6 calibrate, the others of these are the test; 20 times."""
    _, good, bad, of = tiles()
    known = good[np.isin(of[good], ("exp1", "exp2", "exp3", "exp4"))]
    other, wrong = (rows[np.isin(of[rows], ("exp5", "exp6"))] for rows in (good, bad))
    rng = np.random.default_rng(seed)
    known = rng.permutation(known)
    learn, _, calibrate = (known[part] for part in split(len(known), ALPHA, seed))
    fitted = Fitted(learn, seed)
    held, new, broken = (fitted.score(rows) for rows in (calibrate, other, wrong))
    after, found, first = [], [], []
    for _ in range(DRAWS):
        order = rng.permutation(len(new))
        again, rest = new[order[:NEW]], new[order[NEW:]]
        after.append(float(flagged(rest, again).mean()))
        found.append(float(flagged(broken, again).mean()))
        drift = Promise("split", {"": len(held)}).drift(conformal(new[order], held))
        first.append(drift.first or 0)
    return {
        "section": "lamp", "seed": seed, "calibration": len(held), "good": len(new),
        "before": float(flagged(new, held).mean()), "after": after, "rang at": first,
        "found before": float(flagged(broken, held).mean()), "found": found,
        "auroc": auroc(new, broken),
    }  # fmt: skip


def few(count: int, seed: int) -> dict:
    """Cross-conformal calibration; the test is all other good tiles of exp1 to exp6."""
    frozen, good, bad, _ = tiles()
    order = np.random.default_rng(seed).permutation(good)
    images, test = order[:count], order[count:][:300]
    parts = cross_split(count, ALPHA, seed)
    scorer = CrossScorer(Grid((128, 128)), frozen, images, parts, ALPHA, False)
    run = tf.function(scorer.verdict, autograph=False, reduce_retracing=True)

    def verdicts(rows: np.ndarray) -> list[np.ndarray]:
        found = [run(tf.constant(rows[i : i + 64])) for i in range(0, len(rows), 64)]
        return [np.concatenate([one[key].numpy() for one in found]) for key in ("p_value", "score")]

    (p_good, good_scores), (p_bad, bad_scores) = verdicts(test), verdicts(bad)
    return {
        "section": "few", "count": count, "seed": seed, "calibration": len(parts.calibrate),
        "good": len(test), "alarms": int((p_good <= ALPHA + 1e-6).sum()),
        "found": float((p_bad <= ALPHA + 1e-6).mean()), "auroc": auroc(good_scores, bad_scores),
    }  # fmt: skip


def teach(count: int, seed: int) -> dict:
    test, (learn, scale, calibrate) = dealt(seed)
    fitted = Fitted(learn, seed)
    order = np.random.default_rng(seed).permutation(tiles()[2])
    shown, rest = fitted.seen(order[:count]), fitted.seen(order[count:])
    on_scale, held, new = (fitted.seen(rows) for rows in (scale, calibrate, test))
    found = Calibration(calibrate, Promise("split", {"": len(calibrate)}))
    row: dict = {"section": "teach", "count": count, "seed": seed, "good": len(test)}
    before = after = [held.score, new.score, rest.score]
    try:
        lesson, taught = teaching.judged(shown, on_scale, held, found, ALPHA)
        after = [taught.of(one) for one in (held, new, rest)]
        row |= {"left out": lesson.found.value, "share": lesson.share}
    except Refused:
        row |= {"left out": None, "share": 0.0}
    for name, (own, good, bad) in (("before", before), ("after", after)):
        # At the share of alarms that the test itself has, too: two calibrations differ by chance.
        level = np.quantile(np.concatenate([own, good]), 1 - ALPHA)
        row[name] = {
            "found": float(flagged(bad, own).mean()), "alarms": int(flagged(good, own).sum()),
            "auroc": auroc(good, bad), "found at 5 % of all good": float((bad > level).mean()),
        }  # fmt: skip
    return row


RUNS = {"alarms": alarms, "lamp": lamp, "few": few, "teach": teach}


def jobs(section: str, seeds: int) -> list[tuple]:
    if not TILES.exists():
        return []
    if section == "few":
        return [(section, count, seed) for count in (30, 60) for seed in range(seeds)]
    if section == "teach":
        return [(section, count, seed) for count in (20, 10, 5) for seed in range(seeds // 4)]
    return [(section, seed) for seed in range(seeds if section == "alarms" else seeds // 4)]


def mean(values: list[float], form: str = ".1%") -> str:
    """Mean, lowest and highest."""
    return f"{np.mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def write_alarms(rows: list[dict]) -> list[str]:
    inside = sum(row["low"] <= row["alarms"] <= row["high"] for row in rows)
    rates = [row["alarms"] / row["good"] for row in rows]
    return [
        f"False alarms lie inside the 95 % beta-binomial interval in {inside} of {len(rows)} "
        f"splits; their share is {mean(rates)} at alpha 5 %. Found: "
        f"{mean([row['found'] for row in rows])}, AUROC {mean([r['auroc'] for r in rows], '.3f')}. "
        f"The test of drift rang in {sum(r['rang'] for r in rows)} of "
        f"{sum(r['windows'] for r in rows)} windows of 50 good tiles.\n"
    ]


def write_lamp(rows: list[dict]) -> list[str]:
    after = [rate for row in rows for rate in row["after"]]
    rang = [first for row in rows for first in row["rang at"]]
    body = [
        ("false alarms before", mean([row["before"] for row in rows])),
        (f"false alarms after `calibrate` with {NEW} new good tiles", mean(after)),
        ("draws in which they are at most 10 %", f"{sum(x <= 0.1 for x in after)} of {len(after)}"),
        ("streams in which the test of drift rings", f"{sum(map(bool, rang))} of {len(rang)}"),
        ("of these at the first 50 tiles", f"{sum(first == 50 for first in rang)}"),
        ("found before", mean([row["found before"] for row in rows])),
        ("found after", mean([one for row in rows for one in row["found"]])),
        ("AUROC", mean([row["auroc"] for row in rows], ".3f")),
    ]
    return [store.markdown(("learnt from exp1 to exp4, then exp5 and exp6", ""), body)]


def write_few(rows: list[dict]) -> list[str]:
    body = []
    for count in sorted({row["count"] for row in rows}):
        some = [row for row in rows if row["count"] == count]
        body.append((
            f"{count} ({len(some)} draws)", f"{some[0]['calibration']}",
            mean([row["alarms"] / row["good"] for row in some]),
            mean([row["found"] for row in some]), mean([row["auroc"] for row in some], ".3f"),
        ))  # fmt: skip
    head = ("good tiles in all", "of these calibrate", "false alarms (at most 10 % in the mean)",
            "found", "AUROC")  # fmt: skip
    return [store.markdown(head, body)]


def write_teach(rows: list[dict]) -> list[str]:
    body = []
    for count in sorted({row["count"] for row in rows}):
        some = [row for row in rows if row["count"] == count]
        cells = [f"{count} ({len(some)} draws)"]
        for key, form in (("found", ".1%"), ("found at 5 % of all good", ".1%"), ("auroc", ".3f")):
            pair = [format(np.mean([r[when][key] for r in some]), form)
                    for when in ("before", "after")]  # fmt: skip
            cells.append(" → ".join(pair))
        rates = [[r[when]["alarms"] / r["good"] for r in some] for when in ("before", "after")]
        cells.append(" → ".join(f"{np.mean(one):.1%}" for one in rates))
        kept = [row["left out"] for row in some if row["left out"] is not None]
        body.append((*cells, mean(kept) if kept else "-", f"{len(some) - len(kept)}"))
    head = ("bad tiles", "found of the others", "found at the level of 5 % of all good", "AUROC",
            "false alarms", "found by leaving one out", "refused")  # fmt: skip
    return [store.markdown(head, body)]


WRITERS = {"alarms": write_alarms, "lamp": write_lamp, "few": write_few, "teach": write_teach}


def main() -> None:
    words = sys.argv[1:]
    chosen = [words.pop(0)] if words and words[0] in RUNS else list(RUNS)
    options = parser(__doc__, seeds=20).parse_args(words)
    for section in chosen:
        run_all(
            "defects_life", jobs(section, options.seeds),
            lambda section, *rest: RUNS[section](*rest), options,
        )  # fmt: skip
    rows = defaultdict(list)
    for row in store.read("defects_life").values():
        rows[row["section"]].append(row)
    lines = [line for name, write in WRITERS.items() if rows[name]
             for line in (f"## {name}\n", *write(rows[name]))]  # fmt: skip
    store.write_table("defects_life", "\n".join(lines))


if __name__ == "__main__":
    main()
