"""One piece of quality_board.py by PyTorch: `python benchmarks/peers/loop.py PIECE.json`.

Runs in an environment of its own, which has PyTorch and NumPy, and for `lightweight` its package;
ganvas is not imported.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from board_clock import Piece, pin, play

if __name__ == "__main__":
    pin(Piece.read(sys.argv[1]).core)

import numpy as np
import torch
from torch.nn import functional


class Pixels:
    """The training images as floats [N, C, H, W] in [-1, 1], in random order without end."""

    margin = 0

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        self.labels = None if labels is None else torch.from_numpy(labels).long()
        self.channels, self.side = self.images.shape[1:3]
        self.classes = 0 if labels is None else int(labels.max()) + 1
        self.rows = torch.empty(0, dtype=torch.long)

    def padded(self) -> Pixels:
        """28 px become 32, for networks whose sides are powers of two, by repeating the border."""
        margin = (32 - self.side) // 2 if self.side < 32 else 0
        self.images = functional.pad(self.images, [margin] * 4, mode="replicate")
        self.side, self.margin = self.side + 2 * margin, margin
        return self

    def cut(self, images: torch.Tensor) -> torch.Tensor:
        """Without what `padded` added."""
        stop = self.side - self.margin
        return images[..., self.margin : stop, self.margin : stop]

    def batch(self, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        while len(self.rows) < count:
            order = torch.randperm(len(self.images), generator=self.random)
            self.rows = torch.cat([self.rows, order])
        rows, self.rows = self.rows[:count], self.rows[count:]
        return self.images[rows], None if self.labels is None else self.labels[rows]


def count(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def to_uint8(images: torch.Tensor) -> np.ndarray:
    """[N, C, H, W] in [-1, 1] -> uint8 [N, H, W, C]; what is not finite becomes grey."""
    scaled = ((torch.nan_to_num(images) + 1) * 127.5).round().clamp(0, 255)
    return scaled.permute(0, 2, 3, 1).to(torch.uint8).numpy()


def main() -> None:
    piece = Piece.read(sys.argv[1])
    torch.set_num_threads(1)
    game = importlib.import_module(piece.contender["loop"]).Game
    images, labels = piece.arrays()

    def make(chunks: int | None):
        torch.manual_seed(piece.seed)
        return game(Pixels(images, labels, piece.seed), piece.contender, chunks)

    play(piece, make, game.scheduled)


if __name__ == "__main__":
    main()
