"""Ways to lay parts in the unit square: turned, mirrored, in a row, in a grid, in each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .outline import Shape, area_of, box_of, placed
from .parts import Part

Laid = list[Shape]
GAPS = (0.03, 0.05, 0.08)
"""Distances between parts, as shares of the view."""
_QUARTER = np.pi / 2


@dataclass(frozen=True)
class Choice:
    """Where parts come from.

    Attributes:
        rng: of all choices.
        parts: that may be laid together: of like thickness.
        taken: places of the drawings that parts were taken from.
    """

    rng: np.random.Generator
    parts: Sequence[Part]
    taken: set[int] = field(default_factory=set)

    def part(self, wanted: Callable[[Part], bool] = lambda part: True, tries: int = 30) -> Part:
        """One that is wanted, if one of some is; each drawing of the set counts as often as it has
        parts."""
        for _ in range(tries):
            part = self.parts[int(self.rng.integers(len(self.parts)))]
            if wanted(part):
                break
        self.taken.add(part.source)
        return part

    def one(self, values: Sequence[float]) -> float:
        return float(self.rng.choice(np.asarray(values, float)))

    def gap(self) -> float:
        return self.one(GAPS)


def turned(choice: Choice, count: int) -> Laid:
    """A part `count` times around the middle; as wide as its share of the circle."""
    part = choice.part(lambda p: p.width > 0.25 and p.height > 0.25)
    stand = choice.one([0, 1, 2, 3]) * _QUARTER
    upright = fitted(part, stand, 1.0)
    inner = choice.one([0.06, 0.1, 0.18]) * (1 if count > 2 else 0.5)
    share = choice.one([0.75, 0.9, 1.0])
    left, top, right, bottom = box_of([upright])
    # The box lies between the inner circle and the outer one, within its sector.
    length = 0.5 - inner
    room = 2 * np.tan(np.pi / count) * (inner + 0.55 * length) if count > 2 else 0.9
    scale = min(length / (bottom - top), share * room / (right - left))
    middle = inner + scale * (bottom - top) / 2
    outward = upright.moved(placed((0.0, -middle), scale))
    swirl = choice.one([0, 0, 0.35]) if count > 2 else 0.0
    angles = 2 * np.pi * np.arange(count) / count + swirl * np.pi / count
    return [outward.moved(placed((0.5, 0.5), 1.0, angle)) for angle in angles]


def mirrored(choice: Choice) -> Laid:
    """A part and its mirror image, and sometimes a symmetric part above or below."""
    part = choice.part(lambda p: not p.mirrored and p.height > 0.3)
    half, half_thick = fitted(part, choice.one([0, 1, 2, 3]) * _QUARTER, 1.0), part.thick
    left, top, right, bottom = box_of([half])
    gap = choice.one([0.0, *GAPS])
    scale = min(0.5 / (right - left), 1.0 / (bottom - top))
    width = scale * (right - left)
    shift = 0.5 - gap / 2 - width / 2
    one = half.moved(placed((shift, 0.5), scale))
    laid = [one, one.moved(np.array([[-1.0, 0, 1], [0, 1, 0]]))]
    if choice.rng.random() < 0.4:
        crown = choice.part(lambda p: p.mirrored)
        low, high = box_of(laid)[1], box_of(laid)[3]
        # About as thick as the halves, if that is neither tiny nor larger than they are.
        size = float(np.clip(scale * half_thick / crown.thick, 0.2, 0.6 * (high - low)))
        centre = low - choice.gap() - size * crown.height / 2
        laid.append(crown.shape.moved(placed((0.5, centre), size)))
    return laid


def in_a_row(choice: Choice) -> Laid:
    """Some parts side by side or one above the other; equal ones, growing ones or different ones,
    in line."""
    count, how = int(choice.one([2, 3, 3, 4])), choice.one([0, 0, 1, 2])
    part = choice.part()
    growth = choice.one([1.0, 1.25, 1.5] if count > 2 else [1.35, 1.6]) if how == 0 else 1.0
    laid: Laid = []
    down, at, gap = choice.rng.random() < 0.4, 0.0, choice.gap() * 2
    ground = choice.one([0.0, 0.5])
    for number in range(count):
        part = choice.part() if how == 2 else part
        scale = 0.4 * growth**number
        mirror = bool(how == 1 and number % 2)
        shape = part.shape.moved(placed((0.0, 0.0), scale, 0.0, mirror))
        left, top, right, bottom = box_of([shape])
        if down:
            shift = (-(left + right) / 2, at - top)
            at += bottom - top + gap * scale
        else:
            shift = (at - left, ground * (bottom - top) / 2 - bottom)
            at += right - left + gap * scale
        laid.append(shape.moved(placed(shift, 1.0)))
    return laid


def nested(choice: Choice) -> Laid:
    """A part in the hole of another one, or large and small copies of a part in each other."""
    outer = choice.part(lambda p: _hole(p) is not None)
    hole = _hole(outer)
    if hole is None:
        return in_a_row(choice)
    left, top, right, bottom = hole
    shape = outer.shape.moved(placed((0.5, 0.5), 1.0))
    inner = choice.part(lambda p: p is not outer)
    room = choice.one([0.5, 0.62, 0.75])
    scale = room * min((right - left) / inner.width, (bottom - top) / inner.height)
    centre = (0.5 + (left + right) / 2, 0.5 + (top + bottom) / 2)
    return [shape, inner.shape.moved(placed(centre, scale))]


def in_a_grid(choice: Choice) -> Laid:
    """Two by two or three by three parts, each turned by a quarter, or one of them different."""
    side = int(choice.one([2, 2, 3]))
    part, other = choice.part(lambda p: min(p.width, p.height) > 0.4), choice.part()
    turning, place = choice.one([0, 1]), int(choice.rng.integers(side * side))
    cell = 1 / side
    size = cell * choice.one([0.8, 0.9])
    laid: Laid = []
    around = [0, 1, 3, 2]  # clockwise from the top left
    for number in range(side * side):
        row, column = divmod(number, side)
        turn = around[number] if side == 2 else number
        chosen = other if turning == 0 and number == place else part
        angle = _QUARTER * turn * turning
        centre = ((column + 0.5) * cell, (row + 0.5) * cell)
        laid.append(chosen.shape.moved(placed(centre, size, angle)))
    return laid


def alone(choice: Choice) -> Laid:
    """One part, for a frame."""
    part = choice.part(lambda p: p.width > 0.35 and p.height > 0.35)
    return [part.shape.moved(placed((0.5, 0.5), 1.0))]


def fitted(part: Part, angle: float, side: float) -> Shape:
    """A part turned about the origin; its box is centred on it, with this longer side."""
    shape = part.shape.moved(placed((0.0, 0.0), 1.0, angle))
    left, top, right, bottom = box_of([shape])
    scale = side / max(right - left, bottom - top)
    centre = (-scale * (left + right) / 2, -scale * (top + bottom) / 2)
    return shape.moved(placed(centre, scale))


def filling(shapes: Sequence[Shape], margin: float) -> Laid:
    """The same, as large as the unit square less a margin at each side, in its middle."""
    left, top, right, bottom = box_of(shapes)
    scale = (1 - 2 * margin) / max(right - left, bottom - top)
    centre = (0.5 - scale * (left + right) / 2, 0.5 - scale * (top + bottom) / 2)
    return [shape.moved(placed(centre, scale)) for shape in shapes]


def _hole(part: Part) -> tuple[float, float, float, float] | None:
    """The box of a part's largest hole, if another part has room in it."""
    holes = part.shape.contours[1:] if not part.shape.stroke else ()
    if not holes:
        return None
    flat = max((hole.flat() for hole in holes), key=lambda line: abs(area_of(line)))
    low, high = flat.min(axis=0), flat.max(axis=0)
    if (high - low).min() < 0.35 or abs(area_of(flat)) < 0.6 * (high - low).prod():
        return None
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
