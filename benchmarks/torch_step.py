"""The PyTorch side of step_overhead.py: the same step in PyTorch's eager mode.

    PYTHON benchmarks/torch_step.py FORM

FORM is JSON, see `Form`. It answers each line of standard input, a number of steps, by their CPU
and wall seconds. It needs PyTorch alone, and neither TensorFlow nor ganvas.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


@dataclass
class Form:
    """What a recipe says of a step.

    Attributes:
        network: "dcgan", "textbook" or "resnet".
        side, channels, batch, noise, width, max_width, classes, embedding: sizes.
        std: minibatch standard deviation before the discriminator's last convolution.
        hinge: the loss; else non-saturating.
        r1, every: weight of R1, every how many steps; 0: none.
        rates, betas: of Adam, of generator and discriminator.
        ema: half-life of the averaged generator in images.
        threads: of PyTorch.
    """

    network: str
    side: int
    channels: int
    batch: int
    noise: int
    width: int
    max_width: int
    std: bool
    hinge: bool
    r1: float
    every: int
    rates: tuple[float, float]
    betas: tuple[float, float]
    ema: float
    threads: int
    classes: int = 0
    embedding: int = 16

    @property
    def sizes(self) -> list[int]:
        """Sides of the maps, from the image down, as in ganvas's networks."""
        sizes = [self.side]
        while sizes[-1] >= 8:
            sizes.append((sizes[-1] + 1) // 2)
        return sizes

    def widths(self, count: int) -> list[int]:
        return [min(self.max_width, self.width * 2**level) for level in range(count)]


class Std(nn.Module):
    """Minibatch standard deviation over groups of four images."""

    def forward(self, x):
        groups = x.view(4, -1, *x.shape[1:])
        spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        plane = spread.repeat(4).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, plane], 1)


class Labelled(nn.Module):
    """The label's vector concatenated with the noise, then the map."""

    def __init__(self, form, depth):
        super().__init__()
        self.form, self.coarse, self.depth = form, form.sizes[-1], depth
        self.concat = bool(form.classes) and form.network == "dcgan"
        if self.concat:
            self.table = nn.Embedding(form.classes, form.embedding)
        more = form.embedding if self.concat else 0
        self.dense = nn.Linear(form.noise + more, depth * self.coarse**2)

    def forward(self, z, label):
        if self.concat:
            z = torch.cat([z, self.table(label)], 1)
        return self.dense(z).view(-1, self.depth, self.coarse, self.coarse)


class DCGANGenerator(nn.Module):
    def __init__(self, form):
        super().__init__()
        finer = form.sizes[-2::-1]
        widths = form.widths(len(finer))[::-1]
        self.start, self.finer = Labelled(form, widths[0]), finer
        outs = [*widths[1:], form.channels]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(i, o, 4, 2, 1) for i, o in zip(widths, outs, strict=True)
        )

    def forward(self, z, label=None):
        x = self.start(z, label)
        for norm, up, size in zip(self.norms, self.ups, self.finer, strict=True):
            x = up(F.relu(norm(x)))[..., :size, :size]
        return torch.tanh(x)


class Head(nn.Module):
    """A logit, plus the projection of the label."""

    def __init__(self, form, width, wrap):
        super().__init__()
        self.logit = wrap(nn.Linear(width, 1))
        self.table = wrap(nn.Embedding(form.classes, width)) if form.classes else None

    def forward(self, features, label):
        logit = self.logit(features)[:, 0]
        return logit if self.table is None else logit + (features * self.table(label)).sum(1)


class DCGANDiscriminator(nn.Module):
    def __init__(self, form):
        super().__init__()
        widths = [form.channels, *form.widths(len(form.sizes) - 1)]
        parts = []
        for level, (i, o) in enumerate(pairwise(widths)):
            if form.std and level == len(widths) - 2:
                parts.append(Std())
                i += 1
            # An odd side is padded to the same side as in TensorFlow.
            odd = form.sizes[level] % 2
            parts += [nn.ZeroPad2d((1, 1 + odd, 1, 1 + odd)), nn.Conv2d(i, o, 4, 2)]
            parts += [nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*parts, nn.Flatten())
        self.head = Head(form, widths[-1] * form.sizes[-1] ** 2, lambda layer: layer)

    def forward(self, x, label=None):
        return self.head(self.body(x), label)


class TextbookGenerator(nn.Module):
    def __init__(self, form):
        super().__init__()
        self.coarse = form.side // 4
        self.dense = nn.Linear(form.noise, 128 * self.coarse**2)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(128, 128, 4, 2, 1) for _ in range(2))
        self.last = nn.Conv2d(128, form.channels, 7, padding=3)

    def forward(self, z, label=None):
        x = F.leaky_relu(self.dense(z), 0.2).view(-1, 128, self.coarse, self.coarse)
        for up in self.ups:
            x = F.leaky_relu(up(x), 0.2)
        return torch.tanh(self.last(x))


