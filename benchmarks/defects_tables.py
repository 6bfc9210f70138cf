"""results/defects.md from results/defects.jsonl: a table for each section with results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

import store
from ganvas.stats.intervals import false_alarms

RIVALS = ("pca", "mahalanobis", "nearest")
AREAS = ("auroc", *(f"auroc {name}" for name in RIVALS))
PIXELS = ("pixel auroc", "pixel auroc pca", "pixel aupro", "pixel aupro pca")
ALONE = "the GAN's alone"
BEFORE = ", the kit before it had parts by frozen features"
BEAT = {"mnist": 0.964, "fashion": 0.936}
LEFT_OUT = {"mnist": 0.676, "fashion": 0.670}


def write_up() -> None:
    rows = defaultdict(list)
    for row in store.read("defects").values():
        rows[row.get("kit"), row["section"]].append(row)
    lines: list[str] = []
    for kit in ("features", None):
        for section, write in WRITERS.items():
            if found := rows[kit, section]:
                lines += [f"## {section}{'' if kit else BEFORE}\n", *write(found)]
    store.write_table("defects", "\n".join(lines))


def interval(values: Iterable[float]) -> str:
    """Mean and 95 % bootstrap interval over classes, whose seeds are averaged first.

    `stats.intervals.bootstrap` draws by another generator and would change the published table.
    """
    values = np.array(list(values))
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.4f} ({low:.3f} to {high:.3f})"


def by(rows: list[dict], key: str) -> dict:
    found = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return dict(sorted(found.items()))


def mean(rows: list[dict], key: str) -> float:
    return float(np.mean([row[key] for row in rows]))


def part(rows: list[dict], key: str) -> float:
    return float(np.mean([row["parts"][key] for row in rows]))


def parts_alone(rows: list[dict]) -> str:
    """AUROC of each part alone, those of all rows."""
    shared = set.intersection(*(set(row["parts"]) for row in rows)) - {
        "all",
        "without the GAN",
        ALONE,
    }
    return ", ".join(f"{k} {part(rows, k):.4f}" for k in rows[0]["parts"] if k in shared)


def chosen(rows: list[dict]) -> str:
    """How often which parts were chosen, and their AUROC on planted defects."""
    choices = [row["choice"] for row in rows if "choice" in row]
    if not choices:
        return ""
    often = Counter(" + ".join(one["parts"]) for one in choices)
    words = ", ".join(f"{name} ({count})" for name, count in often.most_common())
    planted = np.mean([one["auroc"] for one in choices])
    return f"Chosen: {words}; AUROC on planted defects {planted:.3f} in the mean.\n"


def _classes(rows: list[dict], wanted: dict[str, float]) -> list[str]:
    lines = []
    for name, mine in by(rows, "data").items():
        labels = by(mine, "label")
        extra = [k for k in ("without the GAN", ALONE) if all(k in row["parts"] for row in mine)]
        table = [
            [str(label), *(f"{mean(r, key):.4f}" for key in AREAS),
             *(f"{part(r, key):.4f}" for key in extra)]
            for label, r in labels.items()
        ]  # fmt: skip
        means = [interval(mean(r, key) for r in labels.values()) for key in AREAS]  # fmt: skip
        means += [interval(part(r, key) for r in labels.values()) for key in extra]
        table.append(["mean", *means])
        head = ["class", "this kit", *RIVALS]
        head += [f"its score: {key}" for key in extra]
        gaps = [
            mean(r, "auroc") - max(mean(r, f"auroc {k}") for k in RIVALS) for r in labels.values()
        ]
        seeds = len({row["seed"] for row in mine})
        precisions = ", ".join(format(mean(mine, f"ap {k}"), ".3f") for k in RIVALS)
        lines += [
            f"{name}: {len(labels)} classes, {seeds} seed(s); to beat {wanted[name]}. It leads "
            f"the best of the three rivals of each class by {interval(gaps)}, in "
            f"{sum(gap > 0 for gap in gaps)} of {len(gaps)} classes. "
            f"Fit {mean(mine, 'fit'):.0f} s, score {mean(mine, 'ms'):.2f} ms an image. "
            f"Average precision {mean(mine, 'ap'):.3f}, of the rivals "
            f"{precisions}.\n",
            store.markdown(head, table),
            _kept(mine),
            f"Parts alone: {parts_alone(mine)}.\n",
            chosen(mine),
        ]  # fmt: skip
    return lines


def _kept(rows: list[dict]) -> str:
    """Number of runs whose false alarms on the official test set lie in the interval of alpha."""
    inside = 0
    for row in rows:
        n = row["calibration"]
        low, high = false_alarms(int(row["alpha"] * (n + 1) + 1e-9), n, row["good"])
        inside += low <= row["alarms"] <= high
    rate = sum(row["alarms"] for row in rows) / sum(row["good"] for row in rows)
    found = sum(row["found"] for row in rows) / sum(row["bad"] for row in rows)
    return (
        f"At alpha {rows[0]['alpha']:g}: false alarms {rate:.2%} on the official test set, inside "
        f"the 95 % beta-binomial interval in {inside} of {len(rows)} fits; {found:.1%} of bad "
        "images found.\n"
    )


def _masks(rows: list[dict]) -> list[str]:
    head = ["images", "seeds", "AUROC", *RIVALS, "pixel AUROC", "of pca", "AUPRO 30 %", "of pca",
            "recall", "false alarms"]  # fmt: skip
    table = []
    for name, r in by(rows, "data").items():
        alarms = sum(x["alarms"] for x in r) / sum(x["good"] for x in r)
        table.append([
            name, str(len(r)), *(f"{mean(r, key):.4f}" for key in AREAS),
            *(f"{mean(r, key):.4f}" for key in PIXELS),
            f"{np.mean([x['recall']['value'] for x in r]):.1%}", f"{alarms:.1%}",
        ])  # fmt: skip
    parts = "; ".join(f"{name}: {parts_alone(r)}" for name, r in by(rows, "data").items())
    chosen_by = [f"{name}. {chosen(r)}" for name, r in by(rows, "data").items() if chosen(r)]
    return [store.markdown(head, table), f"AUROC of parts alone. {parts}.\n", *chosen_by]


def _contamination(rows: list[dict]) -> list[str]:
    head = ["bad among the good", "AUROC", *RIVALS, "false alarms at 5 %", "found"]
    table = [
        [f"{share} %", *(f"{mean(r, key):.4f}" for key in AREAS),
         f"{sum(x['alarms'] for x in r) / sum(x['good'] for x in r):.1%}",
         f"{sum(x['found'] for x in r) / sum(x['bad'] for x in r):.1%}"]
        for share, r in by(rows, "percent").items()
    ]  # fmt: skip
    return [store.markdown(head, table)]


def _speed(rows: list[dict]) -> list[str]:
    names, ways = list(rows[0]["ms"]), ("alone", "batch")

    def spent(name: str, way: str) -> float:
        return float(np.mean([np.median(row["ms"][name][way]) for row in rows]))

    def slower(name: str, way: str) -> str:
        ratio = spent(name, way) / spent(names[0], way)
        return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"

    head = ["method", "ms an image, alone", "times slower", "in batches", "times slower",
            *(f"AUROC, digit {r['label']}" for r in rows)]  # fmt: skip
    table = [
        [name,
         *(word for way in ways for word in (f"{spent(name, way):.3g}", slower(name, way))),
         *(f"{r['auroc'][name]:.4f}" for r in rows)]
        for name in names
    ]  # fmt: skip
    return [store.markdown(head, table)]


def _alarms(rows: list[dict]) -> list[str]:
    lines = []
    for alpha in sorted({x[0] for row in rows for x in row["rows"]}):
        mine = [x for row in rows for x in row["rows"] if x[0] == alpha]
        inside = sum(low <= count <= high for _, count, low, high in mine)
        rates = [count / 1000 for _, count, _, _ in mine]
        lines.append(
            f"alpha {alpha:g}: inside the 95 % beta-binomial interval ({mine[0][2]} to "
            f"{mine[0][3]} of 1,000) in {inside} of {len(mine)} splits; mean rate "
            f"{np.mean(rates):.4f}.\n"
        )
    return lines


def _patchcore(rows: list[dict]) -> list[str]:
    """Beside this kit's rows on the same images, where there are any."""
    head = ["images", "seeds", "AUROC", "AUPRO 30 %", "pixel AUROC", "places in the bank",
            "fit, CPU s", "an image, CPU ms"]  # fmt: skip
    table = [
        [name, str(len(r)),
         *(f"{mean(r, key):.4f}" for key in ("auroc", "aupro", "pixel auroc")),
         f"{mean(r, 'bank'):.0f}", f"{mean(r, 'fit'):.0f}", f"{mean(r, 'cpu ms'):.1f}"]
        for name, r in by(rows, "data").items()
    ]  # fmt: skip
    return [store.markdown(head, table)]


def _cost(rows: list[dict]) -> list[str]:
    ways = list(rows[0]["cpu ms"])
    head = ["images", "learnt from", "fit, CPU s", *(f"CPU ms an image, {way}" for way in ways),
            "LiteRT file, MB"]  # fmt: skip
    table = [
        [row["data"], str(row["learn"]), f"{row['fit']:.0f}",
         *(f"{row['cpu ms'][way]:.1f}" for way in ways), f"{row['litert MB']:.1f}"]
        for row in rows
    ]  # fmt: skip
    return [store.markdown(head, table)]


WRITERS = {
    "one-class": lambda rows: _classes(rows, BEAT),
    "leave-one-out": lambda rows: _classes(rows, LEFT_OUT),
    "tiles": _masks, "lighting": _masks, "textures": _masks, "patchcore": _patchcore,
    "cost": _cost, "contamination": _contamination, "speed": _speed, "alarms": _alarms,
}  # fmt: skip
