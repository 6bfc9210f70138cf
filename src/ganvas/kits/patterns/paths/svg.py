"""A small reader of SVG files of strangers.

It reads shapes, and nothing else: no scripts, styles, texts, images or references are followed, a
document type is refused, and so are entities, so that nothing can be loaded or expanded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

import numpy as np
from PIL import ImageColor

from ....errors import DataError
from .outline import Contour, Shape
from .path_data import PathError, contours

LARGEST = 1_000_000
"""Bytes of a file."""
ELEMENTS, DEPTH = 20_000, 100
PAPER = 0.9
"""From this lightness, 0 to 1, a filled shape is paper."""
_LEFT_OUT = {
    "defs", "clippath", "mask", "symbol", "marker", "pattern", "style", "script", "text", "image",
    "use", "foreignobject", "filter", "metadata", "title", "desc", "switch", "a",
}  # fmt: skip
_INHERITED = ("fill", "stroke", "stroke-width", "fill-rule")
_TRANSFORM = re.compile(r"(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_KAPPA = 0.5522847498


@dataclass(frozen=True, eq=False)
class Drawing:
    """The shapes of a file, in the unit square: its view box, centred, whose longer side is 1.

    Attributes:
        name: of the file.
        shapes: in the order in which they are drawn.
    """

    name: str
    shapes: tuple[Shape, ...]


def read(path: Path) -> Drawing:
    """Raises: DataError: not an SVG file, too large, or without shapes."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}): give SVG files") from error
    if not content:
        raise DataError(
            f"{path} must have 1 to {LARGEST} bytes, got {size}: simplify it, or leave it out"
        )
    try:
        return Drawing(path.name, parse(content))
    except (expat.ExpatError, PathError, ValueError) as error:
        raise DataError(f"{path} cannot be read as SVG ({error}): leave it out") from error


def parse(content: bytes) -> tuple[Shape, ...]:
    """The shapes of an SVG document, see `Drawing`.

    Raises: ValueError, expat.ExpatError: what the document has and must not have.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refused
    parser.ExternalEntityRefHandler = _refused
    parser.Parse(content, True)
    shapes = tuple(reader.shapes)
    if not shapes:
        raise ValueError("it has no shapes")
    left, top, width, height = reader.view
    scale = 1 / max(width, height)
    shift = 0.5 - scale * (np.array([left, top]) + np.array([width, height]) / 2)
    return tuple(s.moved(np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])) for s in shapes)


def _refused(*_: object) -> int:
    raise ValueError("it declares a document type or an entity")


class _Reader:
    """Collects the shapes of elements as they come."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self.view = (0.0, 0.0, 0.0, 0.0)
        self.levels: list[tuple[np.ndarray, dict[str, str]]] = []
        self.skipped = 0  # levels below an element that is left out
        self.count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > ELEMENTS or len(self.levels) + self.skipped > DEPTH:
            raise ValueError(f"it has more than {ELEMENTS} elements, or {DEPTH} levels")
        name = tag.rpartition(":")[2].lower()
        if self.skipped or name in _LEFT_OUT:
            self.skipped += 1
            return
        if self.count == 1:
            if name != "svg":
                raise ValueError(f"its first element is '{name[:40]}', not 'svg'")
            self.view = _view(attributes)
        matrix, style = self.levels[-1] if self.levels else (np.eye(3), {})
        style = {**style, **_styled(attributes)}
        matrix = matrix @ _transform(attributes.get("transform", ""))
        self.levels.append((matrix, style))
        if style.get("display") != "none":
            self._add(_contours(name, attributes), matrix[:2], style)

    def end(self, tag: str) -> None:
        if self.skipped:
            self.skipped -= 1
        else:
            self.levels.pop()

    def _add(self, lines: list[Contour], matrix: np.ndarray, style: Mapping[str, str]) -> None:
        """A shape for the inside, and one for the line."""
        if not lines:
            return
        fill, stroke = _ink(style.get("fill", "black")), _ink(style.get("stroke", "none"))
        rule = "evenodd" if style.get("fill-rule", "").strip() == "evenodd" else "nonzero"
        if fill is not None:
            self.shapes.append(Shape(tuple(lines), rule, 0.0, fill > PAPER).moved(matrix))
        width = _length(style.get("stroke-width", "1"), 1.0)
        if stroke is not None and width > 0:
            self.shapes.append(Shape(tuple(lines), rule, width, stroke > PAPER).moved(matrix))


def _view(attributes: Mapping[str, str]) -> tuple[float, float, float, float]:
    """Left, top, width and height of what is seen. Raises ValueError: there is nothing."""
    numbers = [float(n) for n in _NUMBER.findall(attributes.get("viewBox", ""))]
    if len(numbers) != 4:
        sides = [_length(attributes.get(name, ""), 0.0) for name in ("width", "height")]
        numbers = [0.0, 0.0, *sides]
    if not all(1e-3 < side < 1e6 for side in numbers[2:]):
        raise ValueError("it has neither a viewBox nor a width and a height")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _styled(attributes: Mapping[str, str]) -> dict[str, str]:
    """What an element says of its colours, as attributes or in `style`."""
    found = {name: attributes[name] for name in (*_INHERITED, "display") if name in attributes}
    for part in attributes.get("style", "").split(";"):
        name, colon, value = part.partition(":")
        if colon and name.strip() in (*_INHERITED, "display"):
            found[name.strip()] = value.strip()
    return {name: value for name, value in found.items() if value.strip() != "inherit"}