class TextbookDiscriminator(nn.Module):
    def __init__(self, form):
        super().__init__()
        parts = []
        for i in (form.channels, 64):
            parts += [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(i, 64, 3, 2)]
            parts += [nn.LeakyReLU(0.2), nn.Dropout(0.4)]
        self.body = nn.Sequential(*parts, nn.Flatten(), nn.Linear(64 * (form.side // 4) ** 2, 1))

    def forward(self, x, label=None):
        return self.body(x)[:, 0]


class ConditionalNorm(nn.Module):
    def __init__(self, form, width):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=not form.classes)
        self.scale = self.shift = None
        if form.classes:
            self.scale, self.shift = (nn.Embedding(form.classes, width) for _ in range(2))
            nn.init.ones_(self.scale.weight)
            nn.init.zeros_(self.shift.weight)

    def forward(self, x, label):
        x = self.norm(x)
        if self.scale is None:
            return x
        return x * self.scale(label)[..., None, None] + self.shift(label)[..., None, None]


class ResNetGenerator(nn.Module):
    def __init__(self, form):
        super().__init__()
        self.finer = form.sizes[-2::-1]
        widths = form.widths(len(self.finer))[::-1]
        self.start = Labelled(form, widths[0])
        pairs = list(zip([widths[0], *widths], widths, strict=False))
        self.norms = nn.ModuleList(
            nn.ModuleList([ConditionalNorm(form, i), ConditionalNorm(form, o)]) for i, o in pairs
        )
        self.longs = nn.ModuleList(
            nn.ModuleList([nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)])
            for i, o in pairs
        )
        self.shorts = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in pairs)
        self.last = ConditionalNorm(form, widths[-1])
        self.image = nn.Conv2d(widths[-1], form.channels, 3, padding=1)

    def forward(self, z, label=None):
        x = self.start(z, label)
        blocks = zip(self.finer, self.norms, self.longs, self.shorts, strict=True)
        for size, (first, second), (one, two), short in blocks:
            up = F.interpolate(F.relu(first(x, label)), scale_factor=2)[..., :size, :size]
            long = two(F.relu(second(one(up), label)))
            x = F.interpolate(short(x), scale_factor=2)[..., :size, :size] + long
        return torch.tanh(self.image(F.relu(self.last(x, label))))


class ResNetDiscriminator(nn.Module):
    def __init__(self, form):
        super().__init__()
        halvings = len(form.sizes) - 1
        widths = [form.channels, *form.widths(halvings)]
        widths.append(widths[-1])
        self.halvings, self.blocks = halvings, nn.ModuleList()
        for i, o in pairwise(widths):
            block = [spectral_norm(nn.Conv2d(i, o, 3, padding=1))]
            block.append(spectral_norm(nn.Conv2d(o, o, 3, padding=1)))
            if i != o:
                block.append(spectral_norm(nn.Conv2d(i, o, 1)))
            self.blocks.append(nn.ModuleList(block))
        self.head = Head(form, widths[-1], spectral_norm)

    def forward(self, x, label=None):
        for level, block in enumerate(self.blocks):
            long = block[1](F.relu(block[0](F.relu(x) if level else x)))
            if level < self.halvings:
                long, x = (F.avg_pool2d(one, 2, ceil_mode=True) for one in (long, x))
            x = (block[2](x) if len(block) > 2 else x) + long
        return self.head(F.relu(x).sum((2, 3)), label)


KINDS = {
    "dcgan": (DCGANGenerator, DCGANDiscriminator),
    "textbook": (TextbookGenerator, TextbookDiscriminator),
    "resnet": (ResNetGenerator, ResNetDiscriminator),
}


class Training:
    """A step as in `ganvas.gan.model.GAN`, on random images: each turn has its own noise."""

    def __init__(self, form: Form) -> None:
        torch.manual_seed(0)
        self.form, self.steps = form, 0
        self.generator, self.discriminator = (kind(form) for kind in KINDS[form.network])
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), rate, form.betas)
            for network, rate in zip((self.generator, self.discriminator), form.rates, strict=True)
        ]
        count = 4 * form.batch
        self.images = torch.rand(count, form.channels, form.side, form.side) * 2 - 1
        self.labels = torch.randint(0, form.classes, (count,)) if form.classes else None

    def batch(self):
        form = self.form
        rows = torch.randint(0, len(self.images), (form.batch,))
        return self.images[rows], None if self.labels is None else self.labels[rows]

    def fakes(self, label):
        return self.generator(torch.randn(self.form.batch, self.form.noise), label)

    def step(self) -> None:
        form = self.form
        real, label = self.batch()
        with torch.no_grad():
            fake = self.fakes(label)
        penalised = form.r1 and self.steps % form.every == 0
        real.requires_grad_(bool(penalised))
        on_real, on_fake = self.discriminator(real, label), self.discriminator(fake, label)
        if form.hinge:
            loss = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
        else:
            loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        if penalised:
            (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            loss = loss + form.r1 * form.every * 0.5 * slope.square().sum((1, 2, 3)).mean()
        self.update(1, loss)
        self.discriminator.requires_grad_(False)  # no gradient for its weights, as in ganvas
        on_fake = self.discriminator(self.fakes(label), label)
        self.update(0, -on_fake.mean() if form.hinge else F.softplus(-on_fake).mean())
        self.discriminator.requires_grad_(True)
        keep = 0.5 ** (form.batch / max(form.ema, 1e-8))
        with torch.no_grad():
            own = self.generator.parameters()
            for average, weight in zip(self.average.parameters(), own, strict=True):
                average.lerp_(weight, 1 - keep)
        self.steps += 1

    def update(self, player: int, loss) -> None:
        self.optimizers[player].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[player].step()


def main() -> None:
    form = Form(**json.loads(sys.argv[1]))
    torch.set_num_threads(form.threads)
    training = Training(form)
    sizes = [sum(p.numel() for p in network.parameters())
             for network in (training.generator, training.discriminator)]  # fmt: skip
    print(json.dumps({"weights": sizes, "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(int(line)):
            training.step()
        print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall]), flush=True)


if __name__ == "__main__":
    main()
