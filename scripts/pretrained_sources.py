"""Collects the images that the pretrained pairs learn from: drawings.npz and photos.npz.

python scripts/pretrained_sources.py SOURCES OUT

SOURCES is a folder with these sub-folders, each unpacked as published; one that is missing is an
error. Licences allow use with attribution; `CREDITS` goes into each pair's card.

openclipart/  share/openclipart/png of Debian's package openclipart-png
fluent/       assets of npm @lobehub/fluent-emoji-3d
caltech101/   github.com/MachineLearning2020/Homework2-Caltech101
clothing/     github.com/alexeygrigorev/clothing-dataset-small
grocery/      github.com/marcusklasson/GroceryStoreDataset
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None  # sizes are checked before pixels are read
SIDE = 64
CREDITS = {
    "drawings": [
        "Open Clip Art Library 0.18, its authors, public domain: 6,900 drawings",
        "Fluent Emoji, Microsoft, MIT: 3,391 drawings",
    ],
    "photos": [
        "Caltech-101, F. Li, M. Andreeto, M. Ranzato, P. Perona 2004, CC BY 4.0: 7,738 photographs",
        "Clothing dataset (small), A. Grigorev and contributors, CC0: 3,781 photographs",
        "Grocery Store Dataset, M. Klasson, C. Zhang, H. Kjellström 2019, MIT: 5,421 photographs",
    ],
}
# People, whom nobody asked, and figures that belong to somebody; the last is not a class.
LEFT_OUT = {"Faces", "Faces_easy", "snoopy", "garfield", "BACKGROUND_Google"}
LARGEST = 30_000_000  # pixels; a few drawings are far larger, and take minutes to open
STARS = 200  # of 1,378 drawings of stars, which differ in little but their colour


def square(image: Image.Image, left: float = 0.5) -> Image.Image:
    """The largest square; `left` is its place along the longer side, 0.5 for the middle."""
    side = min(image.size)
    x, y = (round((length - side) * left) for length in image.size)
    return image.crop((x, y, x + side, y + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def padded(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """The whole drawing in a square of one colour, with a small border."""
    image = image.convert("RGBA")
    image.thumbnail((SIDE * 4, SIDE * 4), reducing_gap=3)
    side = round(max(image.size) * 1.06)
    paper = Image.new("RGBA", (side, side), (*colour, 255))
    paper.alpha_composite(image, tuple((side - length) // 2 for length in image.size))
    return paper.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def drawings(sources: Path) -> Iterator[Image.Image]:
    """Two thirds on white, as drawings are mostly kept; the others on a colour."""
    random = np.random.default_rng(31)
    files = sorted((sources / "openclipart").rglob("*.png"))
    stars = [file for file in files if file.parent.name == "stars"]
    kept = {stars[i] for i in random.choice(len(stars), STARS, replace=False)}
    files = [file for file in files if file.parent.name != "stars" or file in kept]
    for file in [*files, *sorted((sources / "fluent").glob("*.webp"))]:
        colour = (255, 255, 255)
        if random.random() < 1 / 3:
            colour = tuple(int(value) for value in random.integers(0, 256, 3))
        with Image.open(file) as image:
            if image.width * image.height <= LARGEST:
                yield padded(image, colour)


def photos(sources: Path) -> Iterator[Image.Image]:
    """One square of each; of a long photograph both ends."""
    files = [
        file
        for part in ("caltech101", "clothing", "grocery/dataset")
        for file in sorted((sources / part).rglob("*.jpg"))
        if file.parent.name not in LEFT_OUT and "Iconic" not in str(file)
    ]
    for file in files:
        image = Image.open(file).convert("RGB")
        long = max(image.size) > 1.25 * min(image.size)
        for left in (0.2, 0.8) if long else (0.5,):
            yield square(image, left)


def main(sources: Path, out: Path) -> None:
    for name, read in (("drawings", drawings), ("photos", photos)):
        images = []
        for image in read(sources):
            pixels = np.asarray(image)
            if pixels.std() > 4:  # an empty drawing teaches nothing
                images.append(pixels)
        unique = np.unique(np.stack(images), axis=0)
        np.random.default_rng(31).shuffle(unique)
        np.savez(out / f"{name}.npz", images=unique)
        sys.stdout.write(f"{name}: {len(unique)} of {len(images)} images\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
