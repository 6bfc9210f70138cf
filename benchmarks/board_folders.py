"""The small folders of quality_board.py: training images, and held-out ones that nobody trains on.

Read from $GANVAS_DATA (default ../shared/data); what is absent there is left out.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ganvas import images as pictures

DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
Labels = np.ndarray | None


@dataclass(frozen=True)
class Folder:
    """A folder of the board.

    Attributes:
        file: below $GANVAS_DATA.
        read: file -> training images uint8 [N, H, W, C], their labels, held-out images.
        recipe: the one that a user would take today.
        overrides: values that are changed in it.
        most: so many of the training images are used; the others are held out, too.
        long: whether there is a mark at 600 seconds.
        files: whether own contenders get a folder of PNG files in place of arrays.
        gamma: weight of R1 and R2 in the R3GAN paper's run on the most similar images, at the
            start; a tenth at the end. arXiv:2501.05441, table 9.
    """

    file: str
    read: Callable[[Path], tuple[np.ndarray, Labels, np.ndarray]]
    recipe: str
    overrides: dict
    long: bool = False
    files: bool = False
    gamma: float = 2.0
    most: int = 10**9

    @property
    def there(self) -> bool:
        return (DATA / self.file).exists()


@cache
def arrays(name: str) -> tuple[np.ndarray, Labels, np.ndarray]:
    folder = ALL[name]
    images, labels, held = folder.read(DATA / folder.file)
    held = np.concatenate([images[folder.most :], held])
    return images[: folder.most], None if labels is None else labels[: folder.most], held


def apart(images: np.ndarray, held: int) -> tuple[np.ndarray, Labels, np.ndarray]:
    """Random images are held out."""
    order = np.random.default_rng(0).permutation(len(images))
    return images[order[held:]], None, images[order[:held]]


def emoji(path: Path) -> tuple[np.ndarray, Labels, np.ndarray]:
    """Laid over white."""
    with np.load(path) as file:
        pixels = file["rgba"].astype(np.float32)
    alpha = pixels[..., 3:] / 255
    return apart((pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8), 386)


def icons(path: Path) -> tuple[np.ndarray, Labels, np.ndarray]:
    """Black on white."""
    with np.load(path) as file:
        return apart(255 - file["alpha"][..., None], 370)


def cifar(path: Path) -> tuple[np.ndarray, Labels, np.ndarray]:
    with np.load(path) as file:
        return file["x_train"], file["y_train"].astype(np.int32), file["x_test"]


def faces(path: Path) -> tuple[np.ndarray, Labels, np.ndarray]:
    """Cut to squares; the last five people are held out."""
    with np.load(path) as file:
        people = np.unique(file["y"])
        held = np.isin(file["y"], people[-5:])
        squares = np.stack([pictures.refit(x, (64, 64), 1) for x in file["x"][..., None]])
    return squares[~held], None, squares[held]


def xrays(path: Path) -> tuple[np.ndarray, Labels, np.ndarray]:
    """The parts for validation and test are held out."""
    with np.load(path) as file:
        held = np.concatenate([file["val_images"], file["test_images"]])[..., None]
        return file["train_images"][..., None], file["train_labels"].ravel().astype(np.int32), held


def textures(path: Path) -> tuple[np.ndarray, Labels, np.ndarray]:
    """Crops of the left three quarters of each texture; those of the right quarter are held out."""
    rng = np.random.default_rng(0)
    left, right = [], []
    for image in whole_textures(path):
        edge = 3 * image.shape[1] // 4
        left += [cut(image[:, :edge], rng) for _ in range(96)]
        right += [cut(image[:, edge:], rng) for _ in range(48)]
    return rng.permutation(np.stack(left)), None, rng.permutation(np.stack(right))


def whole_textures(path: Path) -> list[np.ndarray]:
    found: dict[bytes, np.ndarray] = {}
    with zipfile.ZipFile(path) as file:
        for name in sorted(file.namelist()):
            if name.lower().endswith((".jpg", ".jpeg", ".png")):
                image = pictures.read(file.read(name), channels=3)
                found.setdefault(image.tobytes(), image)  # one is there twice
    return list(found.values())


def cut(image: np.ndarray, rng: np.random.Generator, side: int = 64) -> np.ndarray:
    top, start = (rng.integers(0, size - side + 1) for size in image.shape[:2])
    return image[top : top + side, start : start + side]


def write_files(name: str, place: Path) -> Path:
    """The training images as a user's folder of PNG files; a folder that is complete is kept."""
    train, _, _ = arrays(name)
    if len(list(place.glob("*.png"))) < len(train):
        for number, image in enumerate(train):
            pictures.write_png(place / f"{number:05}.png", image)
    return place


FOLDERS = {
    "emoji": Folder("noto_emoji_64.npz", emoji, "rgb64", {}, long=True),
    "cifar": Folder("cifar10_12k.npz", cifar, "quick", {}, long=True, gamma=0.05),
    "faces": Folder("orl_faces.npz", faces, "small-folder", {}),
    "icons": Folder("simple_icons_64.npz", icons, "quick", {}, files=True),
    "xrays": Folder("pneumoniamnist_full.npz", xrays, "quick", {}, gamma=1.0),
    "textures": Folder("propaganda_textures.zip", textures, "rgb64", {}),
}

STUDY = {
    f"{name}-{count}": Folder(file, read, "finetune", {}, most=count)
    for name, file, read in (
        ("emoji", "noto_emoji_64.npz", emoji), ("cifar", "cifar10_12k.npz", cifar),
    )
    for count in (100, 400, 2000)
} | {"xrays-4708": Folder("pneumoniamnist_full.npz", xrays, "finetune", {})}  # fmt: skip
"""Folders of several sizes that the pretrained pairs never saw, and one that is far from both."""
ALL = FOLDERS | STUDY
