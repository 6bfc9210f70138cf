"""A patient's sheet: pulse, findings, cures, for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .diagnosis import Finding, Row
from .diseases import DISEASES

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
PULSE = {  # name in the log: what it tells
    "discriminator": "its loss",
    "generator": "its loss",
    "signal/separation": "how often real is ranked above fake; 0.5 is even",
    "signal/distance": "from the real images, in pixels; 0 is alike",
    "signal/diversity": "of the images; as real is 1",
    "signal/coverage": "of the real images",
    "signal/drift": "of the same noise's images from tick to tick",
    "signal/memory": "0.5: training images are nothing special to the discriminator",
    "images_per_second": "",
}


def sheet(
    name: str, rows: Sequence[Row], findings: Sequence[Finding], healed: Sequence[Row] = ()
) -> str:
    """The sheet of a run, as text. `healed`: the cures it took, of run.json."""
    kimg = rows[-1]["kimg"] if rows else 0
    lines = [f"{name}: {verdict(findings)} (at {kimg:g} kimg)", ""]
    lines += pulse(rows)
    for finding in findings:
        lines += ["", *paragraph(finding)]
    if healed:
        lines += ["", "cures taken:"]
    for one in healed:
        lines.append(f"  at {one['kimg']:g} kimg, of {one['disease']}: {' '.join(one['cure'])}")
    return "\n".join(lines)


def verdict(findings: Sequence[Finding]) -> str:
    """In a word or two."""
    if not findings:
        return "healthy"
    words = [f"{f.disease} ({f.severity})" for f in findings]
    return ("sick: " if sick(findings) else "healthy so far, to be watched: ") + ", ".join(words)


def sick(findings: Sequence[Finding]) -> bool:
    """Whether any finding is certain."""
    return any(finding.severity == "certain" for finding in findings)


def paragraph(finding: Finding) -> list[str]:
    """A finding in full: evidence, and the cure ready to paste."""
    disease = DISEASES[finding.disease]
    evidence = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
    lines = [
        f"{finding.disease} ({finding.severity}), since {finding.since_kimg:g} kimg",
        f"  {disease.says} ({disease.source})",
        f"  evidence: {evidence}",
    ]
    if finding.cure:
        words = " ".join(f"--set '{word}'" for word in finding.cure)
        lines.append(f"  cure: {words}")
    else:
        lines.append("  cure: none is known for this recipe")
    return lines


def pulse(rows: Sequence[Row]) -> list[str]:
    """A line for each signal: its curve, where it is now, what it tells."""
    lines = []
    for name, tells in PULSE.items():
        values = [row[name] for row in rows if name in row]
        if values:
            short = name.removeprefix("signal/").replace("_", " ")
            lines.append(f"{short:18s} {sparkline(values):{WIDTH}s} {values[-1]:9.3g}  {tells}")
    return [line.rstrip() for line in lines]


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """A curve of at most `width` characters, from its lowest to its highest value."""
    count = min(width, len(values))
    picked = [values[i * len(values) // count] for i in range(count - 1)] + [values[-1]]
    low, high = min(picked), max(picked)
    steps = len(BARS) - 1
    return "".join(BARS[round(steps * (v - low) / ((high - low) or 1))] for v in picked)


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """What `ganvas doctor --json` prints."""
    return {"healthy": not sick(findings), "findings": [f.to_dict() for f in findings]}
