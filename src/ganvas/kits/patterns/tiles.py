"""Tiles from a texture: a generator is trained on crops and draws tiles of any size on a torus."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ... import images as pictures
from ...base.building import building
from ...base.keras_files import limited
from ...config import Config, load_recipe
from ...config.build import build
from ...errors import RunError, UsageError
from ...gan.networks import NETWORKS, Networks as Pair
from ...gan.networks.texture import Texture as Networks, take
from ...sampling.sampler import read_keras
from ...storage.job import begin
from ...storage.run import Run
from ...training.assembly import import_own_parts
from ...training.train import train_or_resume
from . import torus, work
from .crops import SIDE, crops, index_of, read_textures
from .quilting import Quilts

LARGEST = 4096
PIECE = 64  # cells a side in one call: a tile of 4096 pixels at once would need gigabytes
HALO = 2  # cells beyond a piece that it depends on, see `Texture`


def learn_tiles(
    textures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    kimg: float | None = None,
    scale: int | None = None,
    seed: int = 0,
    quilts: int = 0,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Tiles:
    """Train a generator on one or several textures; the same call again resumes it.

    Args:
        textures: image files, or folders of them; several are learnt by one generator, which can
            change from one into another, and needs as many times longer.
        folder: of the run; new, empty, or begun by the same call.
        kimg: length of training in thousand crops; None: that of the recipe `texture`.
        scale: see `read_textures`.
        seed: of the crops and of the training.
        quilts: side in pixels of a tile that is laid from blocks of each texture, and from which
            half of the crops are cut; 0: all are cut from the texture itself.
        overrides: other recipe values.
        progress: report progress on standard error.

    Raises: DataError: textures that cannot be used; RunError: a folder in other use.
    """
    paths = [textures] if isinstance(textures, (str, os.PathLike)) else list(textures)
    found = read_textures([Path(path) for path in paths], scale)
    base = Path(folder)
    files = {one.name: one.sha256 for one in found}
    values = {"train.seed": seed, **(overrides or {})}
    recipe_networks(values)
    about = {"kit": "patterns tile", "textures": files, "scale": scale, "settings": values}
    about |= {"quilts": quilts} if quilts else {}
    begin(base, about, work.REQUEST)
    if kimg is not None:
        values["train.kimg"] = kimg
    laid = Quilts(found)
    tiles = [laid.draw((quilts, quilts), one.name, seed) for one in found] if quilts else []
    data = crops(found, seed, tiles, int(values.get("data.size", SIDE)))
    run = train_or_resume(data, "texture", base / "run", values, progress=progress)
    return Tiles(run, [one.name for one in found], [(one.low, one.high) for one in found])


def recipe_networks(values: Mapping[str, Any]) -> Networks:
    """Those of the recipe with these values, which are about to be trained: own ones are imported.

    Raises: UsageError: others than `texture`.
    """
    config = load_recipe("texture").with_values(values)
    import_own_parts(config)
    return texture_networks(config)


def texture_networks(config: Config) -> Networks:
    """Those of a recipe. Raises: UsageError: others than `texture`."""
    networks = build("networks", config.networks, NETWORKS, Pair)
    if not isinstance(networks, Networks):
        raise UsageError(
            f"networks.name must be texture, got {type(networks).__name__}: omit networks.name"
        )
    return networks


def cells_of(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Size of the noise field of a tile. Raises: UsageError: no multiples of the stride."""
    wrong = [side for side in size if side % stride or not stride <= side <= LARGEST]
    if wrong:
        near = max(stride, round(wrong[0] / stride) * stride)
        raise UsageError(
            f"sides must be multiples of {stride} up to {LARGEST}, got {size[0]}x{size[1]}: use "
            f"{min(near, LARGEST)} for {wrong[0]}"
        )
    return size[0] // stride, size[1] // stride


