"""Colours: sRGB and Lab, palettes found in images, images brought to a palette."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ...data.groups import k_means, nearest
from ...errors import UsageError, no_such

NAMED = {
    "black": "#141414", "blue": "#1e50d2", "brown": "#7a4a2a", "cyan": "#19b9cd",
    "gray": "#8c8c8c", "green": "#2e9e3e", "orange": "#f5871f", "pink": "#f58cb4",
    "purple": "#8232b4", "red": "#d7232d", "white": "#fafafa", "yellow": "#fad72d",
}  # fmt: skip
"""Names that a palette takes besides "#rrggbb", and the main colours that logos are sorted by:
the 12 of LoGAN (Mino & Spanakis 2018, arXiv:1810.10395)."""

# Yellow in images (gold, faces) is warmer than the yellow of the name.
_CENTRES = {**NAMED, "yellow": "#fac83c"}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
_WHITE = _TO_XYZ.sum(axis=1)
_KNEE = (6 / 29) ** 3
PAPER = 18.0  # Lab distance from the border's colour from which a pixel is figure
_MOST = 20_000  # pixels that a palette is computed from
_MAIN = 0.6  # at least this share of a figure is in its main colour
_SOFT = 15.0  # Lab distance over which a pixel between two colours belongs to both


def to_lab(pixels: np.ndarray) -> np.ndarray:
    """uint8 sRGB [..., 3] -> CIE Lab under D65, float64 [..., 3].

    Source: IEC 61966-2-1 (sRGB); CIE 15 (Lab).
    """
    x = np.asarray(pixels, np.float64) / 255
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > _KNEE, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """CIE Lab [..., 3] -> uint8 sRGB [..., 3]; colours outside sRGB are clipped."""
    lab = np.asarray(lab, np.float64)
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    x = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * x).astype(np.uint8)


def parse_palette(text: str) -> list[str]:
    """'#e63946, blue' -> ["#e63946", "#1e50d2"]: colours as #rrggbb, #rgb or names of `NAMED`.

    Raises: UsageError: empty, or another colour.
    """
    colours = [one.strip().lower() for one in text.split(",")]
    if not any(colours):
        raise UsageError('the palette is empty: give "#rrggbb,..." or names of colours')
    return [_hex(one) for one in colours if one]


def _hex(one: str) -> str:
    if re.fullmatch(r"#[0-9a-f]{6}", one):
        return one
    if re.fullmatch(r"#[0-9a-f]{3}", one):
        return "#" + "".join(2 * digit for digit in one[1:])
    if one.startswith("#"):
        raise UsageError(f"colour must be #rrggbb (six digits 0 to f), got '{one}'")
    if one not in NAMED:
        raise UsageError(f"{no_such('colour', one, NAMED)}, or #rrggbb")
    return NAMED[one]


def rgb_of(colours: Sequence[str]) -> np.ndarray:
    """["#rrggbb", ...] -> uint8 [K, 3]."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], np.uint8)


def hex_of(rgb: np.ndarray) -> list[str]:
    """uint8 [K, 3] -> ["#rrggbb", ...]."""
    return ["#" + "".join(f"{int(value):02x}" for value in row) for row in rgb]


def name_of(lab: np.ndarray) -> np.ndarray:
    """Which name of `NAMED` each colour is nearest to: Lab [..., 3] -> int [...].

    Lightness counts half: a dark red is a red.
    """
    weights = np.array([0.5, 1, 1])
    flat = (np.asarray(lab) * weights).reshape(-1, 3)
    return nearest(flat, to_lab(rgb_of(list(_CENTRES.values()))) * weights).reshape(lab.shape[:-1])


def figure(image: np.ndarray) -> np.ndarray:
    """Which pixels are figure, not paper, bool [H, W]: those far from the colour that most of the
    border has; all, if the border has no such colour or the image has no other.

    Shapes: uint8 [H, W, 3].
    """
    lab = to_lab(image)
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    paper = np.median(border, axis=0)
    if (np.linalg.norm(border - paper, axis=-1) > PAPER).mean() > 0.5:
        return np.ones(image.shape[:2], bool)
    found = np.linalg.norm(lab - paper, axis=-1) > PAPER
    return found if found.mean() > 0.01 else np.ones(image.shape[:2], bool)


