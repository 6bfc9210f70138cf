"""Findings from the log of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from ..base.finite import finite
from ..errors import RunError
from ..images import inline
from ..storage.run import Run
from .failures import BAD, FAILURES, PATTERNS, Pattern
from .fixes import next_fix
from .progress import LOOK_BACK, Progress, progress_of

SEVERITIES = ("certain", "suspected")
SLOW = 0.25  # of the learning rate at the start: too little to expect progress
NOISE = 0.005  # of the distance of 128 images to 128 others

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """A failure that was found in a run.

    Attributes:
        failure: its name, one of `FAILURES`.
        severity: "certain" or "suspected".
        since_kimg: first kimg of its signs.
        evidence: median of each signal since then.
        fix: `KEY=VALUE` for --set, to apply together; empty if no fix is known.
    """

    failure: str
    severity: str
    since_kimg: float
    evidence: Mapping[str, float]
    fix: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "disease": self.failure,
            "severity": self.severity,
            "since_kimg": self.since_kimg,
            "evidence": {name: finite(value) for name, value in self.evidence.items()},
            "cure": list(self.fix),
        }


@dataclass(frozen=True)
class Diagnosis:
    """All findings of a run, and how far it is."""

    findings: tuple[Finding, ...]
    progress: Progress

    @property
    def healthy(self) -> bool | None:
        """Whether no finding is certain; None if none is, but it is too early to say."""
        if any(finding.severity == "certain" for finding in self.findings):
            return False
        return None if self.progress.too_early else True

    def to_dict(self) -> dict[str, Any]:
        """What `ganvas doctor --json` prints."""
        return {
            "healthy": self.healthy,
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def _repr_html_(self) -> str:
        """For a notebook."""
        state = {True: "healthy", False: "failing", None: "too early to say"}[self.healthy]
        facts = [
            (f"{one.failure} ({one.severity})",
             f"since {one.since_kimg:g} kimg" + f"; fix: {' '.join(one.fix)}" * bool(one.fix))
            for one in self.findings
        ]  # fmt: skip
        return inline.card(state, facts)


def examine(
    rows: Sequence[Row], report: Row | None = None, broken: Row | None = None
) -> list[Finding]:
    """Failures at the end of these rows: certain ones first, causes before effects.

    Args:
        rows: of log.jsonl.
        report: data.json of the checkup.
        broken: {"kimg": ...} of the step at which a number became NaN or infinite, if any.
    """
    ticks = signals_of(rows, report or {}, broken)
    found: dict[str, Finding] = {}
    for pattern in PATTERNS:
        finding = _matches(pattern, ticks)
        known = found.get(pattern.failure)
        if finding and (known is None or known.severity > finding.severity):
            found[pattern.failure] = finding
    order = list(FAILURES)
    return sorted(
        found.values(), key=lambda f: (SEVERITIES.index(f.severity), order.index(f.failure))
    )


def healthy(rows: Sequence[Row], report: Row | None = None) -> bool:
    """Whether the last tick is one to roll back to: fair images, and no sign of a pattern that
    could become certain."""
    ticks = signals_of(rows, report or {}, None)
    begun = (
        all(sign.holds(ticks[-1]) for sign in pattern.signs)
        for pattern in PATTERNS
        if pattern.severity == "certain" and pattern.failure != "bad_data"
    )
    return bool(ticks) and "distance" in ticks[-1] and not BAD.holds(ticks[-1]) and not any(begun)


def since_fix(rows: Sequence[Row]) -> list[Row]:
    """The rows after the last fix; earlier ones belong to another recipe."""
    fixes = [number for number, row in enumerate(rows) if "cure" in row]
    return list(rows[fixes[-1] + 1 :]) if fixes else list(rows)


def diagnose(run: Run) -> Diagnosis:
    """Findings of a run, with fixes for its recipe, and its progress. Raises: as `examine_run`."""
    findings, rows = examine_run(run), since_fix(run.rows())
    kimg = rows[-1]["kimg"] if rows else 0.0
    progress = progress_of(signals_of(rows, {}, None), kimg, run.config.train.kimg)
    return Diagnosis(tuple(findings), progress)


def examine_run(run: Run) -> list[Finding]:
    """Findings of a run, with fixes for its recipe.

    Raises: RunError: not a run, or it has no finished tick, or its log has no signals.
    """
    rows = since_fix(run.rows())
    broken = run.info.get("diverged")
    if not rows and not broken:
        raise RunError(f"{run.folder} has no finished tick yet: train it for one tick, then repeat")
    if rows and not any(name.startswith("signal/") for name in rows[-1]):
        raise RunError(
            f"{run.folder} was trained without signals (watch.signals = false, or an older "
            "version): set watch.signals = true and resume"
        )
    config = run.config
    findings = examine(rows, run.read_json("data.json"), broken)
    applied = [tuple(one["cure"]) for one in run.info.get("healed", ())]
    for number, finding in enumerate(findings):
        fix = next_fix(finding.failure, config, applied, anew=not run.healthy())
        findings[number] = replace(finding, fix=fix.settings if fix else ())
    return findings


def signals_of(rows: Sequence[Row], report: Row, broken: Row | None) -> list[dict[str, float]]:
    """The signals of the rows by their short names, and numbers derived from them:

    lite0/...: in frozen features; diversity in pixels is then left out, because of colour images
        it is low in healthy runs, too.
    gap: distance between the means of real and fake logits.
    stall: distance over that of three ticks ago, or of the first tick; 1 is no progress. Where
        the learning rate has decayed, what it would be at the full rate; absent below a quarter
        of it, and in the first tick.
    decline: distance over the least so far; of the latter at least 0.005, which is its noise.
    setback: the last score, Frechet distance or KID, over the best one so far.
    pace: change of the discriminator's weights over that of the generator's.
    rise: separation minus its minimum so far.
    surge: the discriminator's loss over its median so far.
    data/...: of the checkup, as shares of all images.
    finite: 0 if a number was NaN or infinite, else 1.
    """
    data = {}
    if report.get("used"):
        data = {"data/used": float(report["used"])}
        for name in ("duplicates", "constant"):
            data[f"data/{name}"] = report.get(name, 0) / report["used"]
    ticks: list[dict[str, float]] = []
    scores: list[float] = []
    for row in rows:
        tick = {name.removeprefix("signal/"): value for name, value in row.items()}
        if tick.get("generator") == 0 and tick.get("slope/generator") == 0:
            continue  # warm-up: the generator is not trained
        if "lite0/diversity" in tick:
            tick.pop("diversity", None)
        tick |= {**data, "finite": 1.0}
        if "real" in row and "fake" in row:
            tick["gap"] = abs(row["real"] - row["fake"])
        if "distance" in tick:
            if ticks and (rate := tick.get("rate", 1.0)) >= SLOW:
                past = ticks[-LOOK_BACK:][0]["distance"]
                tick["stall"] = (max(tick["distance"], 0) / max(past, 1e-3)) ** (1 / rate)
            least = min(t["distance"] for t in (*ticks, tick))
            tick["decline"] = tick["distance"] / max(least, NOISE)
            tick["rise"] = tick["separation"] - min(t["separation"] for t in (*ticks, tick))
        scores += [row[name] for name in ("score/frechet", "score/kid") if name in row][:1]
        if scores:
            tick["setback"] = scores[-1] / max(min(scores), NOISE)
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
    """The finding, if the pattern holds in the last ticks."""
    length = 0
    while length < len(ticks) and all(s.holds(ticks[-1 - length]) for s in pattern.signs):
        length += 1
    if length < pattern.ticks:
        return None
    since = ticks[-length:]
    evidence = {s.signal: round(median(t[s.signal] for t in since), 4) for s in pattern.signs}
    return Finding(pattern.failure, pattern.severity, round(since[0]["kimg"], 3), evidence)
