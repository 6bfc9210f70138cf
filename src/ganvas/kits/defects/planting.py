"""Planted defects: good images with a drawn defect, whose place, size and contrast are known.

A detector chooses its parts by them, because bad images are not there when it is fitted. They look
like defects in general, not like those of a product: they order detectors, and an AUROC on them is
no promise for real defects.

Sources: pieces of an image elsewhere, and scars, Li et al. 2021 (CutPaste), arXiv:2104.04015; masks
    of Perlin noise, filled with another texture at a drawn opacity, Zavrtanik et al. 2021 (DRAEM),
    arXiv:2108.07610; Perlin 1985, "An image synthesizer".
Differs: another good image is the foreign texture, so that no data set of textures is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Random = np.random.Generator

SIZES = (0.05, 0.3)
"""Least and largest side of a defect, as a share of the image's: the root of their areas' ratio."""
LARGE = (0.3, 0.9)
"""The same for images that show one small shape, whose shape is wrong more often than a spot. On a
class of MNIST, these order the parts as the other nine classes do; smaller ones do not."""
CONTRASTS = (0.5, 3.0)
"""Least and largest change of grey levels, in standard deviations of the image's pixels."""
SEEN = 2.0
"""Grey levels by which a defect must change its pixels in the mean, or it is drawn elsewhere."""
TRIES = 12


