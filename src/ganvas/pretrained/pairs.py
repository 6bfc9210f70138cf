"""A pair of networks in one .npz file: arrays in half precision, and a text that describes them.

Reading a file executes nothing: the text names networks of ganvas, and the arrays are numbers.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from ..base.arrays import open_npz
from ..base.building import building
from ..base.files import replacing
from ..base.keras_files import limited
from ..config.build import build
from ..errors import ModelError, UsageError
from ..gan.networks import NETWORKS, Networks
from ..gan.networks.base import map_sizes
from ..gan.pairing import class_count
from ..images import to_uint8, write_png
from ..images.sheets import sheet
from .cards import WEIGHTS, card

PLAYERS = ("generator", "discriminator")
MOST = 2**27
"""Most weights of a pair: half a gigabyte in float32."""


@dataclass(frozen=True)
class Pair:
    """A generator and its discriminator, trained together.

    Attributes:
        name: of the pair or of its file.
        reference: the mean of its training images' features `general`, float32 [1280]; None if the
            file has none.
    """

    name: str
    generator: keras.Model
    discriminator: keras.Model
    reference: np.ndarray | None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.generator.output.shape[1:]


def bundled(name: str, side: int) -> Pair:
    """A pair of the package, for images whose shorter side has so many pixels: of its sizes the one
    whose networks have as many levels, else the nearest.

    Raises: UsageError: no such pair, or its file is damaged.
    """
    about = card(name)

    def distance(size: int) -> tuple[int, float]:
        levels = [len(map_sizes((one, one, 3))) for one in (size, side)]
        return abs(levels[0] - levels[1]), abs(size - side)

    size = min(about.sizes, key=distance)
    try:
        content = (WEIGHTS / f"{name}-{size}.npz").read_bytes()
    except OSError as error:
        raise UsageError(f"the bundled pair {name}-{size} is missing: reinstall ganvas") from error
    if hashlib.sha256(content).hexdigest() != about.sha256[str(size)]:
        raise UsageError(
            f"the bundled pair {name}-{size} has another sha256 than it should: reinstall ganvas"
        )
    return _read(io.BytesIO(content), f"{name}-{size}")


def read(path: Path) -> Pair:
    """A pair from a file that `save` wrote.

    Raises: ModelError: it cannot be read, or is no such file.
    """
    try:
        return _read(path, path.name)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): give a pair's file") from error
    except (ValueError, KeyError, TypeError, UsageError, zipfile.BadZipFile) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} is no pair of networks ({why}): give a file that "
            "`ganvas pretrained --pack` wrote"
        ) from error


def save(
    path: Path,
    networks: Mapping[str, Any],
    generator: keras.Model,
    discriminator: keras.Model,
    reference: np.ndarray | None = None,
) -> None:
    """Write a pair; `networks` is the recipe's part. It appears completely or not at all.

    Raises: UsageError: a weight that does not fit into half precision.
    """
    shape, classes = generator.output.shape[1:], _classes(generator)
    about = {"networks": dict(networks), "shape": list(shape), "classes": classes}
    arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    numbers = {} if reference is None else {"reference": reference}
    for player, network in zip(PLAYERS, (generator, discriminator), strict=True):
        weights = network.get_weights()
        numbers |= {f"{player}/{number:03d}": weight for number, weight in enumerate(weights)}
    if not all(np.abs(array).max() <= np.finfo(np.float16).max for array in numbers.values()):
        raise UsageError(
            "a weight of these networks is too large for half precision: train with a smaller "
            "learning rate, or begin from the run itself"
        )
    arrays |= {name: array.astype(np.float16) for name, array in numbers.items()}
    with replacing(path) as file:
        np.savez(file, **arrays)


def picture(name: str, path: Path, images: int = 64) -> None:
    """Write a grid of images that the largest networks of a pair draw, as a PNG file."""
    pair = bundled(name, max(card(name).sizes))
    noise = np.random.default_rng(0).normal(size=(images, pair.generator.input["noise"].shape[-1]))
    drawn = pair.generator({"noise": noise.astype(np.float32)}, training=False)
    write_png(path, sheet(to_uint8(drawn)), synthetic=True)


def _read(file: Path | IO[bytes], name: str) -> Pair:
    with open_npz(file) as arrays:
        about = json.loads(arrays["about"].tobytes().decode())
        stored = {player: _numbered(arrays, player) for player in PLAYERS}
        reference = arrays["reference"].astype(np.float32) if "reference" in arrays.files else None
    shape, classes = tuple(about["shape"]), about["classes"]
    if len(shape) != 3 or not all(type(n) is int and 1 <= n <= 1024 for n in shape):
        raise ValueError(f"its images are {shape}")
    if type(classes) is not int or not 0 <= classes <= 100_000:
        raise ValueError(f"it has {classes!r} classes")
    networks = build("networks", about["networks"], NETWORKS, Networks)
    count = sum(array.size for arrays in stored.values() for array in arrays)
    with building(), limited(min(count, MOST)):
        pair = networks.generator(shape, classes), networks.discriminator(shape, classes)
    for network, weights in zip(pair, stored.values(), strict=True):
        network.set_weights(weights)
    return Pair(name, *pair, reference)


def _numbered(arrays: Any, player: str) -> list[np.ndarray]:
    names = sorted(name for name in arrays.files if name.startswith(f"{player}/"))
    found = [arrays[name].astype(np.float32) for name in names]
    if not all(np.isfinite(array).all() for array in found):
        raise ValueError("some of its weights are not finite")
    return found


def _classes(generator: keras.Model) -> int:
    return class_count(generator) if "label" in generator.input else 0
