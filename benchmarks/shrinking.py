"""Images brought to a much smaller size in two steps, as `ganvas.images` does, against one.

    python benchmarks/shrinking.py

The 21 distinct textures of `propaganda_textures.zip` (512 px), decoded in full, to 64 px by
Pillow's antialiased bicubic filter: in one step; and in two, where the first leaves at least twice
what is wanted. Seconds without decoding, the median of seven turns; grey levels (of 255) between
both. Writes results/shrinking.md.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from PIL import Image, ImageOps

import jobs
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
    row = [
        str(len(images)), f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to "
        f"{max(ratios):.2f})", f"{apart.mean():.2f}", f"{np.percentile(apart, 99):.0f}",
        str(apart.max()),
    ]  # fmt: skip
    text = "# Shrinking in two steps\n\n`benchmarks/shrinking.py`: 512 to 64 px\n\n"
    text += jobs.markdown(head, [row])
    (jobs.RESULTS / "shrinking.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