class Tiles:
    """Draws tiles from a run of the recipe `texture`. The same seed gives the same tile.

    Args:
        run: the run, or its folder.
        names: of the textures, in the order of their labels.
        ranges: lowest and highest value [3] of each texture's channels, 0 to 255, to which its
            tiles are scaled.
    """

    def __init__(
        self,
        run: Run | str | os.PathLike[str],
        names: Sequence[str],
        ranges: Sequence[tuple[np.ndarray, np.ndarray]],
    ):
        self.run = run if isinstance(run, Run) else Run.open(run)
        self.names = list(names)
        self.ranges = np.array(ranges, np.float64).reshape(len(names), 2, 3)
        path = self.run.model("last")
        networks = texture_networks(self.run.config)
        if path is None:
            raise RunError(f"{self.run.folder} has no model yet: run the same command again")
        generator = read_keras(path)
        tables = [one for one in generator.layers if isinstance(one, keras.layers.Embedding)]
        self.vectors = tables[0].get_weights()[0] if tables else None
        self.networks = networks
        channels, textures = int(generator.output.shape[-1]), len(names) if tables else 0
        with building(), limited(generator.count_params()):
            self._torus = networks.torus(channels, textures)
        take(self._torus, generator)
        depth = self._torus.input["field"].shape[-1]
        self._infer = tf.function(
            lambda field: self._torus({"field": field}, training=False),
            input_signature=[tf.TensorSpec((1, None, None, depth))],
        )

    @property
    def stride(self) -> int:
        """A tile's sides are multiples of it."""
        return self.networks.stride

    def draw(
        self,
        size: tuple[int, int] = (256, 256),
        texture: str | int = 0,
        seed: int = 0,
        into: str | int | None = None,
    ) -> np.ndarray:
        """One tile.

        Args:
            size: (height, width) in pixels, multiples of `stride`.
            texture: which one, by name or place.
            seed: of all its noise.
            into: another texture, which the middle of the tile has.

        Returns: uint8 [height, width, 3].
        Raises: UsageError: a wrong size or an unknown texture.
        """
        cells = self.cells(size)
        share = torus.between(cells) if into is not None else np.zeros((*cells, 1), np.float32)
        return self._draw(cells, seed, texture, texture if into is None else into, share)

    def frames(
        self,
        size: tuple[int, int],
        texture: str | int,
        into: str | int,
        count: int = 40,
        seed: int = 0,
    ) -> np.ndarray:
        """A film from one texture into another and back, every frame a tile: uint8
        [count, height, width, 3]."""
        cells = self.cells(size)
        shares = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / count)
        whole = np.ones((*cells, 1), np.float32)
        return np.stack(
            [self._draw(cells, seed, texture, into, np.float32(share) * whole) for share in shares]
        )

    def about(self, texture: str, seed: int) -> dict[str, str]:
        """Metadata of a tile: its origin, sufficient to draw it again."""
        return work.provenance(self.run, texture=texture, seed=seed)

    def cells(self, size: tuple[int, int]) -> tuple[int, int]:
        """See `cells_of`."""
        return cells_of(size, self.stride)

    def _draw(
        self,
        cells: tuple[int, int],
        seed: int,
        first: str | int,
        second: str | int,
        share: np.ndarray,
    ) -> np.ndarray:
        """A tile; `share` is that of the second texture at each cell, 0 to 1, [h, w, 1]."""
        start, end = index_of(first, self.names), index_of(second, self.names)
        parts = [
            torus.plain(cells, self.networks.local, torus.rng_of(seed, 0)),
            torus.smooth(cells, self.networks.overall, torus.rng_of(seed, 1)),
        ]
        if self.vectors is not None:
            parts.append((1 - share) * self.vectors[start] + share * self.vectors[end])
        field = np.concatenate(parts, axis=-1)
        tile = pictures.to_uint8(self._image(field)).astype(np.float64) / 255
        ranges = self.ranges[start][:, None, None]
        if end != start:
            share = torus.enlarged(share, self.stride)
            ranges = ranges + share * (self.ranges[end] - self.ranges[start])[:, None, None]
        low, high = ranges
        tile = np.rint(np.clip(low + tile * (high - low), 0, 255)).astype(np.uint8)
        # Cells begin at the border, which is therefore shifted at random.
        shift = torus.rng_of(seed, 2).integers(0, self.stride, 2)
        return np.roll(tile, tuple(int(s) for s in shift), axis=(0, 1))

    def _image(self, field: np.ndarray) -> np.ndarray:
        """The output of the torus for a field [h, w, depth]; a large one in pieces."""
        height, width = field.shape[:2]
        if max(height, width) <= PIECE:
            return self._infer(field[None]).numpy()[0]
        wide = np.pad(field, [(HALO, HALO), (HALO, HALO), (0, 0)], mode="wrap")
        side, edge = PIECE + 2 * HALO, HALO * self.stride
        rows = [
            [
                self._infer(wide[None, r : r + side, c : c + side]).numpy()[0][
                    edge:-edge, edge:-edge
                ]
                for c in range(0, width, PIECE)
            ]
            for r in range(0, height, PIECE)
        ]
        return np.concatenate([np.concatenate(row, axis=1) for row in rows])
