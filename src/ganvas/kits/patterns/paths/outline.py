"""Closed and open lines of straight pieces and cubic curves: moved, drawn, and written as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

STEPS = 10  # straight pieces that a curve is drawn with
FINE = 4  # a pixel is drawn as so many, in each direction
TAKES = {"L": 1, "C": 3}
"""How many points each kind of piece takes, besides the one at which it begins."""

_SHARES = np.linspace(0, 1, STEPS + 1)[1:, None]
_BASIS = np.concatenate(
    [(1 - _SHARES) ** 3, 3 * (1 - _SHARES) ** 2 * _SHARES, 3 * (1 - _SHARES) * _SHARES**2,
     _SHARES**3], axis=1
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Contour:
    """One line.

    Attributes:
        points: the first one, then those of each piece; x to the right, y down, float64 [N, 2].
        kinds: a letter for each piece: "L", straight, one point; "C", cubic, three points.
        closed: whether it ends where it began.
    """

    points: np.ndarray
    kinds: str
    closed: bool = True

    def moved(self, matrix: np.ndarray) -> Contour:
        """Each point (x, y) becomes `matrix @ (x, y, 1)`; matrix is [2, 3]."""
        return Contour(self.points @ matrix[:, :2].T + matrix[:, 2], self.kinds, self.closed)

    def flat(self) -> np.ndarray:
        """As straight pieces: float64 [M, 2]."""
        parts, at = [self.points[:1]], 0
        for kind in self.kinds:
            count = TAKES[kind]
            piece = self.points[at : at + count + 1]
            parts.append(piece[1:] if kind == "L" else _BASIS @ piece)
            at += count
        return np.concatenate(parts)

    def text(self, digits: int = 2) -> str:
        """As path data of SVG."""
        words, at = [f"M{_numbers(self.points[0], digits)}"], 1
        for kind in self.kinds:
            piece = self.points[at : at + TAKES[kind]]
            words.append(f"{kind}{' '.join(_numbers(point, digits) for point in piece)}")
            at += TAKES[kind]
        return "".join(words) + "Z" * self.closed


@dataclass(frozen=True, eq=False)
class Shape:
    """Contours that are filled or stroked together.

    Attributes:
        contours: the lines.
        rule: "nonzero" or "evenodd": which side of crossing lines is inside.
        stroke: width of the line; 0: the shape is filled.
        paper: whether it has the colour of the paper, and so takes ink away.
    """

    contours: tuple[Contour, ...]
    rule: str = "evenodd"
    stroke: float = 0.0
    paper: bool = False

    def moved(self, matrix: np.ndarray) -> Shape:
        """See `Contour.moved`; the width of a stroke is scaled by the mean of both directions."""
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        contours = tuple(one.moved(matrix) for one in self.contours)
        return Shape(contours, self.rule, self.stroke * scale, self.paper)


def box_of(shapes: Sequence[Shape]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of all that is drawn."""
    ends = []
    for shape in shapes:
        flat = np.concatenate([one.flat() for one in shape.contours])
        ends.append(
            [*(flat.min(axis=0) - shape.stroke / 2), *(flat.max(axis=0) + shape.stroke / 2)]
        )
    low, high = np.min(ends, axis=0)[:2], np.max(ends, axis=0)[2:]
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def area_of(flat: np.ndarray) -> float:
    """Signed area of a closed line [M, 2]: positive if it turns clockwise on the screen."""
    x, y = flat[:, 0], flat[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def drawn(shapes: Sequence[Shape], side: int, fine: int = FINE) -> np.ndarray:
    """How much ink each pixel has, of shapes in the unit square: uint8 [side, side]."""
    size = side * fine
    ink = np.zeros((size, size), bool)
    for shape in shapes:
        mask = _stroked(shape, size) if shape.stroke else _filled(shape, size)
        ink = ink & ~mask if shape.paper else ink | mask
    small = ink.reshape(side, fine, side, fine).mean(axis=(1, 3))
    return np.rint(255 * small).astype(np.uint8)


def _filled(shape: Shape, size: int) -> np.ndarray:
    """Inside by its rule: bool [size, size]. A contour counts by its direction; one that crosses
    itself counts as if it did not."""
    turns = np.zeros((size, size), np.int16)
    for contour in shape.contours:
        flat = contour.flat()
        if len(flat) > 2:
            layer = Image.new("1", (size, size))
            # Pillow names pixels by their centres.
            points = [(float(x), float(y)) for x, y in flat * size - 0.5]
            ImageDraw.Draw(layer).polygon(points, fill=1)
            turns += np.asarray(layer) * (1 if area_of(flat) > 0 else -1)
    return turns % 2 == 1 if shape.rule == "evenodd" else turns != 0


def _stroked(shape: Shape, size: int) -> np.ndarray:
    """Within half the width of a line, its ends and corners round: bool [size, size]."""
    layer = Image.new("1", (size, size))
    pen, radius = ImageDraw.Draw(layer), shape.stroke * size / 2
    for contour in shape.contours:
        flat = contour.flat() * size - 0.5
        flat = np.concatenate([flat, flat[:1]]) if contour.closed else flat
        points = [(float(x), float(y)) for x, y in flat]
        pen.line(points, fill=1, width=max(1, round(2 * radius)))
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return np.asarray(layer)


def placed(centre: tuple[float, float], scale: float, angle: float = 0.0, mirror: bool = False
           ) -> np.ndarray:  # fmt: skip
    """The matrix [2, 3] that scales, mirrors left to right, turns by an angle in radians, and then
    moves the origin to a centre."""
    across = -scale if mirror else scale
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[across * cos, -scale * sin, centre[0]], [across * sin, scale * cos,
                                                               centre[1]]])  # fmt: skip


def _numbers(point: np.ndarray, digits: int) -> str:
    return ",".join(f"{value:.{digits}f}".rstrip("0").rstrip(".") or "0" for value in point)
