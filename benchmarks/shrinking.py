"""Images brought to a much smaller size in two steps, as `ganvas.images` does, against one.

    python benchmarks/shrinking.py

The 21 distinct textures of `propaganda_textures.zip` (512 px), decoded in full, to 64 px by
Pillow's antialiased bicubic filter: in one step; and in two, where the first leaves at least twice
what is wanted. Seconds without decoding, the median of seven turns; grey levels (of 255) between
both. Adds to results/shrinking.jsonl and writes
results/shrinking.md.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from PIL import Image, ImageOps

import store
from ganvas.images import _to_size
from patterns import textures

SIZE = 64


def once(image: Image.Image) -> Image.Image:
    return ImageOps.fit(image, (SIZE, SIZE), Image.Resampling.BICUBIC)


def twice(image: Image.Image) -> Image.Image:
    return _to_size(image, SIZE, SIZE, "crop")


def timed(shrink, images: list[Image.Image]) -> tuple[float, np.ndarray]:
    began = time.perf_counter()
    small = [shrink(image) for image in images]
    seconds = time.perf_counter() - began
    return seconds, np.stack([np.asarray(image) for image in small]).astype(int)


def main() -> None:
    images = [Image.open(path).convert("RGB") for path in textures().values()]
    ratios = []
    for _ in range(7):
        one, full = timed(once, images)
        two, ours = timed(twice, images)
        ratios.append(two / one)
    apart = np.abs(ours - full)
    head = ["images", "time of one step", "grey levels apart, mean", "99 % within", "at most"]
    result = {
        "images": len(images), "ratio": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2), "highest": round(max(ratios), 2),
        "mean_apart": round(apart.mean(), 2), "99_percent_within": round(np.percentile(apart, 99)),
        "most_apart": int(apart.max()),
    }  # fmt: skip
    store.add("shrinking", "report", result)
    images, ratio, low, high, *greys = map(str, result.values())
    text = "# Shrinking in two steps\n\n`benchmarks/shrinking.py`: 512 to 64 px\n\n"
    text += store.markdown(head, [[images, f"{ratio} ({low} to {high})", *greys]])
    store.write_table("shrinking", text)


if __name__ == "__main__":
    main()
