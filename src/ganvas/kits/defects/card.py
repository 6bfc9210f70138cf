"""MODEL_CARD.md of a detector: the facts of its manifest as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...reports.language import Name
from ...reports.page import Block, Items, Page, Section, Table, Text
from .findable import Findable, kind_text, size_text
from .parts import PARTS
from .promise import Promise


def card(facts: Mapping[str, Any], version: str) -> str:
    """As Markdown."""
    height, width, channels = facts["shape"]
    parts = facts["parts"]
    size = f"{height}×{width} px, {channels} channel(s)"
    takes = [
        ("serving_default", f"image uint8 [N, {height}, {width}, {channels}]",
         f"score, p_value float32 [N], defective bool [N], heatmap float32 [N, {height}, {width}]"),
        ("verdict", "image", "the same without the heat-map"),
        ("look", "image", "parts float32 [N, parts]: logarithms, also of those not in use"),
        ("places", "image", "all but parts, and places float32 [N, P, D]: what teach learns from"),
    ]  # fmt: skip
    origin = [
        ("good images to learn from", str(parts["learn"])),
        ("good images to scale and choose parts", str(parts["scale"])),
        ("good images for calibration", str(parts["calibrate"])),
        ("fingerprint of the images", facts["fingerprint"]),
        ("created", facts["created"]),
        ("versions", ", ".join(f"{name} {value}" for name, value in facts["versions"].items())),
    ]
    promise = Promise.of(facts)
    return Page(
        title=f"Defects detector, version {version}",
        verdict=promise.sentence(facts["alpha"]),
        tone="",
        reasons=[
            f"{parts['calibrate']} good images{_use(promise)} calibrated it. The guarantee holds "
            "on average over calibrations, and for images like those: another lamp, lens or "
            "material needs another calibration (ganvas defects calibrate).",
            *_taught(facts),
        ],
        lines=[f"For images of {size}. A frozen network sees them at {facts['detail']} px. "
               f"{'A GAN was trained on' if facts['noise_size'] else 'No GAN was trained;'} "
               f"patches of {facts['patch']} px, {facts['patches']} an image.",
               *_levels(facts.get("levels", "full")), *_area(facts)],
        sections=[
            Section("Inputs and outputs", [
                Table(("signature", "input", "output"), takes, "lll", "SavedModel; the LiteRT file "
                      "has serving_default for one image")]),
            Section("Origin", [Table(("", ""), origin, "ll", "Data and versions")]),
            Section("Parts of the score", _parts(facts)),
            *_findable(facts.get("findable")),
            Section("Limits", [Items([
                "A high score means that an image is unusual, not that a part is unfit for use.",
                "Planted defects order the parts. The AUROC on real defects is another one.",
                "The share of defects found is not guaranteed: ganvas defects report measures it.",
                "calibration.npz and baselines.npz contain good images: share the folder only "
                "with people who may see them.",
            ])]),
        ],
        footer="manifest.json holds these numbers, and the sha256 of every file.",
    ).markdown()  # fmt: skip


def _use(promise: Promise) -> str:
    return "" if promise.method == "cross" else ", which had no other use,"


def _taught(facts: Mapping[str, Any]) -> list[str]:
    """What bad images taught it, in a sentence; none."""
    taught = facts.get("taught")
    return [taught["sentence"]] if taught else []


def _parts(facts: Mapping[str, Any]) -> list[Block]:
    choice = facts.get("choice")
    if choice is None:
        rows = [(Name(name), PARTS[name]) for name in facts["weights"]]
        return [
            Text("With so few images no part was chosen."),
            Table(("part", "measures"), rows, "ll", "Parts"),
        ]
    weights = [
        (Name(name), PARTS[name], "yes" if value else "", f"{choice['alone'][name]:.3f}")
        for name, value in facts["weights"].items()
    ]
    kinds = [(kind, f"{value:.3f}") for kind, value in choice["kinds"].items()]
    header = ("part", "measures", "in use", "AUROC, planted defects")
    return [
        Text(chosen_by(choice)),
        Table(header, weights, "lllr", "Parts"),
        Table(("planted defect", "AUROC of the score"), kinds, "lr", "Kinds"),
    ]


def _findable(facts: Mapping[str, Any] | None) -> list[Section]:
    if facts is None:
        return []
    found = Findable.from_dict(facts)
    rows = [(kind_text(row, found.grey), *size_text(row, found)) for row in found.rows]
    return [Section("What can be found", [
        Text(f"At alpha {found.alpha:g}, by defects of {found.smallest:g} to {found.largest:g} px "
             f"planted into {found.good} good images. The upper end of an interval is a90/95 "
             "(MIL-HDBK-1823A). Real defects may be easier or harder to see."),
        Table(("planted defect", "9 of 10 are found from", "interval"), rows, "lrr",
              "Side of the defect's box")])]  # fmt: skip


def chosen_by(choice: Mapping[str, Any]) -> str:
    """How the parts of a score were chosen, in a sentence."""
    steps = zip(choice["parts"], choice["steps"], strict=True)
    taken = ", ".join(f"{name} ({value:.3f})" for name, value in steps)
    fixed = choice.get("given", 0)  # of older models: none
    how = f"The first {fixed} always score small images; others" if fixed else "The parts"
    return (
        f"{how} were chosen without labels, by {choice['planted']} defects planted into "
        f"{choice['good']} good images that nothing was learnt from. Taken in this order, with the "
        f"AUROC on planted defects so far: {taken}."
    )


def _area(facts: Mapping[str, Any]) -> list[str]:
    """The region of interest, and how large images are cut."""
    lines = []
    if "roi" in facts:
        lines.append(f"Only a region of interest is inspected, {facts['roi']:.0%} of the pixels.")
    if "tile" in facts:
        height, width, _ = facts["tile"]["image"]
        lines.append(f"These are the tiles of images of {height}×{width} px, "
                     f"{facts['tile']['tiles']} an image. The p-value of a tile is that of an "
                     "image whose most unusual tile it is.")  # fmt: skip
    return lines


def _levels(levels: Any) -> list[str]:
    if levels == "full":
        return []
    low, high = levels
    return [
        f"Of images with more than 8 bits, {low:g} becomes 0 and {high:g} becomes 255: a client of "
        "a server must convert them in this way."
    ]
