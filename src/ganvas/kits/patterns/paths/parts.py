"""What a set of drawings consists of: parts, frames, symmetries, thickness, ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .outline import Contour, Shape, area_of, box_of, drawn, placed
from .svg import Drawing

SIDE = 64
"""Side of the pictures that are compared, in pixels."""
ALIKE = 0.86
"""Pictures with this share of their ink in common (intersection over union) are the same shape."""
TURNS = (2, 3, 4, 5, 6, 8)
WHOLE = 0.85
"""A frame is as wide and as high as this share of its drawing."""
MOST_OF = 0.6
"""A part with more than this share of a drawing's ink is the drawing itself: it is not used."""
PLAIN = 8
"""Except plain ones, of at most so many pieces: a bar, a disc or a ring belongs to nobody."""
PIECES, SMALLEST, THINNEST = 24, 0.06, 0.02
"""A part has at most so many pieces, a longer side of at least this share of the view, and at least
this thickness as a share of that side."""


@dataclass(frozen=True, eq=False)
class Part:
    """A contour with the holes in it, or a stroked line; its box is centred on the origin.

    Attributes:
        shape: its longer side is 1.
        size: that side in the drawing it comes from, as a share of the view.
        width, height: of its box; the larger one is 1.
        thick: mean thickness of its ink, as a share of the longer side.
        mirrored: whether its left half mirrors the right one.
        source: the drawing's place in the set.
    """

    shape: Shape
    size: float
    width: float
    height: float
    thick: float
    mirrored: bool
    source: int


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One drawing, taken apart.

    Attributes:
        parts: those that may be used.
        count: number of contours that are not holes, or of stroked lines.
        symmetry: "mirror", "turn 2" ... "turn 8", or "none".
        frame: the outermost contour, if all else is inside it; it fills the unit square.
        hollow: whether the frame is a line around what it holds, not a filled one with holes.
        ink: share of the view.
        thick: mean thickness of the ink, as a share of the view.
        stroke: width of its lines; 0 for a filled drawing.
        longer: longer side of its box, as a share of the view.
        slender: the shorter side of its box over the longer one.
    """

    parts: tuple[Part, ...]
    count: int
    symmetry: str
    frame: Contour | None
    hollow: bool
    ink: float
    thick: float
    stroke: float
    longer: float
    slender: float


def taken_apart(drawing: Drawing, row: int) -> Anatomy:
    """The drawing at a place of the set."""
    picture = drawn(drawing.shapes, SIDE)
    box = box_of(drawing.shapes)
    shorter, longer = sorted((box[2] - box[0], box[3] - box[1]))
    slender = shorter / max(longer, 1e-9)
    strokes = [shape.stroke for shape in drawing.shapes if shape.stroke]
    stroke = float(np.median(strokes)) if 2 * len(strokes) > len(drawing.shapes) else 0.0
    thick = stroke or thickness(picture)
    if stroke:
        shapes = [s for s in drawing.shapes if s.stroke and not s.paper]
        parts = [p for s in shapes if (p := _part(s, row)) is not None]
        return Anatomy(tuple(parts), len(shapes), symmetry_of(picture), None, False,
                       picture.mean() / 255, thick, stroke, longer, slender)  # fmt: skip
    parts, count, frame, hollow = _filled(drawing, row, picture, box)
    return Anatomy(tuple(parts), count, symmetry_of(picture), frame, hollow, picture.mean() / 255,
                   thick, 0.0, longer, slender)  # fmt: skip


def _filled(
    drawing: Drawing, row: int, picture: np.ndarray, box: tuple[float, ...]
) -> tuple[list[Part], int, Contour | None, bool]:
    """Parts, their number, frame and whether it is hollow, of a drawing without strokes."""
    lines = [line for shape in drawing.shapes for line in shape.contours]
    lines = [line for line in lines if abs(area_of(line.flat())) > 1e-4]
    whole = Shape(tuple(lines))
    if not lines or len(lines) > 60 or not same(drawn([whole], SIDE), picture, 0.97):
        return [], len(lines), None, False  # lines that cross: no contour stands for itself
    inside = _inside(lines)
    depth = inside.sum(axis=1)
    ink = picture.mean() / 255
    found = []
    for number, line in enumerate(lines):
        holes = [lines[i] for i in np.flatnonzero(inside[:, number] & (depth == depth[number] + 1))]
        shape = Shape((line, *holes))
        share = _area(shape) / max(ink, 1e-6)
        pieces = sum(len(one.kinds) for one in shape.contours)
        if pieces <= PIECES and (share <= MOST_OF or pieces <= PLAIN):
            found.append(_part(shape, row))
    outer = np.flatnonzero(depth == 0)
    frame, hollow = None, False
    if len(outer) == 1 and inside[:, outer[0]].any():
        frame, hollow = _frame(lines[outer[0]], box, ink)
    return [part for part in found if part], int((depth % 2 == 0).sum()), frame, hollow


def _frame(line: Contour, box: tuple[float, ...], ink: float) -> tuple[Contour | None, bool]:
    """The outermost contour, if it is plain and all around; and whether little of it is filled."""
    flat = line.flat()
    low, high = flat.min(axis=0), flat.max(axis=0)
    sides = high - low
    around = (sides >= WHOLE * np.array([box[2] - box[0], box[3] - box[1]])).all()
    regular = 0.85 < sides[0] / sides[1] < 1.18
    if not (around and regular and len(line.kinds) <= PLAIN + 4):
        return None, False
    area = abs(area_of(flat))
    if area < 0.6 * sides.prod():
        return None, False
    matrix = np.diag(1 / sides)
    shift = 0.5 - matrix @ (low + high) / 2
    picture = drawn([Shape((line.moved(np.column_stack([matrix, shift])),))], SIDE)
    if not same(picture, picture[:, ::-1], 0.95):
        return None, False
    return line.moved(np.column_stack([matrix, shift])), bool(ink < 0.45 * area)


def _part(shape: Shape, row: int) -> Part | None:
    """Centred and scaled; None if it is too small or too thin."""
    left, top, right, bottom = box_of([shape])
    size = max(right - left, bottom - top)
    if size < SMALLEST:
        return None
    centre = ((left + right) / 2, (top + bottom) / 2)
    moved = shape.moved(placed((-centre[0] / size, -centre[1] / size), 1 / size))
    picture = drawn([moved.moved(placed((0.5, 0.5), 0.96))], SIDE, 2)
    thick = thickness(picture)
    if thick < THINNEST:
        return None
    return Part(moved, size, (right - left) / size, (bottom - top) / size, thick,
                same(picture, picture[:, ::-1]), row)  # fmt: skip


def _inside(lines: Sequence[Contour]) -> np.ndarray:
    """Which contour (rows) lies in which other one (columns): bool [N, N]."""
    masks = np.stack([drawn([Shape((line,))], SIDE, 2) > 127 for line in lines]).reshape(
        len(lines), -1
    )
    common = masks.astype(np.float32) @ masks.T.astype(np.float32)
    sizes = np.maximum(masks.sum(axis=1), 1)
    within = common >= 0.97 * sizes[:, None]
    larger = sizes[None, :] > sizes[:, None]
    return within & larger & (masks.sum(axis=1) > 0)[:, None]


def _area(shape: Shape) -> float:
    areas = [abs(area_of(line.flat())) for line in shape.contours]
    return areas[0] - sum(areas[1:])


def thickness(picture: np.ndarray) -> float:
    """Twice the ink over the length of its border, as a share of the picture's side."""
    ink = picture > 127
    wide = np.pad(ink, 1)
    border = (wide[1:] != wide[:-1]).sum() + (wide[:, 1:] != wide[:, :-1]).sum()
    # Steps of pixels count a slanted border longer than it is: by 4 / pi over all directions.
    return float(2 * ink.sum() / max(1.0, border * np.pi / 4) / picture.shape[0])


def same(one: np.ndarray, other: np.ndarray, share: float = ALIKE) -> bool:
    """Whether two pictures have most of their ink in common."""
    a, b = one > 127, other > 127
    return bool((a & b).sum() >= share * max(1, (a | b).sum()))


def symmetry_of(picture: np.ndarray) -> str:
    """The symmetry of a picture, about the middle of its box; a disc counts as mirrored."""
    where = np.argwhere(picture > 127)
    if not len(where):
        return "none"
    (top, left), (bottom, right) = where.min(axis=0), where.max(axis=0) + 1
    side = int(max(bottom - top, right - left)) // 2 * 2 + 16
    middle = Image.new("L", (side, side))
    part = Image.fromarray(picture[top:bottom, left:right])
    middle.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
    pixels = np.asarray(middle)

    def turned(degrees: float) -> bool:
        moved = np.asarray(middle.rotate(degrees, Image.Resampling.BILINEAR))
        return same(pixels, moved)

    if not turned(29.0):
        turns = [n for n in TURNS if turned(360 / n)]
        if turns and turns[-1] > 2:
            return f"turn {turns[-1]}"
        if same(pixels, pixels[:, ::-1]):
            return "mirror"
        if turns:
            return "turn 2"
        return "none"
    return "mirror"