def main_colours(images: np.ndarray) -> np.ndarray:
    """The name (its place in `NAMED`) that most of each figure's pixels are nearest to.

    Shapes: uint8 [N, H, W, 3] -> int [N].
    """
    found = []
    for image in images:
        names = name_of(to_lab(image[figure(image)]))
        found.append(int(np.bincount(names, minlength=len(NAMED)).argmax()))
    return np.array(found)


def palette(images: np.ndarray, count: int = 5, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """The main colours of images: k-means in Lab.

    Args:
        images: uint8 [N, H, W, 3] or [H, W, 3].
        count: number of colours; fewer if the images have fewer.

    Returns: colours as #rrggbb, the most frequent first, and their shares [K].
    """
    rng = np.random.Generator(np.random.Philox(seed))
    lab = to_lab(images.reshape(-1, 3))
    sample = lab[np.sort(rng.permutation(len(lab))[:_MOST])]
    centres = k_means(sample, count, rng)
    shares = np.bincount(nearest(sample, centres), minlength=len(centres)) / len(sample)
    order = np.argsort(-shares, kind="stable")
    return hex_of(to_rgb(centres[order])), shares[order]


def recolour(image: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """An image whose figure has these colours, its shades and its paper kept.

    The figure's own palette is found by k-means in Lab; its main colour goes to the first of
    `colours`, with those like it, until they make up most of the figure; the others go to the
    nearest of the rest. Each pixel moves as the colours near it do.

    Shapes: uint8 [H, W, 3] -> the same.
    Source: a simple version of Chang et al. 2015, "Palette-based photo recoloring".
    """
    inside = figure(image)
    lab = to_lab(image)
    pixels = lab[inside]
    rng = np.random.Generator(np.random.Philox(0))
    own = k_means(pixels, min(max(len(colours), 3), 5), rng)
    group = nearest(pixels, own)
    shares = np.bincount(group, minlength=len(own)) / len(pixels)
    goal = _goals(own, shares, to_lab(rgb_of(colours)))
    distance = ((pixels[:, None] - own) ** 2).sum(axis=-1)
    weights = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / (2 * _SOFT**2))
    weights /= weights.sum(axis=1, keepdims=True)
    moved = lab.copy()
    rest = (pixels - weights @ own) * [1, 0.5, 0.5]  # of the old hues, half is left
    moved[inside] = weights @ goal + rest
    result = image.copy()
    result[inside] = to_rgb(moved[inside])
    return result


def _goals(own: np.ndarray, shares: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The new colour of each of a figure's own colours, Lab [K, 3]. Those like its main colour, and
    the next ones until they make up most of it, become shades of the first of `colours`; lightness
    counts half."""
    main = int(shares.argmax())
    away = np.linalg.norm((own - own[main]) * [0.5, 1, 1], axis=1)
    goal, share = np.empty_like(own), 0.0
    for i in np.argsort(away, kind="stable"):
        if len(colours) == 1 or away[i] < PAPER or share < _MAIN:
            goal[i] = _shade(colours[0], own[i, 0] - own[main, 0])
        else:
            rest = colours[1:]
            goal[i] = rest[np.argmin(np.linalg.norm(rest - own[i], axis=1))]
        share += shares[i]
    return goal


def _shade(lab: np.ndarray, step: float) -> np.ndarray:
    """A colour lighter or darker by a step of L, and less saturated towards white or black; its hue
    stays."""
    lightness = float(np.clip(lab[0] + step, 0, 100))
    pale = (100 - lightness) / max(100 - lab[0], 1) if step > 0 else lightness / max(lab[0], 1)
    return np.array([lightness, *(min(1.0, pale) * lab[1:])])


def ink(shape: np.ndarray, colour: str, paper: str = "#ffffff") -> np.ndarray:
    """How much ink each pixel has, in the ink's colour on paper; mixed in linear light.

    Shapes: uint8 [H, W] -> uint8 [H, W, 3].
    """
    share = shape.astype(np.float64)[..., None] / 255
    ends = (rgb_of([paper, colour]) / 255) ** 2.2
    return np.rint(255 * (ends[0] * (1 - share) + ends[1] * share) ** (1 / 2.2)).astype(np.uint8)
