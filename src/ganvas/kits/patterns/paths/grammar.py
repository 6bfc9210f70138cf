"""A grammar of marks: what a set of drawings is like, and new marks that are like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from . import layouts
from .outline import Shape, box_of, drawn, placed
from .parts import SIDE, Anatomy, Part, symmetry_of, thickness

MARGIN = 0.04
"""Least distance of a mark from the border, as a share of the view; nothing is cut."""
INSIDE = 0.56
"""Side of what a frame holds, as a share of the frame."""
MISSES = 500  # composed marks in succession, of which none fits
RATIO = 1.8
"""Parts that are laid together differ in thickness by this factor at most."""
_UNTURNED = {"row": 0.4, "grid": 0.2, "nested": 0.2, "mirror": 0.2}
"""Layouts of marks whose source has no symmetry."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A composed mark.

    Attributes:
        shapes: in the unit square.
        layout: such as "turn 3" or "row in a frame".
        picture: ink, uint8 [64, 64].
        sources: places of the drawings whose parts it has.
    """

    shapes: tuple[Shape, ...]
    layout: str
    picture: np.ndarray
    sources: tuple[int, ...]


class Grammar:
    """The statistics of a set of drawings.

    Attributes:
        parts: all that may be used.
        symmetries: number of drawings of each symmetry.
        framed: share of the drawings that have a frame, and of these the share of hollow ones.
        frames: their contours.
        ink, thick: 5th and 95th percentile, shares of the view.
        stroke: median width of lines; 0 where most drawings are filled.
        longer: median longer side, as a share of the view.
        slender: 10th percentile of the shorter side of a drawing over its longer one.
    """

    def __init__(self, found: Sequence[Anatomy]):
        self.parts = [part for one in found for part in one.parts]
        self.symmetries = Counter(one.symmetry for one in found)
        framed = [one for one in found if one.frame is not None]
        self.framed = len(framed) / max(1, len(found))
        self.hollow = float(np.mean([one.hollow for one in framed])) if framed else 0.0
        self.frames = [one.frame for one in framed if one.frame is not None]
        self.ink = _spread([one.ink for one in found])
        self.thick = _spread([one.thick for one in found])
        strokes = [one.stroke for one in found]
        self.stroke = float(np.median(strokes)) if np.mean(np.array(strokes) > 0) > 0.5 else 0.0
        self.longer = float(np.median([one.longer for one in found]))
        self.slender = float(np.percentile([one.slender for one in found], 10))
        if self.stroke:
            self.parts = [part for part in self.parts if part.shape.stroke]
        else:
            self.parts = [part for part in self.parts if not part.shape.stroke]

    def facts(self) -> list[tuple[str, str]]:
        """What the set is like, for a table."""
        total = sum(self.symmetries.values())
        rows = [
            (f"symmetry: {name}", f"{count / total:.0%}")
            for name, count in self.symmetries.most_common()
        ]
        low, high = self.ink
        thin, thick = self.thick
        return [
            *rows,
            ("in a frame", f"{self.framed:.0%}"),
            ("ink (5 % to 95 % of the drawings)", f"{low:.2f} to {high:.2f}"),
            ("thickness, as a share of the view", f"{thin:.2f} to {thick:.2f}"),
            ("width of lines", f"{self.stroke:.3f}" if self.stroke else "filled"),
            ("parts that can be used", f"{len(self.parts):,}"),
        ]

    def marks(self, seed: int = 0) -> Iterator[Mark]:
        """New marks; the same seed gives the same ones. They end where `MISSES` in succession do
        not fit the set."""
        rng = np.random.Generator(np.random.Philox([seed, 21]))
        names = list(self.symmetries)
        shares = np.array([self.symmetries[name] for name in names], float)
        misses = 0
        while misses < MISSES:
            symmetry = str(rng.choice(names, p=shares / shares.sum()))
            mark = self._mark(symmetry, rng)
            misses += 1
            if mark is not None:
                misses = 0
                yield mark

    def _mark(self, symmetry: str, rng: np.random.Generator) -> Mark | None:
        """One of a symmetry; None if it is too full, too thin, or not what was meant."""
        choice = layouts.Choice(rng, self._alike(rng))
        framed = bool(self.frames) and rng.random() < self.framed
        name = symmetry
        if symmetry == "none":
            if framed and rng.random() < 0.5:
                name = "part"
            else:
                kinds = list(_UNTURNED)
                name = str(rng.choice(kinds, p=list(_UNTURNED.values())))
        laid = _laid(name, choice)
        if self.stroke:
            laid = [Shape(s.contours, s.rule, self.stroke) for s in laid]
        if _overlap(laid):
            return None
        if framed:
            laid, name = self._in_a_frame(laid, rng), f"{name} in a frame"
        margin = max(MARGIN, (1 - self.longer) / 2)
        shapes = tuple(layouts.filling(laid, margin))
        picture = drawn(shapes, SIDE)
        if not self._fits(picture, symmetry, framed) or slender(shapes) < self.slender:
            return None
        return Mark(shapes, name, picture, tuple(sorted(choice.taken)))

    def _alike(self, rng: np.random.Generator) -> list[Part]:
        """Parts of about one thickness."""
        goal = self.parts[int(rng.integers(len(self.parts)))].thick
        return [p for p in self.parts if goal / RATIO <= p.thick <= goal * RATIO]

    def _in_a_frame(self, laid: layouts.Laid, rng: np.random.Generator) -> layouts.Laid:
        """A frame around what is laid: filled, with holes, or a line."""
        frame = self.frames[int(rng.integers(len(self.frames)))]
        held = layouts.filling(laid, (1 - INSIDE) / 2)
        if self.stroke:
            return [Shape((frame,), "evenodd", self.stroke), *held]
        if rng.random() < self.hollow:
            width = float(rng.choice([0.05, 0.07, 0.09]))
            inner = frame.moved(placed((width, width), 1 - 2 * width))
            return [Shape((frame, inner)), *held]
        return [Shape((frame, *(line for shape in held for line in shape.contours)))]

    def _fits(self, picture: np.ndarray, symmetry: str, framed: bool) -> bool:
        """Whether a picture has the ink and the thickness of most drawings, and the symmetry that
        was meant."""
        ink, thick = picture.mean() / 255, thickness(picture)
        if not (self.ink[0] <= ink <= self.ink[1] and self.thick[0] <= thick <= self.thick[1]):
            return False
        return symmetry in ("none", "mirror") or framed or symmetry_of(picture) != "none"


def _laid(name: str, choice: layouts.Choice) -> layouts.Laid:
    if name.startswith("turn "):
        return layouts.turned(choice, int(name.removeprefix("turn ")))
    makers = {"mirror": layouts.mirrored, "row": layouts.in_a_row, "grid": layouts.in_a_grid,
              "nested": layouts.nested, "part": layouts.alone}  # fmt: skip
    return makers[name](choice)


def _overlap(laid: Sequence[Shape]) -> bool:
    """Whether shapes cover each other; half a per cent of their ink may be common."""
    if len(laid) < 2:
        return False
    fitting = layouts.filling(laid, 0.0)
    each = sum(int((drawn([shape], SIDE, 2) > 127).sum()) for shape in fitting)
    whole = int((drawn(fitting, SIDE, 2) > 127).sum())
    return each - whole > 0.005 * max(1, each) + 2


def slender(shapes: Sequence[Shape]) -> float:
    """The shorter side of the box over the longer one."""
    left, top, right, bottom = box_of(shapes)
    sides = sorted((right - left, bottom - top))
    return sides[0] / max(sides[1], 1e-9)


def _spread(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [5, 95])
    return float(low), float(high)
