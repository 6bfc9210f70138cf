"""The DCGAN of PyTorch's example, with its usual values: the baseline that most people know.

Source: Radford et al. 2016, arXiv:1511.06434; width 64, batch 128, Adam 2e-4 with beta1 0.5,
    binary cross-entropy, weights N(0, 0.02), at 64 px.
Differs: smaller images have a layer less; labels are not used. There is no average of the weights,
    and images are drawn with the statistics of their own batch, as the example shows them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from loop import Pixels, count, to_uint8

NOISE, WIDTH, BATCH = 100, 64, 128


def generator(side: int, channels: int) -> nn.Module:
    """[B, NOISE, 1, 1] -> [B, channels, side, side]. 28 px are cut from 32."""
    levels = 3 if side > 32 else 2
    widths = [WIDTH * 2**level for level in reversed(range(levels + 1))]
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(NOISE, widths[0], 4, 1, 0, bias=False),
        nn.BatchNorm2d(widths[0]), nn.ReLU(True),
    ]  # fmt: skip
    for wide, narrow in pairwise(widths):
        layers += [
            nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
            nn.BatchNorm2d(narrow), nn.ReLU(True),
        ]  # fmt: skip
    layers += [nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


def discriminator(side: int, channels: int) -> nn.Module:
    """[B, channels, side, side] -> logits [B]."""
    levels = 3 if side > 32 else 2
    layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False)]
    layers.append(nn.LeakyReLU(0.2, True))
    for level in range(levels):
        width = WIDTH * 2**level
        layers += [
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2, True),
        ]  # fmt: skip
    layers += [nn.Conv2d(WIDTH * 2**levels, 1, 4, 1, 0, bias=False), nn.Flatten(0)]
    return nn.Sequential(*layers)


def initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Game:
    """A chunk is one step: a turn of each network, on the same fakes."""

    images = BATCH
    scheduled = False

    def __init__(self, pixels: Pixels, contender: dict, chunks: int | None) -> None:
        self.pixels = pixels.padded()
        self.networks = [make(pixels.side, pixels.channels) for make in (generator, discriminator)]
        for network in self.networks:
            network.apply(initialise)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in self.networks
        ]
        self.weights = tuple(count(network) for network in self.networks)

    def chunk(self) -> None:
        (g, d), (g_optimizer, d_optimizer) = self.networks, self.optimizers
        real, _ = self.pixels.batch(BATCH)
        fake = g(torch.randn(BATCH, NOISE, 1, 1))
        d_optimizer.zero_grad()
        for images, target in ((real, 1.0), (fake.detach(), 0.0)):
            logits = d(images)
            wanted = torch.full_like(logits, target)
            functional.binary_cross_entropy_with_logits(logits, wanted).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        logits = d(fake)
        functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).backward()
        g_optimizer.step()

    @torch.no_grad()
    def draw(self, count: int, seed: int) -> np.ndarray:
        random = torch.Generator().manual_seed(seed)
        batches = [
            self.networks[0](torch.randn(BATCH, NOISE, 1, 1, generator=random))
            for _ in range(0, count, BATCH)
        ]
        return to_uint8(self.pixels.cut(torch.cat(batches))[:count])