class Box(NamedTuple):
    """Rows and columns of an image: from (top, left), height x width pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, image: np.ndarray) -> np.ndarray:
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True)
class Planted:
    """Images with one planted defect each.

    Attributes:
        images: uint8 [M, H, W, C].
        masks: bool [M, H, W]: pixels that changed.
        rows: for each the row of the good image that it was, [M].
        kinds: for each its name in `KINDS`.
        sizes, contrasts: for each what was drawn, float64 [M]; see `SIZES` and `CONTRASTS`.
    """

    images: np.ndarray
    masks: np.ndarray
    rows: np.ndarray
    kinds: tuple[str, ...]
    sizes: np.ndarray
    contrasts: np.ndarray


def plant(
    good: np.ndarray,
    times: int,
    seed: int,
    *,
    rows: Sequence[int] | None = None,
    kinds: Sequence[str] = (),
    sizes: tuple[float, float] = SIZES,
    contrasts: tuple[float, float] = CONTRASTS,
    within: np.ndarray | None = None,
) -> Planted:
    """Each image `times` times, with another defect each time; the kinds come in turn.

    The k-th defect of an image depends on (seed, its row, k) and on the good images alone.

    Args:
        good: uint8 [N, H, W, C].
        times: how many defective copies of each image.
        seed: of all that is drawn.
        rows: of the images to plant into; None: all. The others only give pieces.
        kinds: names in `KINDS`; none: all.
        sizes, contrasts: limits within which both are drawn, log-uniformly; equal ones fix them.
        within: bool [H, W]: only these pixels change; None: all may.
    """
    names, images, masks, drawn = list(kinds or KINDS), [], [], []
    for row in range(len(good)) if rows is None else rows:
        for turn in range(times):
            rng = np.random.Generator(np.random.Philox(key=[seed, row * 65_536 + turn]))
            size, contrast = _drawn(rng, sizes), _drawn(rng, contrasts)
            kind = names[(row * times + turn) % len(names)]
            # Half of the pieces are the image's own, as in CutPaste.
            other = rng.integers(len(good)) if rng.random() < 0.5 else row
            image, mask = defective(good[row], kind, rng, size, contrast, good[other], within)
            images.append(image)
            masks.append(mask)
            drawn.append((row, kind, size, contrast))
    rows, named, large, strong = zip(*drawn, strict=True)
    return Planted(
        np.stack(images), np.stack(masks), np.array(rows), named, np.array(large), np.array(strong)
    )


def defective(
    image: np.ndarray, kind: str, rng: Random, size: float, contrast: float, donor: np.ndarray,
    within: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """One defect: uint8 [H, W, C] -> the same shape, and the pixels that changed [H, W].

    Where it can hardly be seen (a missing piece of the background), it is drawn elsewhere; where it
    cannot be seen anywhere, it is a blob.
    """
    levels = contrast * max(float(image.std()), SEEN)
    for name in (*[kind] * TRIES, "blob"):
        shape, filling = KINDS[name]
        box = _box(image.shape[:2], name, size, rng, within)
        soft = shape(box, rng)[..., None]
        part = box.of(image).astype(np.float64)
        new = part + soft * (filling(image.astype(np.float64), box, donor, levels, rng) - part)
        found = image.copy()
        box.of(found)[...] = np.clip(np.rint(new), 0, 255)
        if within is not None:
            found[~within] = image[~within]
        changed = np.abs(found.astype(np.int16) - image).max(-1)
        inside = box.of(changed)[soft[..., 0] > 0.5]
        if inside.size and inside.mean() >= SEEN:
            break
    return found, changed > 0


def _drawn(rng: Random, limits: tuple[float, float]) -> float:
    """Log-uniform within the limits."""
    low, high = np.log(limits)
    return float(np.exp(rng.uniform(low, high)))


def _box(
    image: tuple[int, ...], kind: str, size: float, rng: Random, within: np.ndarray | None = None
) -> Box:
    """Where a defect is drawn: a box of the size's area, long where the kind is a line; its middle
    lies within the pixels that may change."""
    height, width = image
    side = size * np.sqrt(height * width)
    # Aspects of CutPaste's pieces, from 0.3 to 3.3; a line is thinned by its mask.
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(3.3)))
    tall = int(np.clip(round(side * np.sqrt(aspect)), 3, height))
    wide = int(np.clip(round(side / np.sqrt(aspect)), 3, width))
    if kind == "scar":
        tall = int(np.clip(2 * tall, 3, height))
        wide = int(np.clip(2 * wide, 3, width))
    if within is None:
        top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    else:
        y, x = np.divmod(rng.choice(np.flatnonzero(within)), width)
        top = np.clip(y - tall // 2, 0, height - tall)
        left = np.clip(x - wide // 2, 0, width - wide)
    return Box(int(top), int(left), tall, wide)


# --- shapes: how much of each pixel of a box is defective, 0 to 1 ---------------------------------


def _rectangle(box: Box, rng: Random) -> np.ndarray:
    return np.ones((box.height, box.width))


def _ellipse(box: Box, rng: Random) -> np.ndarray:
    """Full in the middle, falling over the outer third."""
    y, x = _middle(box)
    return np.clip(3 * (1 - np.hypot(y, x)), 0, 1)


def _line(box: Box, rng: Random) -> np.ndarray:
    """From corner to corner of the box, slightly bent, about a twelfth of its length thick."""
    y, x = _middle(box)
    bend = rng.uniform(-0.3, 0.3)
    across = np.abs(y - x - bend * (1 - x**2)) if rng.random() < 0.5 else None
    if across is None:
        across = np.abs(y + x - bend * (1 - x**2))
    thick = rng.uniform(0.06, 0.15)
    pixel = 1 / max(2, min(box.height, box.width))
    return np.clip((max(thick, 2 * pixel) - across) / (2 * pixel), 0, 1)


def _perlin(box: Box, rng: Random) -> np.ndarray:
    """Where gradient noise is high, within an ellipse: irregular, in one piece or several."""
    cells = int(rng.integers(2, 5))
    angles = rng.uniform(0, 2 * np.pi, (cells + 1, cells + 1))
    slopes = np.stack([np.sin(angles), np.cos(angles)], -1)
    y = (np.arange(box.height) + 0.5) * cells / box.height
    x = (np.arange(box.width) + 0.5) * cells / box.width
    (top, down), (left, right) = ((at.astype(int), at - at.astype(int)) for at in (y, x))

    def slope(below: int, beside: int) -> np.ndarray:
        near = slopes[np.ix_(top + below, left + beside)]
        return near[..., 0] * (down - below)[:, None] + near[..., 1] * (right - beside)

    ease_y, ease_x = (at**3 * (at * (6 * at - 15) + 10) for at in (down, right))
    upper = slope(0, 0) + ease_x * (slope(0, 1) - slope(0, 0))
    lower = slope(1, 0) + ease_x * (slope(1, 1) - slope(1, 0))
    noise = upper + ease_y[:, None] * (lower - upper)
    y, x = _middle(box)
    high = noise - np.quantile(noise, 0.4)
    return np.clip(6 * high / (noise.std() + 1e-9), 0, 1) * (np.hypot(y, x) < 1)


def _middle(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of a box's pixels, -1 to 1 from edge to edge."""
    y = (np.arange(box.height) + 0.5) * 2 / box.height - 1
    x = (np.arange(box.width) + 0.5) * 2 / box.width - 1
    return y[:, None], x[None]


