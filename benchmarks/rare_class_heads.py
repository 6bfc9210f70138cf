"""Does a covariance pooled over all classes help a rare class more than class weights?

    python benchmarks/rare_class_heads.py [--seeds 10] [--only mnist]

`lda` of `ganvas balance`, linear discriminant analysis on frozen features, against three kinds of
class weights: the CNN of the kit (arm `class weights`), logistic regression on the same features
with the usual penalty of C = 1, and the same with the penalty chosen on validation (`features`).
Three public sets: MNIST "8" and Fashion-MNIST "shirt" with 20 images of the rare class and 500 of
each other, chest X-rays with 50 of the normal ones and 1,000 with pneumonia ($GANVAS_DATA, default
../shared/data; absent data are left out). Each seed draws other images from the official training
part and validates by a fifth of them; penalty and shrinkage, five values each, are chosen on these
folds of all seeds together. Then up to 4,000 images of the official test part are used once.

A setting is a line of results/rare_class_heads.jsonl, and is not repeated.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from ganvas.kits.rare_class import choosing, frozen
from ganvas.kits.rare_class.arms import draws
from ganvas.kits.rare_class.classifier import Predict, fit
from ganvas.kits.rare_class.parts import Part, validates
from ganvas.kits.rare_class.plan import HEADS, PENALTIES, SHRINKAGES, Plan
from ganvas.stats import exact
from ganvas.stats.roc import Judge
from jobs import parser, run_all
from rare_class_data import DATA, SETTINGS, material

ALL = ("xray-normal-50", "fashion-shirt-20", "mnist-8-20")
TEST = 4000
CNN, USUAL = "class weights", "features, C = 1"
ARMS = (CNN, USUAL, *HEADS)


def measure(setting: str, seeds: int) -> dict:
    """All seeds of a setting, the choices, and the comparison on the test part."""
    began = time.perf_counter()
    tried = [(CNN, 0.0), (USUAL, 0.0), *((HEADS[0], s) for s in PENALTIES),
             *((HEADS[1], s) for s in SHRINKAGES)]  # fmt: skip
    valid, tested = ({key: [] for key in tried} for _ in range(2))
    spent = dict.fromkeys(ARMS, 0.0)
    first = material(setting, 0, TEST)
    compute = frozen.Features(first.learn.images.shape[1:])
    test = compute(first.test.images)
    for seed in range(seeds):
        learn, classes = material(setting, seed, TEST).learn, len(first.names)
        features, folds = compute(learn.images), validates(learn, classes, seed, 0)
        seen = frozen.basis(features[~folds])
        for arm, strength in tried:
            start = time.process_time()
            if arm == CNN:
                predict = cnn(learn[np.flatnonzero(~folds)], seed, classes, first.names)
                found = predict(learn.images[folds]), predict(first.test.images)
            else:
                y = learn.labels[~folds]
                kind = "lda" if arm == "lda" else "features"
                head = frozen.fitted(
                    kind, strength or 1 / len(y), features[~folds], y, frozen.balancing(y), seen
                )
                found = head(features[folds]), head(test)
            spent[arm] += time.process_time() - start
            valid[arm, strength].append(choosing.auroc(found[0], learn.labels[folds], first.rare))
            tested[arm, strength].append(found[1])
        print(setting, seed, round(time.perf_counter() - began), flush=True)
    best = {arm: max((s for a, s in tried if a == arm), key=lambda s, a=arm: np.mean(valid[a, s]))
            for arm in ARMS}  # fmt: skip
    judge = Judge(first.test.labels, first.test.units, classes, first.rare)
    measured = {arm: judge.measured(np.stack(tested[arm, best[arm]])) for arm in ARMS}
    apart = {arm: judge.difference(measured["lda"], measured[arm]) for arm in ARMS[:-1]}
    p = exact.holm({f"{a}|{m}": one.p for a, of in apart.items() for m, one in of.items()})
    return {
        "setting": setting, "seeds": seeds, "strength": best,
        "test": len(first.test), "rare": int((first.test.labels == first.rare[0]).sum()),
        "arms": {arm: judge.values(one) for arm, one in measured.items()},
        "apart": {arm: {m: [*one, p[f"{arm}|{m}"]] for m, one in of.items()}
                  for arm, of in apart.items()},
        "by_seed": {arm: one.seeds[:, 0].tolist() for arm, one in measured.items()},
        "milliseconds": {arm: 1000 * spent[arm] / seeds / sum(a == arm for a, _ in tried)
                         for arm in ARMS},
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip


def cnn(train: Part, seed: int, classes: int, names: tuple[str, ...]) -> Predict:
    """The arm `class weights`."""
    plan = Plan((names[0],), seeds=2, seed=seed).resolved(max(train.images.shape[1:3]))
    drawn = draws(CNN, 0.0, train, {}, plan, 0)
    return fit(
        drawn.images, drawn.labels, classes=classes, seed=seed, weights=drawn.weights,
        batch=plan.batch,
    )  # fmt: skip


def word(apart: dict[str, list[float]]) -> str:
    """As the verdict of the kit: a measure is better after Holm, and none is worse."""
    better = any(p < 0.05 and low > 0 for _, low, _, _, p in apart.values())
    worse = any(p < 0.05 and high < 0 for _, _, high, _, p in apart.values())
    return "no evidence" if better == worse else "helps" if better else "hurts"


def main() -> None:
    chosen = parser(__doc__, seeds=10).parse_args()
    there = [s for s in ALL if (DATA / SETTINGS[s][0]).is_file()]
    rows = run_all("rare_class_heads", [(s, chosen.seeds) for s in there], measure, chosen)
    head = ["setting", "lda against", "AUROC of it", "of lda", "difference in AUROC",
            "sensitivity at 90 % specificity", "at 95 %", "p of AUROC after Holm",
            "ms to fit it", "ms to fit lda", "verdict on lda"]  # fmt: skip
    table = [
        [row["setting"], arm, *(f"{row['arms'][a]['auroc'][0]:.4f}" for a in (arm, "lda")),
         *(f"{d[0]:+.4f} ({d[1]:+.4f} to {d[2]:+.4f})" for d in apart.values()),
         f"{apart['auroc'][4]:.3g}", *(f"{row['milliseconds'][a]:.0f}" for a in (arm, "lda")),
         word(apart)]
        for row in rows
        for arm, apart in row["apart"].items()
    ]  # fmt: skip
    store.write_table("rare_class_heads", store.markdown(head, table))


if __name__ == "__main__":
    main()
