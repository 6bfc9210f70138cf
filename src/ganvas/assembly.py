"""From a settled recipe to a game that can be fitted: parts, networks, optimizers, plan."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from .augment import ADA, AUGMENTS
from .build import build, complete
from .config import Config
from .data import Images
from .errors import ConfigError, UsageError
from .gan import GAN
from .layers import Pack
from .losses import LOSSES, Relativistic, RelativisticAverage, Wasserstein
from .networks import NETWORKS
from .optimizers import Adam, Decay
from .penalties import PENALTIES, Dragan, GradientPenalty
from .plan import Plan

ON_ITS_OWN = (GradientPenalty, Dragan)


def check_parts(config: Config) -> None:
    """Refuse wrong parts before the images are read, which may take long."""
    build("loss", config.loss, LOSSES)
    build("networks", config.networks, NETWORKS)
    for penalty in config.penalties:
        build("penalty", penalty, PENALTIES)
    if config.augment:
        build("augment", config.augment, AUGMENTS)


def advice(config: Config) -> list[str]:
    """What the literature says against a recipe, a sentence each."""
    loss = build("loss", config.loss, LOSSES)
    penalties = [build("penalty", penalty, PENALTIES) for penalty in config.penalties]
    augment = build("augment", config.augment, AUGMENTS) if config.augment else None
    networks = build("networks", config.networks, NETWORKS)
    norm = getattr(networks, "discriminator_norm", "none")
    bounded = config.train.clip or norm == "spectral"
    across = [p for p in penalties if isinstance(p, ON_ITS_OWN)]
    said = []
    relativistic = isinstance(loss, (Relativistic, RelativisticAverage))
    if relativistic and any(penalty.every > 1 for penalty in penalties):
        said.append(
            "lazy penalties with a relativistic loss lost nearly all modes in arXiv:2501.05441: "
            "set every = 1"
        )
    if isinstance(loss, Wasserstein) and not penalties and not bounded:
        said.append(
            "the Wasserstein loss without a bound on the critic's slope diverges "
            "(arXiv:1701.07875): set train.clip, a gradient penalty, or "
            'networks.discriminator_norm = "spectral"'
        )
    if relativistic and isinstance(augment, ADA):
        said.append(
            "ada follows the sign of D(real), which means nothing under a relativistic loss: "
            'take augment = "diff"'
        )
    if across and norm == "batch":
        said.append(
            f"{type(across[0]).__name__} is one image's own penalty, and batch normalisation in "
            "the discriminator mixes images (arXiv:1704.00028, section 4): take layer or none"
        )
    return said


def settle(config: Config, source: Images, word: str) -> Config:
    """Write out what was left open: size, epochs, defaults of parts."""
    values: dict[str, Any] = {
        "data.source": word,
        "data.size": source.shape[:2],
        "data.channels": source.shape[2],
        "loss": complete("loss", config.loss, LOSSES),
        "networks": complete("networks", config.networks, NETWORKS),
        "penalties": [complete("penalty", p, PENALTIES) for p in config.penalties],
    }
    if config.augment:
        values["augment"] = complete("augment", config.augment, AUGMENTS)
    train = config.train
    if train.epochs:
        values["train.kimg"] = train.epochs * source.count / 1000
        values["train.epochs"] = train.epochs
    if train.warmup_epochs:
        values["train.warmup_kimg"] = train.warmup_epochs * source.count / 1000
    return config.with_values(values)


def assemble(config: Config, source: Images) -> tuple[GAN, Plan]:
    """Networks, game, optimizers and plan, ready to fit."""
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Keras runs on {keras.backend.backend()}: ganvas needs TensorFlow; "
            "set KERAS_BACKEND=tensorflow"
        )
    options = config.train
    loss = build("loss", config.loss, LOSSES)
    augment = build("augment", config.augment, AUGMENTS) if config.augment else None
    plan = Plan.of(options, config.watch, loss.reads_real)
    keras.utils.set_random_seed(options.seed)  # initial weights; training itself is stateless
    networks = build("networks", config.networks, NETWORKS)
    try:
        with precision(options.precision):
            generator = networks.generator(source.shape, source.classes)
            discriminator = networks.discriminator(source.shape, source.classes)
        average = networks.generator(source.shape, source.classes)  # float32 always
    except ValueError as error:
        raise ConfigError(f"networks {config.networks['name']}: {error}") from error  # type: ignore[index]
    check_packs(discriminator, options.batch)
    gan = GAN(
        generator,
        discriminator,
        loss,
        [build("penalty", p, PENALTIES) for p in config.penalties],
        augment=augment,
        discriminator_steps=options.discriminator_steps,
        clip=options.clip,
        burn_in=plan.burn_in,
        ema_images=1000 * options.ema_kimg,
        ema_ramp=options.ema_ramp,
        ema_generator=average,
        seed=options.seed,
    )
    gan.compile(
        *optimizers(config, plan),
        jit_compile=options.jit,
        steps_per_execution=plan.execution,
    )
    return gan, plan


def check_packs(discriminator: keras.Model, batch: int) -> None:
    """Refuse a batch that cannot be cut into the packs that the discriminator judges."""
    for layer in discriminator.layers:
        if isinstance(layer, Pack) and batch % layer.count:
            raise ConfigError(
                f"train.batch = {batch} is no multiple of {layer.count}, the images that the "
                "discriminator judges at once: change train.batch or networks.pack"
            )


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers made inside compute in this precision; their weights stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def optimizers(config: Config, plan: Plan) -> tuple[keras.Optimizer, keras.Optimizer]:
    """Generator's and discriminator's; each counts its own updates."""
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