def _ink(colour: str) -> float | None:
    """Lightness of a colour, 0 to 1; None for no colour. Unknown ones, gradients too, are dark."""
    word = colour.strip().lower()
    if word in ("none", "transparent"):
        return None
    try:
        red, green, blue = ImageColor.getrgb(word)[:3]
    except ValueError:
        return 0.0
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def _length(text: str, missing: float) -> float:
    found = _NUMBER.match(text.strip())
    return float(found[0]) if found and not text.strip().endswith("%") else missing


def _transform(text: str) -> np.ndarray:
    """The matrix [3, 3] of a transform attribute."""
    matrix = np.eye(3)
    for name, arguments in _TRANSFORM.findall(text):
        numbers = [float(n) for n in _NUMBER.findall(arguments)]
        matrix = matrix @ _one_transform(name, numbers)
    if not np.isfinite(matrix).all():
        raise ValueError("a transform is not finite")
    return matrix


def _one_transform(name: str, n: list[float]) -> np.ndarray:
    fits = {"matrix": (6,), "translate": (1, 2), "scale": (1, 2), "rotate": (1, 3)}
    if len(n) not in fits.get(name, (1,)):
        raise ValueError(f"the transform {name} has {len(n)} numbers")
    if name == "matrix":
        return np.array([[n[0], n[2], n[4]], [n[1], n[3], n[5]], [0, 0, 1]])
    if name == "translate":
        return np.array([[1, 0, n[0]], [0, 1, n[1] if len(n) > 1 else 0], [0, 0, 1]])
    if name == "scale":
        return np.diag([n[0], n[-1], 1])
    angle = math.radians(n[0])
    if name == "rotate":
        cos, sin = math.cos(angle), math.sin(angle)
        x, y = n[1:] if len(n) == 3 else (0.0, 0.0)
        return np.array([
            [cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y], [0, 0, 1]
        ])  # fmt: skip
    tangent = math.tan(angle)
    across, down = (tangent, 0.0) if name == "skewX" else (0.0, tangent)
    return np.array([[1, across, 0], [down, 1, 0], [0, 0, 1]])


def _contours(name: str, attributes: Mapping[str, str]) -> list[Contour]:
    """The lines of a shape's element; none for other elements."""
    if name == "path":
        return contours(attributes.get("d", ""))
    if name in ("polygon", "polyline"):
        numbers = [float(n) for n in _NUMBER.findall(attributes.get("points", ""))]
        points = np.array(numbers[: len(numbers) // 2 * 2]).reshape(-1, 2)
        return [Contour(points, "L" * (len(points) - 1), name == "polygon")] * (len(points) > 1)

    def value(key: str) -> float:
        return _length(attributes.get(key, ""), 0.0)

    if name == "line":
        return [Contour(np.array([[value("x1"), value("y1")], [value("x2"), value("y2")]]), "L",
                        False)]  # fmt: skip
    if name in ("circle", "ellipse"):
        rx, ry = (value("r"),) * 2 if name == "circle" else (value("rx"), value("ry"))
        return [rounded(value("cx"), value("cy"), rx, ry, rx, ry)] * (min(rx, ry) > 0)
    if name == "rect":
        half = value("width") / 2, value("height") / 2
        corner = value("rx") or value("ry"), value("ry") or value("rx")
        middle = value("x") + half[0], value("y") + half[1]
        return [rounded(*middle, *half, *corner)] * (min(half) > 0)
    return []


def rounded(x: float, y: float, a: float, b: float, rx: float, ry: float) -> Contour:
    """A rectangle around (x, y) of half sides a and b with corners of radii rx and ry; an ellipse
    where they are as large."""
    rx, ry = min(rx, a), min(ry, b)
    if min(rx, ry) <= 0:
        return Contour(np.array([[x - a, y - b], [x + a, y - b], [x + a, y + b], [x - a, y + b]]),
                       "LLL")  # fmt: skip
    points, kinds = [(x - a + rx, y - b)], ""
    for number, (right, down) in enumerate([(1, -1), (1, 1), (-1, 1), (-1, -1)]):
        corner = np.array([x + right * a, y + down * b])
        inner = corner - [right * rx, down * ry]
        begin, end = (inner[0], corner[1]), (corner[0], inner[1])
        if number % 2:  # from the right or left side to the bottom or top one
            begin, end = end, begin
        kinds += "LC"
        first, last = np.array(begin), np.array(end)
        points += [begin, tuple(first + _KAPPA * (corner - first)),
                   tuple(last + _KAPPA * (corner - last)), end]  # fmt: skip
    return Contour(np.array(points), kinds)
