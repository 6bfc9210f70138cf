"""Pictures of a tile in use, on a wall and in cloth, computed from the tile alone."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

FINE = 2  # drawn so many times larger, then reduced


def wallpaper(tile: np.ndarray, width: int = 960, height: int = 640) -> np.ndarray:
    """A room with the tile on its wall: uint8 [H, W, 3] -> [height, width, 3].

    The wall is 2.4 m of 640 pixels high; a tile of 256 pixels becomes 64 cm wide.
    """
    skirting, floor = int(0.80 * height), int(0.835 * height)
    repeat = max(1, round(width / 960 * 170 * tile.shape[1] / 256))
    small = _resized(tile, repeat, max(1, round(repeat * tile.shape[0] / tile.shape[1])))
    wall = _tiled(small, floor, width).astype(np.float64)
    y, x = np.mgrid[0:height, 0:width] / (height, width)[0]
    lamp = np.exp(-(((x - 0.42) / 0.75) ** 2 + ((y - 0.12) / 0.62) ** 2))
    sheet = np.empty((height, width, 3))
    sheet[:floor] = wall
    board = np.array([214, 196, 172]) * (0.93 + 0.07 * _planks(y, x)[..., None])
    sheet[floor:] = board[floor:]
    sheet[skirting:floor] = 238
    sheet *= (0.62 + 0.5 * lamp)[..., None] * _dim(y, floor / height)[..., None]
    room = Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8))
    room = _furnished(room, _tone(tile), width, height)
    return np.asarray(room)


def fabric(tile: np.ndarray, width: int = 640, height: int = 640) -> np.ndarray:
    """The tile printed on cloth that hangs in folds: uint8 [H, W, 3] -> [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64) / height
    fan = 1 + 0.25 * y  # folds open downwards
    u = (x - width / height / 2) / fan
    phase = 2 * np.pi * (3.1 * u + 0.10 * np.sin(5 * y + 2 * u))
    folds = np.sin(phase) + 0.45 * np.sin(2.3 * phase + 1.3 + 1.5 * y) + 0.2 * np.sin(5.1 * phase)
    depth = 0.018 * folds * (0.4 + 0.6 * y)
    slope = np.gradient(depth, 1 / height, axis=1), np.gradient(depth, 1 / height, axis=0)
    scale = tile.shape[0] * 2.6
    rows = ((y + 0.4 * depth) * scale).astype(int) % tile.shape[0]
    columns = ((u + 0.9 * depth) * scale).astype(int) % tile.shape[1]
    light = np.array([-0.55, -0.35, 0.76])
    normal = np.stack([-4 * slope[0], -4 * slope[1], np.ones_like(depth)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = 0.3 + 0.95 * np.clip(normal @ light, 0, 1)
    cloth = tile[rows, columns] * shade[..., None]
    hem = 0.93 + 0.022 * folds
    edge = np.abs(x - width / height / 2) < 0.37 * fan * width / height
    inside = Image.fromarray((255 * ((y < hem) & edge & (y > 0.03))).astype(np.uint8))
    soft = inside.filter(ImageFilter.GaussianBlur(0.8))
    ground = np.full((height, width, 3), 232.0) - 26 * y[..., None]
    shadow = np.asarray(_moved(inside, 10, 14).filter(ImageFilter.GaussianBlur(14))) / 255
    ground *= (1 - 0.38 * shadow)[..., None]
    alpha = np.asarray(soft)[..., None] / 255
    return np.clip(alpha * cloth + (1 - alpha) * ground, 0, 255).astype(np.uint8)


def repeated(tile: np.ndarray, times: int) -> np.ndarray:
    """The tile beside itself, times by times."""
    return np.tile(tile, (times, times, 1))


def _furnished(room: Image.Image, tone: tuple[int, int, int], w: int, h: int) -> Image.Image:
    """A sofa, a lamp and a plant's pot, with their shadows."""
    big = Image.new("RGBA", (FINE * w, FINE * h))
    draw = ImageDraw.Draw(big)

    def block(
        box: tuple[float, float, float, float],
        colour: tuple[int, int, int],
        radius: float = 0.02,
    ) -> None:
        left, top, right, bottom = (FINE * h * v for v in box)
        draw.rounded_rectangle((left, top, right, bottom), FINE * h * radius, fill=colour)

    dark, light = (_toned(tone, f) for f in (0.78, 1.12))
    for left in (0.50, 1.10):  # feet
        block((left, 0.87, left + 0.025, 0.915), (92, 66, 46), 0.005)
    block((0.46, 0.56, 1.17, 0.82), tone, 0.05)  # back
    block((0.42, 0.66, 0.54, 0.88), dark, 0.045)  # arms
    block((1.09, 0.66, 1.21, 0.88), dark, 0.045)
    block((0.53, 0.73, 0.815, 0.81), light, 0.03)  # cushions
    block((0.815, 0.73, 1.10, 0.81), light, 0.03)
    block((0.52, 0.79, 1.11, 0.885), tone, 0.02)
    draw.line([FINE * h * v for v in (0.24, 0.33, 0.24, 0.90)], (60, 58, 56), FINE * 4)
    block((0.19, 0.895, 0.29, 0.91), (60, 58, 56), 0.008)
    draw.polygon(
        [FINE * h * v for v in (0.19, 0.24, 0.29, 0.24, 0.325, 0.37, 0.155, 0.37)],
        fill=(250, 240, 214),
    )
    things = big.resize((w, h), Image.Resampling.LANCZOS)
    mask = things.getchannel("A")
    shadow = _moved(mask, round(0.016 * h), round(0.012 * h)).filter(
        ImageFilter.GaussianBlur(0.016 * h)
    )
    room = Image.composite(Image.new("RGB", room.size, (24, 20, 18)), room,
                           shadow.point(lambda v: int(0.45 * v)))  # fmt: skip
    room.paste(things, (0, 0), things)
    return room


def _moved(mask: Image.Image, x: int, y: int) -> Image.Image:
    return mask.transform(mask.size, Image.Transform.AFFINE, (1, 0, -x, 0, 1, -y))


def _resized(tile: np.ndarray, width: int, height: int) -> np.ndarray:
    """Smaller or larger, and still a tile: the filter continues across the border."""
    h, w = tile.shape[:2]
    wide = Image.fromarray(np.tile(tile, (3, 3, 1)))
    box = (w, h, 2 * w, 2 * h)
    return np.asarray(wide.resize((width, height), Image.Resampling.LANCZOS, box=box))


def _tiled(tile: np.ndarray, height: int, width: int) -> np.ndarray:
    h, w = tile.shape[:2]
    return np.tile(tile, (-(-height // h), -(-width // w), 1))[:height, :width]


def _planks(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Floorboards: a tone for each, and dark joints."""
    row = np.floor((y - 0.835) / 0.055)
    tone = np.sin(12.9898 * row + 78.233 * np.floor(x * 2.2 + 0.37 * row)) % 1
    joint = ((y - 0.835) % 0.055 < 0.004) | ((x * 2.2 + 0.37 * row) % 1 < 0.006)
    return np.where(joint, -2.5, tone)


def _dim(y: np.ndarray, floor: float) -> np.ndarray:
    """Darker towards the corner of wall and floor."""
    return 1 - 0.22 * np.exp(-(((y - floor) / 0.05) ** 2))


def _tone(tile: np.ndarray) -> tuple[int, int, int]:
    """A muted colour that suits the tile: its mean, greyer and lighter."""
    mean = tile.reshape(-1, 3).mean(axis=0)
    quiet = 0.45 * mean + 0.55 * mean.mean()
    quiet = quiet * (150 / max(40.0, quiet.mean())) ** 0.8
    return _toned((int(quiet[0]), int(quiet[1]), int(quiet[2])), 1)


def _toned(colour: tuple[int, int, int], factor: float) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, int(factor * part))) for part in colour)
    return red, green, blue
