"""MODEL_CARD.md of a detector: the facts of its manifest in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...reports.page import Items, Page, Section, Table


def card(facts: Mapping[str, Any], version: str) -> str:
    """As Markdown."""
    height, width, channels = facts["shape"]
    parts = facts["parts"]
    size = f"{height}×{width} px, {channels} channel(s)"
    takes = [
        ("serving_default", f"image uint8 [N, {height}, {width}, {channels}]",
         f"score, p_value float32 [N], defective bool [N], heatmap float32 [N, {height}, {width}]"),
        ("verdict", "image", "the same without the heat-map, in two thirds of the time"),
        ("look", "image", "parts, the logarithms that a score is made of; maps"),
    ]  # fmt: skip
    origin = [
        ("good images that learnt", str(parts["learn"])),
        ("that scale", str(parts["scale"])),
        ("that calibrate", str(parts["calibrate"])),
        ("their fingerprint", facts["fingerprint"]),
        ("created", facts["created"]),
        ("versions", ", ".join(f"{name} {value}" for name, value in facts["versions"].items())),
    ]
    weights = [(name, f"{value:g}") for name, value in facts["weights"].items()]
    return Page(
        title=f"Defects detector, version {version}",
        verdict=f"It promises to call at most {facts['alpha']:.1%} of good images defective.",
        tone="",
        reasons=[
            f"By {parts['calibrate']} good images that nothing else was taken from. The promise "
            "holds on average over calibrations, and for images as those were: another lamp, lens "
            "or material takes another calibration."
        ],
        lines=[f"For images of {size}, cut into {facts['patches']} patch(es) of "
               f"{facts['patch']} px."],
        sections=[
            Section("What it takes and gives", [
                Table(("signature", "takes", "gives"), takes, "lll", "SavedModel; the LiteRT file "
                      "has serving_default for one image")]),
            Section("Origin", [Table(("", ""), origin, "ll", "Where it comes from")]),
            Section("What a score weighs", [Table(("part", "weight"), weights, "lr", "Parts")]),
            Section("Limits", [Items([
                "It says that an image is unusual, not that a part is unfit for use.",
                "It promises nothing of how many defects it finds: ganvas defects report counts.",
                "calibration.npz and baselines.npz hold good images, and go where the folder goes.",
            ])]),
        ],
        footer="manifest.json holds these numbers, and the sha256 of every file.",
    ).markdown()  # fmt: skip
