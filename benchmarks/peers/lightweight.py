"""The package `lightweight-gan` 1.2.1 (MIT, by Phil Wang), with the defaults of its command line.

Its own trainer runs its own step; what is replaced is what needs CUDA, reads folders or writes
files. It asserts a GPU when it is imported: the moves to one do nothing here.
Differs: images are drawn from the generator itself, because the package's average follows it only
    after 20,000 steps, which no run on this board reaches; and with the statistics of their own
    batch, because the running ones are still those of the start (after some steps all images that
    are drawn with them are of one colour).
"""

from __future__ import annotations

import sys
import tempfile
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
import torch

from loop import Pixels, count, to_uint8


class OnCpu:
    """`torch` as the package sees it: its device is always the CPU."""

    def __getattr__(self, name: str):
        return getattr(torch, name)

    @staticmethod
    def device(*_: object) -> torch.device:
        return torch.device("cpu")


def package() -> ModuleType:
    # Needed for reading folders and saving grids alone, and often built for another PyTorch.
    sys.modules.setdefault("torchvision", MagicMock())
    torch.cuda.is_available, real = lambda: True, torch.cuda.is_available
    try:
        from lightweight_gan import lightweight_gan
    finally:
        torch.cuda.is_available = real
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_: self
    lightweight_gan.torch = OnCpu()
    return lightweight_gan


class Game:
    """A chunk is one step of the trainer, which accumulates the gradients of four batches."""

    scheduled = False
    batch, accumulated = 10, 4
    images = batch * accumulated

    def __init__(self, pixels: Pixels, contender: dict, chunks: int | None) -> None:
        self.pixels = pixels.padded()
        self.trainer = package().Trainer(
            base_dir=tempfile.mkdtemp(), image_size=pixels.side, greyscale=pixels.channels == 1,
            batch_size=self.batch, gradient_accumulate_every=self.accumulated,
            attn_res_layers=[32], disc_output_size=1, aug_types=["cutout", "translation"],
            aug_prob=min(0.5, (1e5 - len(pixels.images)) * 3e-6), use_aim=False,
        )  # fmt: skip
        self.trainer.loader = self.batches()
        self.trainer.save = self.trainer.evaluate = lambda *_, **__: None
        self.trainer.init_GAN()
        self.weights = count(self.trainer.GAN.G), count(self.trainer.GAN.D)

    def batches(self):
        """Without end: [B, C, H, W] in [0, 1]."""
        while True:
            yield (self.pixels.batch(self.batch)[0] + 1) / 2

    def chunk(self) -> None:
        self.trainer.train()

    @torch.no_grad()
    def draw(self, count: int, seed: int) -> np.ndarray:
        gan = self.trainer.GAN
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, gan.latent_dim, generator=random)
        images = torch.cat([gan.G(rows) for rows in noise.split(50)])
        return to_uint8(self.pixels.cut(2 * images - 1))
