"""Tiles from a texture: larger than it, and without seams.
Run: python examples/tiles_from_texture.py [FOLDER]"""

import sys
from pathlib import Path

import numpy as np

from ganvas.images import write_png
from ganvas.kits import patterns

KIMG = 0.2  # 40 and more for tiles to look at: minutes instead of seconds
SMALL = {"networks.width": 8, "networks.discriminator_width": 16, "train.tick_kimg": 0.2}


def scales() -> np.ndarray:
    """A fish's skin: uint8 [160, 160, 3]."""
    y, x = np.mgrid[0:160, 0:160]
    x = x + 8 * (y // 12 % 2)
    edge = np.hypot(x % 16 - 8, y % 12) / 9
    shine = np.clip(1.1 - edge, 0, 1)[..., None]
    return (30 + 200 * shine * [0.5, 0.8, 1.0]).astype(np.uint8)


def main(folder: Path) -> None:
    source = folder.with_name(folder.name + "-source.png")
    write_png(source, scales())
    tiles = patterns.learn_tiles(source, folder, kimg=KIMG, overrides=SMALL)
    tile = tiles.draw((160, 320), seed=1)
    write_png(folder / "tile.png", patterns.repeated(tile, 2))
    write_png(folder / "wallpaper.png", patterns.wallpaper(tile))
    print("seam over steps inside:", round(patterns.seams(tile).ratio, 2), "in", folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/scales"))
