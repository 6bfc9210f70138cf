"""From a run's log to findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from ..errors import RunError
from ..storage.run import Run
from .cures import next_cure
from .diseases import BAD, DISEASES, PATTERNS, Pattern

SEVERITIES = ("certain", "suspected")
LOOK_BACK = 3  # ticks over which a run should have got better

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a run suffers from.

    Attributes:
        severity: "certain" or "suspected".
        since_kimg: when its signs began.
        evidence: the numbers that say so: medians since then.
        cure: `KEY=VALUE` words for --set, to take together; empty: nothing is known to help.
    """

    disease: str
    severity: str
    since_kimg: float
    evidence: dict[str, float]
    cure: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "cure": list(self.cure)}


def examine(
    rows: Sequence[Row], report: Row | None = None, broken: Row | None = None
) -> list[Finding]:
    """What is wrong at the end of these rows, the surest first, causes before effects.

    Args:
        rows: of log.jsonl.
        report: data.json, what the checkup found.
        broken: {"kimg": ...} of the step at which a number was no longer finite, if one was.
    """
    ticks = drawn(rows, report or {}, broken)
    found: dict[str, Finding] = {}
    for pattern in PATTERNS:
        finding = _matches(pattern, ticks)
        known = found.get(pattern.disease)
        if finding and (known is None or known.severity > finding.severity):
            found[pattern.disease] = finding
    order = list(DISEASES)
    return sorted(
        found.values(), key=lambda f: (SEVERITIES.index(f.severity), order.index(f.disease))
    )


def well(rows: Sequence[Row], report: Row | None = None) -> bool:
    """Whether the last tick is one to go back to: fair images, and no pattern that would be
    certain in time has even begun."""
    ticks = drawn(rows, report or {}, None)
    begun = (
        all(sign.holds(ticks[-1]) for sign in pattern.signs)
        for pattern in PATTERNS
        if pattern.severity == "certain" and pattern.disease != "bad_data"
    )
    return bool(ticks) and "distance" in ticks[-1] and not BAD.holds(ticks[-1]) and not any(begun)


def since_cure(rows: Sequence[Row]) -> list[Row]:
    """The rows after the last cure: what came before was another game."""
    cures = [number for number, row in enumerate(rows) if "cure" in row]
    return list(rows[cures[-1] + 1 :]) if cures else list(rows)


def examine_run(run: Run) -> list[Finding]:
    """What a run suffers from, with cures for its recipe.

    Raises: RunError: no run, or one that has not finished a tick, or whose log has no signals.
    """
    rows = since_cure(run.rows())
    broken = run.info.get("diverged")
    if not rows and not broken:
        raise RunError(
            f"{run.folder} has no tick in its log yet: let it train for one, then ask again"
        )
    if rows and not any(name.startswith("signal/") for name in rows[-1]):
        raise RunError(
            f"{run.folder} was trained without signals (watch.signals = false, or by an older "
            "version): set it and train on"
        )
    config = run.config
    findings = examine(rows, run.read_json("data.json"), broken)
    taken = [tuple(one["cure"]) for one in run.info.get("healed", ())]
    for number, finding in enumerate(findings):
        cure = next_cure(finding.disease, config, taken, anew=not run.healthy())
        findings[number] = replace(finding, cure=cure.words if cure else ())
    return findings


def drawn(rows: Sequence[Row], report: Row, broken: Row | None) -> list[dict[str, float]]:
    """The rows' signals by their short names, and what follows from them:

    gap: between the means of real and fake logits.
    stall: distance over what it was three ticks ago, or at first; 1 is no progress.
    pace: how fast the discriminator's weights move, over the generator's.
    rise: how far separation is above the lowest it has been.
    surge: the discriminator's loss over its median so far.
    data/...: of the checkup, shares of all images.
    finite: 0 when a number was not.
    """
    data = {}
    if report.get("used"):
        data = {"data/used": float(report["used"])}
        for name in ("duplicates", "constant"):
            data[f"data/{name}"] = report.get(name, 0) / report["used"]
    ticks: list[dict[str, float]] = []
    for row in rows:
        tick = {name.removeprefix("signal/"): value for name, value in row.items()}
        if tick.get("generator") == 0 and tick.get("slope/generator") == 0:
            continue  # warm-up: the generator has not played
        tick |= {**data, "finite": 1.0}
        if "real" in row and "fake" in row:
            tick["gap"] = abs(row["real"] - row["fake"])
        if "distance" in tick:
            past = [*ticks[-LOOK_BACK:], tick][0]["distance"]
            tick["stall"] = max(tick["distance"], 0) / max(past, 1e-3)
            tick["rise"] = tick["separation"] - min(t["separation"] for t in (*ticks, tick))
        if "discriminator" in tick and len(ticks) >= LOOK_BACK:
            usual = median(abs(t["discriminator"]) for t in ticks)
            tick["surge"] = abs(tick["discriminator"]) / max(usual, 0.1)
        if tick.get("step/generator"):
            tick["pace"] = tick["step/discriminator"] / tick["step/generator"]
        ticks.append(tick)
    if broken:
        ticks.append({**data, "kimg": broken["kimg"], "finite": 0.0})
    elif not ticks and data:
        ticks.append({**data, "kimg": 0.0})
    return ticks


def _matches(pattern: Pattern, ticks: list[dict[str, float]]) -> Finding | None:
    """The finding, where the pattern holds in the last ticks."""
    length = 0
    while length < len(ticks) and all(s.holds(ticks[-1 - length]) for s in pattern.signs):
        length += 1
    if length < pattern.ticks:
        return None
    since = ticks[-length:]
    evidence = {s.signal: round(median(t[s.signal] for t in since), 4) for s in pattern.signs}
    return Finding(pattern.disease, pattern.severity, round(since[0]["kimg"], 3), evidence)
