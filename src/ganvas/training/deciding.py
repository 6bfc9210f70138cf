"""Which recipe suits a folder of images on this machine, and why. Needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PATIENCE = 20.0
"""Minutes that a run may take if none are given."""
MANY = 2000
"""Images that a size above 64 px needs."""
FEW, SOME = 200, 1000
SMALL = 64
CORE_MS = {128: 20.0}
"""CPU milliseconds of an image at 128 px, on one core, with the pretrained pairs' widths."""
KIMG = {128: 150.0, 256: 300.0}
"""Length from a pretrained pair."""
ENOUGH = 0.5
"""Share of that length that a given number of minutes must allow."""
PAIR = {"networks.width": 32, "networks.discriminator_width": 32}
"""Widths of the pretrained pairs at the finest map: with others, their layers do not fit."""

LENGTH = ("train.kimg", "train.tick_kimg")
TICKS = 25


@dataclass(frozen=True)
class Machine:
    """Where the run is trained, and for how long: None if no minutes are given."""

    cores: int
    gpu: bool
    minutes: float | None = None


@dataclass(frozen=True)
class Folder:
    """What is known of the images when their headers are read.

    Attributes:
        count: with those that are held out.
        shape: (height, width, channels) as they are trained on.
        native: the most common (height, width) of the files.
        classes: number of classes; 0 without labels.
    """

    count: int
    shape: tuple[int, int, int]
    native: tuple[int, int]
    classes: int = 0


@dataclass(frozen=True)
class Choice:
    """A recipe, what is changed in it, and the reason in words."""

    recipe: str
    why: str
    values: dict[str, Any] = field(default_factory=dict)


def largest_side(machine: Machine) -> int:
    """The largest side in pixels that this machine trains well in the given time."""
    if machine.gpu:
        return 256
    given, needed = machine.minutes, _minutes(128, machine.cores)
    return 128 if needed <= (PATIENCE if given is None else given / ENOUGH) else SMALL


def decide(folder: Folder, machine: Machine) -> Choice:
    """The recipe for a folder: `finetune` up to 64 px, `colour128` or `colour256` above.

    The size of the images is settled before, by `largest_side`, unless it is given: then also more
    than 128 px take `colour128` on a CPU.
    """
    height, width, channels = folder.shape
    side = max(height, width)
    colours = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGBA"}[channels]
    classes = f" in {folder.classes:,} classes" if folder.classes else ""
    what = f"{folder.count:,} {colours} images{classes} at {width}x{height}"
    where = "a GPU" if machine.gpu else f"{machine.cores} core{'s' * (machine.cores != 1)}"
    if side <= SMALL:
        why = f"{what}, {where}{_larger(folder, machine)}"
        return Choice("finetune", why, _length(_kimg(folder.count)))
    large = 256 if side > 128 and machine.gpu else 128
    values = {**PAIR, "data.channels": channels, "data.size": (height, width)}
    return Choice(f"colour{large}", f"{what}, {where}", values | _length(KIMG[large]))


def _kimg(count: int) -> float:
    """Length from a pretrained pair up to 64 px: few images are soon memorised."""
    return 40.0 if count < FEW else 60.0 if count < SOME else 100.0


def _length(kimg: float) -> dict[str, Any]:
    return dict(zip(LENGTH, (kimg, kimg / TICKS), strict=True))


def _minutes(side: int, cores: int) -> float:
    """What a size above 64 px takes on a CPU, from a pretrained pair."""
    return KIMG[side] * CORE_MS[side] / 60 / cores


def _larger(folder: Folder, machine: Machine) -> str:
    """Why images that are larger are made smaller; empty if they are not."""
    if min(folder.native) < 128 or max(folder.shape[:2]) < SMALL:
        return ""
    if folder.count < MANY:
        return f"; 128 px needs {MANY:,} images"
    least = round(ENOUGH * _minutes(128, machine.cores) + 0.5)
    return f"; 128 px needs --minutes {least} or more"
