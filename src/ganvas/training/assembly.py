"""From a recipe to a GAN that can be trained: parts, networks, optimizers, plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.building import building, precision
from ..config import Config
from ..config.build import build, complete, import_parts
from ..config.plan import Plan
from ..data import Images
from ..errors import ConfigError
from ..gan import private
from ..gan.augment import ADA, AUGMENTS, Augment
from ..gan.layers import MinibatchStd, Pack
from ..gan.layers.strided import plain
from ..gan.losses import (
    LOSSES,
    Hinge,
    Loss,
    NonSaturating,
    Relativistic,
    RelativisticAverage,
    Saturating,
    Wasserstein,
)
from ..gan.model import GAN
from ..gan.networks import NETWORKS, Networks
from ..gan.optimizers import Adam, Decay
from ..gan.penalties import PENALTIES, R1, R2, Dragan, GradientPenalty, Penalty


@dataclass(frozen=True)
class Form:
    """The form of the images of a GAN: [H, W, C], and the number of classes (0: none)."""

    shape: tuple[int, int, int]
    classes: int


@dataclass(frozen=True)
class Parts:
    """The parts that a recipe names."""

    loss: Loss
    penalties: list[Penalty]
    augment: Augment | None
    networks: Networks


def import_own_parts(config: Config) -> None:
    """Import the modules of the user's own parts. Only for a recipe that is about to be trained: it
    runs the code that the recipe names.

    Raises: ConfigError: a part that cannot be imported.
    """
    augment = [config.augment] if config.augment else []
    import_parts(config.loss, config.networks, *config.penalties, *augment)


def parts_of(config: Config) -> Parts:
    """The parts of a recipe. Raises ConfigError: an unknown one, one that is not imported (see
    `import_own_parts`), or wrong arguments."""
    return Parts(
        build("loss", config.loss, LOSSES, Loss),
        [build("penalty", penalty, PENALTIES, Penalty) for penalty in config.penalties],
        build("augment", config.augment, AUGMENTS, Augment) if config.augment else None,
        build("networks", config.networks, NETWORKS, Networks),
    )


def advice(config: Config) -> list[str]:
    """Problems of a recipe that the literature shows, a sentence each. Raises: ConfigError."""
    parts = parts_of(config)
    norm = getattr(parts.networks, "discriminator_norm", "none")
    minibatch = getattr(parts.networks, "minibatch", "none")
    slopes = [p for p in parts.penalties if isinstance(p, (R1, R2, GradientPenalty, Dragan))]
    own = [type(p).__name__ for p in slopes if isinstance(p, (GradientPenalty, Dragan))]
    found = []
    if isinstance(parts.loss, (Relativistic, RelativisticAverage)) and any(
        penalty.every > 1 for penalty in parts.penalties
    ):
        found.append(
            "lazy penalties with a relativistic loss lost nearly all modes in arXiv:2501.05441: "
            "set every = 1"
        )
    if isinstance(parts.loss, Wasserstein) and not (
        slopes or config.train.clip or norm == "spectral"
    ):
        found.append(
            "the Wasserstein loss without a bound on the critic's slope diverges "
            "(arXiv:1701.07875): set train.clip, a gradient penalty, or "
            'networks.discriminator_norm = "spectral"'
        )
    if isinstance(parts.augment, ADA) and not isinstance(
        parts.loss, (NonSaturating, Saturating, Hinge)
    ):
        found.append(
            "ada follows the sign of D(real), which says nothing under this loss: take "
            'augment = "diff", or the loss nonsaturating or hinge'
        )
    if own and (norm == "batch" or minibatch != "none"):
        found.append(
            f"{own[0]} is one image's own penalty, and batch normalisation or minibatch layers in "
            "the discriminator mix images (arXiv:1704.00028, section 4): leave them out"
        )
    return found


def settle(config: Config, source: Images, name: str) -> Config:
    """Set the values that the recipe left open: size, epochs, defaults of parts."""
    values: dict[str, Any] = {
        "data.source": name,
        "data.size": source.shape[:2],
        "data.channels": source.shape[2],
        "data.levels": source.levels,
        "data.flip": source.options.flip,
        "loss": complete("loss", config.loss, LOSSES, Loss),
        "networks": complete("networks", config.networks, NETWORKS, Networks),
        "penalties": [complete("penalty", p, PENALTIES, Penalty) for p in config.penalties],
    }
    if config.augment:
        values["augment"] = complete("augment", config.augment, AUGMENTS, Augment)
    train = config.train
    if train.epochs:
        values["train.kimg"] = train.epochs * source.count / 1000
        values["train.epochs"] = train.epochs
    if train.warmup_epochs:
        values["train.warmup_kimg"] = train.warmup_epochs * source.count / 1000
    settled = config.with_values(values)
    if settled.privacy.on:
        loss = build("loss", config.loss, LOSSES, Loss)
        settled = private.settle(settled, source.count, loss.reads_real)
    return settled


def stream(
    config: Config, plan: Plan, source: Images, step: int, part: np.ndarray | None = None
) -> tf.data.Dataset:
    """Training images from a step on; of each batch only `part` (see `Images.stream`)."""
    options = config.train
    if config.privacy.on:
        rate = options.batch / source.count
        return source.poisson(rate, plan.discriminator_steps, config.privacy.key or 0, step)
    return source.stream(plan.batch * plan.turns, options.seed, plan.position(step), part)


def assemble(config: Config, source: Images | Form) -> tuple[GAN, Plan]:
    """Networks, GAN, optimizers and plan, ready to fit."""
    options = config.train
    parts = parts_of(config)
    plan = Plan.of(options, config.watch, parts.loss.reads_real, config.scores)
    with building(options.seed):  # the seed of initial weights; training itself is stateless
        generator, discriminator, average = _networks(parts.networks, config, source)
        check_batch(discriminator, options.batch)
        freeze(discriminator, options.freeze)
        if options.shared_fakes and parts.loss.reads_real:
            raise ConfigError(
                "train.shared_fakes needs a loss whose generator reads no real images, got a "
                'relativistic one: set it to false, or loss = "nonsaturating" or "hinge"'
            )
        gan = _gan_type(config, source.classes)(
            generator,
            discriminator,
            parts.loss,
            parts.penalties,
            augment=parts.augment,
            discriminator_steps=options.discriminator_steps,
            clip=options.clip,
            burn_in=plan.burn_in,
            ema_images=1000 * options.ema_kimg,
            ema_ramp=options.ema_ramp,
            ema_generator=average,
            shared_fakes=options.shared_fakes,
        )
        gan.checked = True  # sources give floats in [-1, 1]
        if isinstance(gan, private.PrivateGAN):
            private.check(gan)
        gan.compile(
            *optimizers(config, plan),
            jit_compile=options.jit,
            steps_per_execution=plan.execution,
        )
    return gan, plan


def _networks(networks: Networks, config: Config, source: Images | Form) -> list[keras.Model]:
    """Generator, discriminator, and the averaged generator, which is always float32 and, because it
    is not trained, has Keras's own strided layers.

    Raises: ConfigError: networks that do not accept these images.
    """
    try:
        with precision(config.train.precision):
            generator = networks.generator(source.shape, source.classes)
            discriminator = networks.discriminator(source.shape, source.classes)
        # A copy with plain layers is not the generator itself, and need not be built once more.
        average = plain(generator) if config.train.precision == "float32" else generator
        if average is generator:
            average = plain(networks.generator(source.shape, source.classes))
        return [generator, discriminator, average]
    except ValueError as error:
        raise ConfigError(f"networks {config.networks['name']}: {error}") from error  # type: ignore[index]


def _gan_type(config: Config, classes: int) -> Callable[..., GAN]:
    about = config.privacy
    if not about.on:
        return partial(GAN, seed=config.train.seed)
    return partial(
        private.PrivateGAN,
        seed=about.key or 0,
        noise=about.noise or 0.0,
        clip_norm=about.clip,
        batch=config.train.batch,
        classes=classes,
    )


def freeze(discriminator: keras.Model, count: int) -> None:
    """Fix the first layers of a discriminator that have weights.

    Raises: ConfigError: no layer would be left to train.
    """
    weighted = [layer for layer in discriminator.layers if layer.trainable_weights]
    if count >= len(weighted):
        raise ConfigError(
            f"train.freeze must be below {len(weighted)}, the layers of the discriminator, got "
            f"{count}: freeze fewer"
        )
    for layer in weighted[:count]:
        layer.trainable = False


def check_batch(discriminator: keras.Model, batch: int) -> None:
    """Refuse a batch size that the discriminator's packs or groups do not divide."""
    logits = batch
    for layer in discriminator.layers:
        if isinstance(layer, Pack):
            if batch % layer.count:
                raise ConfigError(
                    f"train.batch must be a multiple of networks.pack = {layer.count}, got "
                    f"{batch}: change one of them"
                )
            logits = batch // layer.count
        if isinstance(layer, MinibatchStd) and layer.group_of(logits) == 1:
            raise ConfigError(
                f'networks.minibatch = "std" needs a batch that divides into groups of 2 to '
                f"{layer.group} logits, got train.batch = {batch}: use a multiple of "
                f"{layer.group * (batch // logits)}, or another networks.minibatch"
            )


def optimizers(config: Config, plan: Plan) -> tuple[keras.Optimizer, keras.Optimizer]:
    """The optimizers of generator and discriminator; each counts its own updates."""
    options = config.train

    def optimizer(rate: float, updates: int, burn_in: int) -> keras.Optimizer:
        if options.decay != "none":
            rate = Decay(rate, updates, options.decay, options.decay_to)
        if options.optimizer == "rmsprop":
            return keras.optimizers.RMSprop(rate)
        return Adam(
            rate, options.beta1, options.beta2, beta2_start=options.beta2_start, burn_in=burn_in
        )

    return (
        optimizer(options.learning_rate, plan.total - plan.warmup, plan.burn_in - plan.warmup),
        optimizer(
            options.discriminator_learning_rate or options.learning_rate,
            plan.total * plan.discriminator_steps,
            plan.burn_in * plan.discriminator_steps,
        ),
    )
