"""Where a run begins: from noise, or from networks that were trained on other images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..base.building import building
from ..base.keras_files import limited, read_keras
from ..base.types import StrPath
from ..config import Config
from ..config.build import build
from ..data import Images
from ..errors import ModelError, RunError, UsageError
from ..gan.model import GAN
from ..gan.networks import NETWORKS, Networks
from ..gan.transfer import Transfer, transfer
from ..pretrained.cards import cards
from ..pretrained.nearest import IMAGES, distances, reference
from ..pretrained.pairs import bundled, read as read_pair, save
from ..storage import zoo
from ..storage.run import Run
from .preparing import prepare

PACKED = 2000
"""Images by which a pair describes what it was trained on."""


@dataclass(frozen=True)
class Source:
    """Networks to begin from.

    Attributes:
        words: what they are, for the header.
        generator: the averaged one.
        discriminator: None in a file that holds a generator only.
        names: of their classes; empty if they are not known.
    """

    words: str
    generator: keras.Model
    discriminator: keras.Model | None
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Begun:
    """What the networks of a run have of others."""

    words: str
    generator: Transfer
    discriminator: Transfer

    @property
    def anew(self) -> list[str]:
        """Layers with their initial weights."""
        both = {"generator": self.generator, "discriminator": self.discriminator}
        return [f"{player} {name}" for player, done in both.items() for name in done.anew]

    def sentence(self) -> str:
        """For the header."""
        parts = []
        for kind in ("taken", "adapted", "anew"):
            count = len(getattr(self.generator, kind)) + len(getattr(self.discriminator, kind))
            parts.append(f"{count} {kind}")
        return f"{self.words}; of the layers {', '.join(parts)}"

    def to_dict(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "from": self.words,
            "generator": self.generator.to_dict(),
            "discriminator": self.discriminator.to_dict(),
        }


def settle_parent(config: Config, source: Images) -> tuple[Config, str]:
    """Choose the pretrained pair for `parent = "auto"`: the nearest to the images.

    Returns: the recipe, and the reason in words; empty if the recipe names its parent.
    """
    if config.parent != "auto":
        return config, ""
    rows = np.linspace(0, source.count - 1, min(IMAGES, source.count)).astype(np.int64)
    found = distances(source.pixels(rows))
    name, near = next(iter(found.items()))
    others = ", ".join(f"{other} {far:.2f}" for other, far in found.items() if other != name)
    reason = f"the nearest pretrained pair: distance {near:.2f}" + f", {others}" * bool(others)
    return config.with_values({"parent": name}), reason


def begin(gan: GAN, config: Config, images: Images) -> Begun | None:
    """Give the networks of a GAN the weights of those that its recipe names, if it names some.

    The generator and its average both begin as the other run's average; optimizers begin anew.
    Raises: RunError: the networks have too little in common.
    """
    if not config.parent:
        return None
    source = open_source(config.parent, min(images.shape[:2]))
    rows = None
    if source.names and images.names:
        known = {name: number for number, name in enumerate(source.names)}
        rows = [known.get(name) for name in images.names]
    with gan.distribute_strategy.scope():
        drawn, judged = transfer(source.generator, gan.generator, rows), Transfer()
        if source.discriminator is not None:
            judged = transfer(source.discriminator, gan.discriminator, rows)
        for done in (drawn, judged):
            _check(config.parent, done)
        for average, weight in zip(gan.ema_generator.weights, gan.generator.weights, strict=True):
            average.assign(weight)
    return Begun(source.words, drawn, judged)


def open_source(parent: str, side: int) -> Source:
    """The networks that `parent` names; of a pretrained pair those for images of this side.

    Raises: RunError, ModelError: a run without a state, a file that cannot be read.
    """
    if parent in cards():
        pair = bundled(parent, side)
        return Source(f"pretrained {pair.name}", pair.generator, pair.discriminator)
    if name := zoo.name_of(parent):
        pair = read_pair(zoo.pair(name))
        return Source(parent, pair.generator, pair.discriminator)
    path = Path(parent)
    if path.suffix == ".npz":
        pair = read_pair(path)
        return Source(path.name, pair.generator, pair.discriminator)
    if path.suffix == ".keras":
        generator = read_keras(path)
        named = isinstance(generator.input, dict) and "noise" in generator.input
        if not named or len(generator.outputs) != 1 or len(generator.outputs[0].shape) != 4:
            raise ModelError(f"{path} is no generator: give a file of a run's models/")
        return Source(f"{path.name} (a generator only)", generator, None)
    return of_run(Run.open(parent))


def of_run(run: Run) -> Source:
    """The networks of a run's last state.

    Raises: RunError: nothing saved yet, or a state that does not fit its recipe.
    """
    state = run.load_state()
    if state is None:
        raise RunError(f"{run.where} has no saved state yet: train it for at least one tick")
    about = run.images
    shape, classes = tuple(about["shape"]), len(about["class_shares"])
    networks = build("networks", run.config.networks, NETWORKS, Networks)
    try:
        with building(), limited(sum(array.size for array in state.values())):
            pair = networks.generator(shape, classes), networks.discriminator(shape, classes)
        for network, group in zip(pair, ("ema", "discriminator"), strict=True):
            for number, variable in enumerate(network.variables):
                variable.assign(state[f"{group}/{number:03d}"])
    except (KeyError, ValueError) as error:
        raise RunError(
            f"{run.where}: its saved state does not fit its recipe: config.toml was changed; put "
            "it back, or begin from another run"
        ) from error
    return Source(run.where, *pair, about["names"])


def told(begun: Begun | None, why: str) -> str:
    """Where a run begins, and why, for the header."""
    return "; ".join(filter(None, (begun.sentence() if begun else "noise", why)))


def pack(run: StrPath, path: Path) -> Path:
    """Write the averaged generator and the discriminator of a run as a pair, to begin others from.

    Raises: RunError, DataError: no state, or the images of the run are gone; UsageError: weights
        that do not fit into half precision.
    """
    if path.suffix != ".npz":
        raise UsageError(f"{path}: a pair is written as a .npz file: give FILE.npz")
    old = Run.open(run)
    source = of_run(old)
    _, images = prepare(None, old.config, None, old)
    rows = np.linspace(0, images.count - 1, min(PACKED, images.count)).astype(np.int64)
    networks = old.config.networks
    part = {"name": networks} if isinstance(networks, str) else networks
    save(path, part, source.generator, source.discriminator, reference(images.pixels(rows)))
    return path


def _check(parent: str, done: Transfer) -> None:
    """Raises: RunError: more than half of a network's layers would begin anew."""
    fit = len(done.taken) + len(done.adapted)
    if len(done.anew) > fit:
        raise RunError(
            f"{parent} has other networks: only {fit} of {fit + len(done.anew)} layers fit this "
            "recipe's; take a recipe with the same networks, or --from none"
        )
