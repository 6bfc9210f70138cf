"""The state of a run as text: signals, findings, fixes; for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.printing import on_one_line
from .diagnosis import Diagnosis, Finding, Row
from .failures import FAILURES
from .progress import LOOK_BACK, Progress

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
SIGNALS = {  # name in the log: meaning
    "discriminator": "its loss",
    "generator": "its loss",
    "signal/separation": "how often real is ranked above fake; 0.5 is chance",
    "signal/lite0/distance": "to the real images, in frozen features; 0 is equal",
    "signal/distance": "to the real images, in pixels; 0 is equal",
    "signal/lite0/diversity": "of the images, in frozen features; 1 is as real images",
    "signal/diversity": "of the images, in pixels; 1 is as real images",
    "signal/coverage": "of the real images, in pixels",
    "signal/drift": "change of the images of the same noise between ticks",
    "signal/penalty_share": "of R1 and R2 in the limit of the logits; 1 is all of it",
    "signal/memory": "0.5: the discriminator has not memorised training images",
    "images_per_second": "",
}


def health_report(
    name: str, rows: Sequence[Row], diagnosis: Diagnosis, healed: Sequence[Row] = ()
) -> str:
    """Verdict, progress, signals, findings and applied fixes of a run.

    Args:
        healed: the fixes that were applied, from run.json.
    """
    lines = [f"{name}: {verdict(diagnosis)}, {reached(diagnosis.progress)}"]
    if sentence := improvement(diagnosis.progress):
        lines.append(sentence)
    lines += ["", *signal_lines(rows)]
    for finding in diagnosis.findings:
        lines += ["", *paragraph(finding)]
    if healed:
        lines += ["", "fixes applied:"]
    for one in healed:
        lines.append(f"  at {one['kimg']:g} kimg, for {one['disease']}: {' '.join(one['cure'])}")
    return "\n".join(on_one_line(line) for line in lines)


def verdict(diagnosis: Diagnosis) -> str:
    """One line: healthy, too early to say, or the failures."""
    state = "too early to say" if diagnosis.healthy is None else "healthy"
    if not diagnosis.findings:
        return state
    named = [f"{f.failure} ({f.severity})" for f in diagnosis.findings]
    if diagnosis.healthy:
        state += " so far"
    return ("failing: " if diagnosis.healthy is False else f"{state}, but: ") + ", ".join(named)


def reached(progress: Progress) -> str:
    """How far the run is: of the images that its recipe takes."""
    where = f"at {progress.kimg:g} of {progress.planned_kimg:g} kimg"
    if progress.too_early:
        where += f" ({progress.ticks} of the {LOOK_BACK} ticks that are needed)"
    return where


def improvement(progress: Progress) -> str:
    """Sentences on the distance to real images; empty while it is too early to say."""
    if progress.too_early or progress.distance is None:
        return ""
    where = "frozen features" if progress.features == "lite0" else "pixels"
    far = ", which is far" if progress.far else ""
    said = (
        f"The distance to the real images in {where} is {progress.distance:.2g}{far}; 0 is equal."
    )
    if progress.falling is None:
        return said
    return said + (" It still falls." if progress.falling else " It no longer falls.")


def paragraph(finding: Finding) -> list[str]:
    """A finding with its evidence and its fix."""
    failure = FAILURES[finding.failure]
    evidence = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
    lines = [
        f"{finding.failure} ({finding.severity}), since {finding.since_kimg:g} kimg",
        f"  {failure.meaning} ({failure.source})",
        f"  evidence: {evidence}",
    ]
    if finding.fix:
        options = " ".join(f"--set {_quoted(setting)}" for setting in finding.fix)
        lines.append(f"  fix: {options}")
    else:
        lines.append("  fix: none is known for this recipe")
    return lines


def _quoted(setting: str) -> str:
    """One word for a shell, whatever it holds: the fix is ready to paste."""
    return "'" + setting.replace("'", "'\"'\"'") + "'"


def signal_lines(rows: Sequence[Row]) -> list[str]:
    """A line for each signal: curve, last value, meaning."""
    lines = []
    for name, meaning in SIGNALS.items():
        values = [row[name] for row in rows if name in row]
        if values:
            short = name.removeprefix("signal/").replace("_", " ").replace("/", " ")
            lines.append(f"{short:18s} {sparkline(values):{WIDTH}s} {values[-1]:9.3g}  {meaning}")
    return [line.rstrip() for line in lines]


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """A curve of at most `width` characters, from its lowest to its highest value."""
    count = min(width, len(values))
    picked = [values[i * len(values) // count] for i in range(count - 1)] + [values[-1]]
    low, high = min(picked), max(picked)
    steps = len(BARS) - 1
    return "".join(BARS[round(steps * (v - low) / ((high - low) or 1))] for v in picked)
