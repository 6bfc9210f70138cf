"""Patterns: tiles without seams from a texture; logos in a palette, held against the originals.

from ganvas.kits import patterns
tiles = patterns.learn_tiles("marble.jpg", "marble/")
tile = tiles.draw((256, 512), seed=3)               # uint8 [256, 512, 3], and it tiles

logos = patterns.learn_logos("icons.npz", "icons/")
drawn = logos.draw(16, palette=["#e63946", "#1d3557"])
"""

from __future__ import annotations

from ...base.lazy import fetch as _fetch

_HOMES = {
    "colour": ("palette", "parse_palette", "recolour"),
    "designing": ("make_logos",),
    "directions": ("sefa",),
    "logos": ("Drawn", "Logos", "learn_logos"),
    "mockups": ("fabric", "repeated", "wallpaper"),
    "measure": ("mirrored", "seams"),
    "tiles": ("Tiles", "learn_tiles"),
    "tiling": ("make_tiles",),
    "vector": ("crisp", "render", "svg_error", "to_svg"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
