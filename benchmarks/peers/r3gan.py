"""R3GAN in PyTorch, written from the paper, at the width of the recipe `r3gan`.

Source: Huang et al. 2024, arXiv:2501.05441, section 3, appendix and table 9.
Differs: channels 16 to 64 and one block a stage (paper: 768 and two), batch 64 and a learning rate
    of 1e-3 that falls to a quarter (paper: 2e-4, to a quarter, at batches of 256 to 4,096); all
    schedules end after a fifth of the run, as they do in its shorter runs; the average has a
    half-life of 10,000 images and at most a tenth of those seen; no augmentation.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from loop import Pixels, count, to_uint8

NOISE, WIDTH, WIDEST, GROUP, BATCH = 64, 16, 64, 16, 64
RATE, BURN_IN = 1e-3, 0.2
HALF_LIFE, RAMP = 10_000, 0.1
GAIN = math.sqrt(2 / (1 + 0.2**2))


def linear(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs))
    return layer


def convolution(inputs: int, outputs: int, size: int, gain: float, groups: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, groups=groups, bias=False)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs // groups * size**2))
    return layer


class Active(nn.Module):
    """A bias, then a leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(x + self.bias, 0.2)


class Block(nn.Module):
    """Initially the identity: the last convolution is zero."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        gain, inner = GAIN * blocks**-0.25, 2 * channels
        self.branch = nn.Sequential(
            convolution(channels, inner, 1, gain), Active(inner),
            convolution(inner, inner, 3, gain, inner // GROUP), Active(inner),
            convolution(inner, channels, 1, 0.0),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


class Resample(nn.Module):
    """Doubles or halves by the filter [1, 2, 1]."""

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        channels = x.shape[1]
        kernel = self.kernel.expand(channels, 1, 3, 3)
        if self.up:
            return functional.conv_transpose2d(
                x, 4 * kernel, stride=2, padding=1, output_padding=1, groups=channels
            )
        return functional.conv2d(x, kernel, stride=2, padding=1, groups=channels)


def stages(side: int) -> tuple[list[int], int]:
    """Widths from the finest map to the coarsest, and the side of the coarsest."""
    widths = [WIDTH]
    while side >= 8:
        side //= 2
        widths.append(min(WIDEST, 2 * widths[-1]))
    return widths, side


class Generator(nn.Module):
    def __init__(self, pixels: Pixels) -> None:
        super().__init__()
        widths, side = stages(pixels.side)
        self.label = linear(pixels.classes, NOISE) if pixels.classes else None
        self.first = linear(2 * NOISE if pixels.classes else NOISE, widths[-1])
        self.basis = nn.Parameter(torch.randn(1, widths[-1], side, side))
        layers: list[nn.Module] = [Block(widths[-1], len(widths))]
        for narrow, wide in zip(widths[-2::-1], widths[::-1], strict=False):
            if narrow != wide:
                layers.append(convolution(wide, narrow, 1, 1.0))
            layers += [Resample(up=True), Block(narrow, len(widths))]
        self.body = nn.Sequential(*layers, convolution(WIDTH, pixels.channels, 1, 1.0))

    def forward(self, noise: torch.Tensor, hot: torch.Tensor | None) -> torch.Tensor:
        x = noise if self.label is None else torch.cat([noise, self.label(hot)], 1)
        return self.body(self.basis * self.first(x)[:, :, None, None])


class Discriminator(nn.Module):
    def __init__(self, pixels: Pixels) -> None:
        super().__init__()
        widths, side = stages(pixels.side)
        layers: list[nn.Module] = [convolution(pixels.channels, WIDTH, 1, 1.0)]
        layers.append(Block(WIDTH, len(widths)))
        for narrow, wide in pairwise(widths):
            layers.append(Resample(up=False))
            if narrow != wide:
                layers.append(convolution(narrow, wide, 1, 1.0))
            layers.append(Block(wide, len(widths)))
        last = widths[-1]
        head = nn.Conv2d(last, last, side, groups=last, bias=False)
        nn.init.normal_(head.weight, 0.0, 1 / side)
        outputs = last if pixels.classes else 1
        self.body = nn.Sequential(*layers, head, nn.Flatten(), linear(last, outputs))
        self.label = linear(pixels.classes, last) if pixels.classes else None

    def forward(self, images: torch.Tensor, hot: torch.Tensor | None) -> torch.Tensor:
        x = self.body(images)
        if self.label is None:
            return x[:, 0]
        return (x * self.label(hot)).sum(1) / math.sqrt(x.shape[1])


def eased(done: float, start: float, end: float) -> float:
    """From start to end along half a cosine within the burn-in, then end."""
    return end + (start - end) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done / BURN_IN)))


class Game:
    """A chunk is one step: D, then G, each on fresh real images and noise."""

    images = BATCH
    scheduled = True

    def __init__(self, pixels: Pixels, contender: dict, chunks: int | None) -> None:
        self.pixels, self.gamma = pixels, contender["gamma"]
        self.chunks, self.done = chunks or 1_000_000, 0
        self.generator, self.discriminator = Generator(pixels), Discriminator(pixels)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=RATE, betas=(0.0, 0.9), eps=1e-8)
            for network in (self.generator, self.discriminator)
        ]
        self.weights = count(self.generator), count(self.discriminator)

    def hot(self, labels: torch.Tensor | None) -> torch.Tensor | None:
        return None if labels is None else functional.one_hot(labels, self.pixels.classes).float()

    def chunk(self) -> None:
        share = self.done / self.chunks
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = eased(share, RATE, RATE / 4)
                group["betas"] = (0.0, eased(share, 0.9, 0.99))
        g_optimizer, d_optimizer = self.optimizers
        gamma = eased(share, self.gamma, self.gamma / 10)

        real, labels = self.pixels.batch(BATCH)
        hot = self.hot(labels)
        fake = self.generator(torch.randn(BATCH, NOISE), hot).detach().requires_grad_(True)
        real.requires_grad_(True)
        on_real, on_fake = self.discriminator(real, hot), self.discriminator(fake, hot)
        loss = functional.softplus(on_fake - on_real)
        for images, logits in ((real, on_real), (fake, on_fake)):
            (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
            loss = loss + gamma / 2 * slope.square().sum((1, 2, 3))
        d_optimizer.zero_grad()
        loss.mean().backward()
        d_optimizer.step()

        real, labels = self.pixels.batch(BATCH)
        hot = self.hot(labels)
        on_fake = self.discriminator(self.generator(torch.randn(BATCH, NOISE), hot), hot)
        with torch.no_grad():
            on_real = self.discriminator(real, hot)
        g_optimizer.zero_grad()
        functional.softplus(on_real - on_fake).mean().backward()
        g_optimizer.step()
        self.done += 1
        self.follow()

    @torch.no_grad()
    def follow(self) -> None:
        half_life = min(HALF_LIFE, RAMP * self.done * BATCH)
        share = 1 - 0.5 ** (BATCH / half_life)
        for slow, fast in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            slow.lerp_(fast, share)

    @torch.no_grad()
    def draw(self, count: int, seed: int) -> np.ndarray:
        """Labels in the shares of the data."""
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, NOISE, generator=random)
        labels = self.pixels.labels
        if labels is not None:
            labels = labels[torch.randint(len(labels), (count,), generator=random)]
        hot = self.hot(labels)
        parts = [
            self.average(noise[i : i + 50], None if hot is None else hot[i : i + 50])
            for i in range(0, count, 50)
        ]
        return to_uint8(self.pixels.cut(torch.cat(parts)))
