"""Patterns: seamless tiles from a texture; logos in a palette, compared with the originals.

from ganvas.kits import patterns
tiles = patterns.learn_tiles("marble.jpg", "marble/")
tile = tiles.draw((256, 512), seed=3)               # uint8 [256, 512, 3], and it tiles

logos = patterns.learn_logos("icons.npz", "icons/")
drawn = logos.draw(16, palette=["#e63946", "#1d3557"])

marks = patterns.learn_marks("svg/")                # parts of SVG drawings
composed = marks.compose(16)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .colour import palette as palette, parse_palette as parse_palette, recolour as recolour
    from .composer import Composed as Composed, Composer as Composer, learn_marks as learn_marks
    from .designing import make_logos as make_logos
    from .directions import sefa as sefa
    from .likeness import Likeness as Likeness
    from .logos import Drawn as Drawn, Logos as Logos, learn_logos as learn_logos
    from .measure import Seams as Seams, mirrored as mirrored, repeats as repeats, seams as seams
    from .mockups import fabric as fabric, repeated as repeated, wallpaper as wallpaper
    from .quilting import Quilts as Quilts, quilt as quilt
    from .results import LogosReport as LogosReport, TilesReport as TilesReport
    from .tiles import Tiles as Tiles, learn_tiles as learn_tiles
    from .tiling import make_tiles as make_tiles
    from .vector import crisp as crisp, render as render, svg_error as svg_error, to_svg as to_svg

_HOMES = {
    "colour": ("palette", "parse_palette", "recolour"),
    "composer": ("Composed", "Composer", "learn_marks"),
    "designing": ("make_logos",),
    "directions": ("sefa",),
    "logos": ("Drawn", "Logos", "learn_logos"),
    "likeness": ("Likeness",),
    "measure": ("Seams", "mirrored", "repeats", "seams"),
    "mockups": ("fabric", "repeated", "wallpaper"),
    "quilting": ("Quilts", "quilt"),
    "results": ("LogosReport", "TilesReport"),
    "tiles": ("Tiles", "learn_tiles"),
    "tiling": ("make_tiles",),
    "vector": ("crisp", "render", "svg_error", "to_svg"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