# --- fillings: what is seen where a box is defective ----------------------------------------------


def _tone(image: np.ndarray, box: Box, donor: np.ndarray, levels: float, rng: Random) -> np.ndarray:
    """Lighter or darker, in the direction in which there is room."""
    part = box.of(image)
    lighter = rng.random() < 0.5
    room = 255 - part.mean() if lighter else part.mean()
    return part + (levels if lighter == (room > levels / 2) else -levels)


def _piece(
    image: np.ndarray, box: Box, donor: np.ndarray, levels: float, rng: Random
) -> np.ndarray:
    """A piece of a good image from another place, mirrored, a little lighter or darker."""
    height, width = image.shape[:2]
    top = rng.integers(0, height - box.height + 1)
    left = rng.integers(0, width - box.width + 1)
    part = Box(int(top), int(left), box.height, box.width).of(donor).astype(np.float64)
    for axis in (0, 1):
        part = np.flip(part, axis) if rng.random() < 0.5 else part
    return part + rng.uniform(-0.3, 0.3) * levels


def _foreign(
    image: np.ndarray, box: Box, donor: np.ndarray, levels: float, rng: Random
) -> np.ndarray:
    """Another texture and another tone shine through."""
    opacity = rng.uniform(0.2, 1.0)
    other = _piece(image, box, donor, levels, rng)
    return (1 - opacity) * _tone(image, box, donor, levels, rng) + opacity * other


def _surroundings(
    image: np.ndarray, box: Box, donor: np.ndarray, levels: float, rng: Random
) -> np.ndarray:
    """The piece is missing: the middle tone of the pixels around the box."""
    edge = max(2, min(box.height, box.width) // 4)
    top, left = max(0, box.top - edge), max(0, box.left - edge)
    wide = Box(top, left, box.top + box.height + edge - top, box.left + box.width + edge - left)
    around = np.ones(image.shape[:2], bool)
    box.of(around)[...] = False
    tone = np.median(wide.of(image)[wide.of(around)], 0) if wide.of(around).any() else 0.0
    return np.broadcast_to(tone, box.of(image).shape)


def _displaced(
    image: np.ndarray, box: Box, donor: np.ndarray, levels: float, rng: Random
) -> np.ndarray:
    """The piece is out of place by a tenth to a half of its size."""
    rows = _moved(box.top, box.height, image.shape[0], rng)
    columns = _moved(box.left, box.width, image.shape[1], rng)
    return image[np.ix_(rows, columns)]


def _moved(start: int, length: int, whole: int, rng: Random) -> np.ndarray:
    by = round(rng.uniform(0.1, 0.5) * length) * (1 if rng.random() < 0.5 else -1)
    return np.clip(np.arange(start, start + length) + by, 0, whole - 1)


Shape = Callable[[Box, Random], np.ndarray]
Filling = Callable[[np.ndarray, Box, np.ndarray, float, Random], np.ndarray]
KINDS: dict[str, tuple[Shape, Filling]] = {
    "cut-paste": (_rectangle, _piece),
    "scar": (_line, _tone),
    "blob": (_ellipse, _tone),
    "stain": (_perlin, _foreign),
    "missing": (_perlin, _surroundings),
    "shift": (_rectangle, _displaced),
}
"""Kinds of planted defects: the shape of each, and what fills it."""
