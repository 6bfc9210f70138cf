"""MODEL_CARD.md of a detector: the facts of its manifest as text."""

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
        ("look", "image", "parts: the logarithms that make up a score; maps"),
    ]  # fmt: skip
    origin = [
        ("good images for training", str(parts["learn"])),
        ("good images for scaling", str(parts["scale"])),
        ("good images for calibration", str(parts["calibrate"])),
        ("fingerprint of the images", facts["fingerprint"]),
        ("created", facts["created"]),
        ("versions", ", ".join(f"{name} {value}" for name, value in facts["versions"].items())),
    ]
    weights = [(name, f"{value:g}") for name, value in facts["weights"].items()]
    return Page(
        title=f"Defects detector, version {version}",
        verdict=f"At most {facts['alpha']:.1%} of good images are called defective.",
        tone="",
        reasons=[
            f"{parts['calibrate']} good images, which had no other use, calibrated it. The "
            "guarantee holds on average over calibrations, and for images like those: another "
            "lamp, lens or material needs another calibration."
        ],
        lines=[f"For images of {size}, cut into {facts['patches']} patch(es) of "
               f"{facts['patch']} px.", *_levels(facts.get("levels", "full"))],
        sections=[
            Section("Inputs and outputs", [
                Table(("signature", "input", "output"), takes, "lll", "SavedModel; the LiteRT file "
                      "has serving_default for one image")]),
            Section("Origin", [Table(("", ""), origin, "ll", "Data and versions")]),
            Section("Weights of the score", [Table(("part", "weight"), weights, "lr", "Parts")]),
            Section("Limits", [Items([
                "A high score means that an image is unusual, not that a part is unfit for use.",
                "The share of defects found is not guaranteed: ganvas defects report measures it.",
                "calibration.npz and baselines.npz contain good images: share the folder only "
                "with people who may see them.",
            ])]),
        ],
        footer="manifest.json holds these numbers, and the sha256 of every file.",
    ).markdown()  # fmt: skip


def _levels(levels: Any) -> list[str]:
    if levels == "full":
        return []
    low, high = levels
    return [
        f"Of images with more than 8 bits, {low:g} becomes 0 and {high:g} becomes 255: a client of "
        "a server must convert them in this way."
    ]
