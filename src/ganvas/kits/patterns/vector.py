"""Pictures as paths: first made crisp, then traced by vtracer to SVG, and rendered again to measure
the error."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw

from ...base import extras
from ...base.printing import printable
from ...errors import UsageError
from ...images import provenance
from .colour import palette, rgb_of

STEPS = 12  # straight pieces that a curve is drawn with
FINE = 4
_TOKENS = re.compile(r"[A-Za-z]|-?\d*\.?\d+(?:e-?\d+)?")


def crisp(
    image: np.ndarray, factor: int = 8, count: int = 4, colours: Sequence[str] | None = None
) -> np.ndarray:
    """A small picture, larger, with clean edges: enlarged smoothly, then each pixel in the
    nearest of few colours, at twice the size and reduced.

    Args:
        count: colours, found in the picture.
        colours: which ones instead.

    Shapes: uint8 [H, W, 3] -> [factor H, factor W, 3].
    """
    flat, size = _flat(image, 2 * factor, count, colours)
    return np.asarray(Image.fromarray(flat).resize((size[1] // 2, size[0] // 2),
                                                   Image.Resampling.BOX))  # fmt: skip


def needs_vtracer() -> Any:
    """The module. Raises: MissingExtra: it is not installed."""
    extras.check("vector", "--svg", "omit --svg")
    import vtracer

    return vtracer


def to_svg(
    image: np.ndarray,
    metadata: Mapping[str, str] | None = None,
    *,
    factor: int = 8,
    count: int = 4,
    colours: Sequence[str] | None = None,
) -> str:
    """A small picture as stacked paths; see `crisp` for the arguments.

    Args:
        metadata: for the file's <metadata>.

    Raises: MissingExtra: vtracer is not installed.
    """
    vtracer = needs_vtracer()
    flat, (height, width) = _flat(image, factor, count, colours)
    pixels = [(int(r), int(g), int(b), 255) for r, g, b in flat.reshape(-1, 3)]
    svg = vtracer.convert_pixels_to_svg(
        pixels, (width, height), colormode="color", hierarchical="stacked", mode="spline",
        filter_speckle=6, color_precision=8, layer_difference=0, corner_threshold=70,
        length_threshold=4.0, splice_threshold=45, path_precision=2,
    )  # fmt: skip
    facts = "; ".join(f"{key}: {value}" for key, value in (metadata or {}).items())
    head, tag, rest = svg.partition("<svg")
    opened, close, body = rest.partition(">")
    box = f' viewBox="0 0 {width} {height}"' if "viewBox" not in opened else ""
    said = escape(printable(facts)) + provenance.element(provenance.identifier(image))
    return f"{head}{tag}{opened}{box}{close}\n<metadata>{said}</metadata>{body}"


def render(svg: str, size: tuple[int, int]) -> np.ndarray:
    """Render the output of `to_svg`: filled paths of M, L, C and Z, absolute, translated, one over
    the other, holes by the even-odd rule; uint8 [*size, 3] on white. Not a general renderer.

    Raises: UsageError: another kind of SVG.
    """
    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    paths = [node for node in root.iter() if node.tag.endswith("path")]
    if not width or not height:
        raise UsageError("the SVG must have width and height: give the output of to_svg")
    sheet = Image.new("RGB", (FINE * size[1], FINE * size[0]), "white")
    scale = np.array([FINE * size[1] / width, FINE * size[0] / height])
    for node in paths:
        found = re.search(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", node.get("transform", ""))
        offset = np.array([float(v) for v in found.groups()]) if found else np.zeros(2)
        mask = np.zeros((sheet.height, sheet.width), bool)
        for ring in _rings(node.get("d", "")):
            layer = Image.new("1", sheet.size)
            points = [(x, y) for x, y in (np.array(ring) + offset) * scale - 0.5]
            if len(points) > 2:
                ImageDraw.Draw(layer).polygon(points, fill=1)
            mask ^= np.asarray(layer)
        sheet.paste(Image.new("RGB", sheet.size, node.get("fill", "#000000")), (0, 0),
                    Image.fromarray((255 * mask).astype(np.uint8)))  # fmt: skip
    return np.asarray(sheet.resize((size[1], size[0]), Image.Resampling.BOX))


def svg_error(svg: str, image: np.ndarray, **options: Any) -> float:
    """Root mean square difference, in grey levels, of the rendered SVG and `crisp(image)`."""
    picture = crisp(image, **options).astype(np.float64)
    return float(np.sqrt(np.square(render(svg, picture.shape[:2]) - picture).mean()))


def _flat(
    image: np.ndarray, factor: int, count: int, colours: Sequence[str] | None
) -> tuple[np.ndarray, tuple[int, int]]:
    height, width = factor * image.shape[0], factor * image.shape[1]
    large = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    chosen = rgb_of(colours) if colours else rgb_of(palette(image, count)[0])
    pixels = np.asarray(large, np.int32)  # few colours, far apart: no need of Lab
    distance = np.stack([((pixels - goal) ** 2).sum(axis=-1) for goal in chosen.astype(int)])
    return chosen[distance.argmin(axis=0)], (height, width)


def _rings(path: str) -> list[list[tuple[float, float]]]:
    """The closed lines of a path; curves as `STEPS` straight pieces."""
    rings: list[list[tuple[float, float]]] = []
    tokens, letter = _TOKENS.findall(path), ""
    at = 0
    share = np.linspace(0, 1, STEPS + 1)[1:, None]
    while at < len(tokens):
        if tokens[at].isalpha():
            letter, at = tokens[at], at + 1
            if letter in "Zz":
                continue
        count = 6 if letter == "C" else 2
        if letter not in ("M", "L", "C") or any(t.isalpha() for t in tokens[at : at + count]):
            raise UsageError("the SVG must have the commands M, L, C, Z only: give to_svg's output")
        numbers = np.array([float(token) for token in tokens[at : at + count]]).reshape(-1, 2)
        at += count
        if letter == "M":
            rings.append([(float(numbers[0, 0]), float(numbers[0, 1]))])
            letter = "L"
        elif letter == "L":
            rings[-1].append((float(numbers[0, 0]), float(numbers[0, 1])))
        else:
            start = np.array(rings[-1][-1])
            curve = (
                (1 - share) ** 3 * start + 3 * (1 - share) ** 2 * share * numbers[0]
                + 3 * (1 - share) * share**2 * numbers[1] + share**3 * numbers[2]
            )  # fmt: skip
            rings[-1] += [(float(x), float(y)) for x, y in curve]
    return rings
