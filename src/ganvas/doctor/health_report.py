"""The state of a run as text: signals, findings, fixes; for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.printing import on_one_line
from .diagnosis import Finding, Row
from .failures import FAILURES

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
SIGNALS = {  # name in the log: meaning
    "discriminator": "its loss",
    "generator": "its loss",
    "signal/separation": "how often real is ranked above fake; 0.5 is chance",
    "signal/distance": "to the real images, in pixels; 0 is equal",
    "signal/diversity": "of the images; 1 is as real images",
    "signal/coverage": "of the real images",
    "signal/drift": "change of the images of the same noise between ticks",
    "signal/penalty_share": "of R1 and R2 in the limit of the logits; 1 is all of it",
    "signal/memory": "0.5: the discriminator has not memorised training images",
    "images_per_second": "",
}


def health_report(
    name: str, rows: Sequence[Row], findings: Sequence[Finding], healed: Sequence[Row] = ()
) -> str:
    """Verdict, signals, findings and applied fixes of a run.

    Args:
        healed: the fixes that were applied, from run.json.
    """
    kimg = rows[-1]["kimg"] if rows else 0
    lines = [f"{name}: {verdict(findings)} (at {kimg:g} kimg)", ""]
    lines += signal_lines(rows)
    for finding in findings:
        lines += ["", *paragraph(finding)]
    if healed:
        lines += ["", "fixes applied:"]
    for one in healed:
        lines.append(f"  at {one['kimg']:g} kimg, for {one['disease']}: {' '.join(one['cure'])}")
    return "\n".join(on_one_line(line) for line in lines)


def verdict(findings: Sequence[Finding]) -> str:
    """One line: healthy, or the failures."""
    if not findings:
        return "healthy"
    named = [f"{f.failure} ({f.severity})" for f in findings]
    return ("failing: " if failing(findings) else "healthy so far, but: ") + ", ".join(named)


def failing(findings: Sequence[Finding]) -> bool:
    """Whether any finding is certain."""
    return any(finding.severity == "certain" for finding in findings)


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
            short = name.removeprefix("signal/").replace("_", " ")
            lines.append(f"{short:18s} {sparkline(values):{WIDTH}s} {values[-1]:9.3g}  {meaning}")
    return [line.rstrip() for line in lines]


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """A curve of at most `width` characters, from its lowest to its highest value."""
    count = min(width, len(values))
    picked = [values[i * len(values) // count] for i in range(count - 1)] + [values[-1]]
    low, high = min(picked), max(picked)
    steps = len(BARS) - 1
    return "".join(BARS[round(steps * (v - low) / ((high - low) or 1))] for v in picked)
