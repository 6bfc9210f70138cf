"""Adversarial training: turns, penalties and the average of the generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ..base.building import building
from ..base.seeds import fold
from ..base.types import Tensor
from .augment import Augment
from .keras_model import KerasModel, part
from .losses import Loss
from .optimizers import eased
from .penalties import Critique, Penalty
from .replicated import normal_rows
from .turns import Fakes, charge_names, mean, update


@keras.saving.register_keras_serializable("ganvas")
class GAN(KerasModel):
    """The two-player game of a generator and a discriminator: `train_step` is the algorithm.

    A normal Keras model: compile it with two optimizers and `fit` it on a `tf.data` of
    images [turns * B, H, W, C] in [-1, 1], or of (images, labels [turns * B]). The axis is
    flat, so that a strategy can shard it; each turn takes its own images from it.

    Args:
        generator: {"noise", "label"?} -> images, see `networks.Networks`.
        discriminator: {"image", "label"?} -> logits.
        loss: the adversarial loss, or its name.
        penalties: terms that are added to the discriminator's loss, or {"name": ..., ...} of each.
        augment: applied to every image, real or fake, before the discriminator, or its name.
        discriminator_steps: turns of the discriminator for each turn of the generator.
        clip: the discriminator's weights are clipped to [-clip, clip] after each of its turns;
            0: not at all.
        burn_in: steps over which penalties' weights change from `start` to `weight`.
        ema_images: half-life, in images, of the average of the generator's weights.
        ema_ramp: the half-life is at most this share of the images seen so far, so that the
            initial weights do not dominate the average in a short run.
        ema_generator: holds the averaged weights; by default a copy of the generator.
        shared_fakes: the generator's turn takes the fakes of the discriminator's turn, so that a
            step generates once; for one discriminator turn, and losses of which the generator's
            part reads no real images.
        seed: the address of all randomness of training.

    Source: Goodfellow et al. 2014, arXiv:1406.2661; average: Karras et al. 2018,
        arXiv:1710.10196, and its ramp 2020, arXiv:2006.06676.
    """

    saved_options = (
        "discriminator_steps", "clip", "burn_in", "ema_images", "ema_ramp", "shared_fakes", "seed",
    )  # fmt: skip

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: Loss | str,
        penalties: Sequence[Penalty | dict[str, Any]] = (),
        *,
        augment: Augment | str | None = None,
        discriminator_steps: int = 1,
        clip: float = 0.0,
        burn_in: int = 0,
        ema_images: float = 10_000.0,
        ema_ramp: float = 0.1,
        ema_generator: keras.Model | None = None,
        shared_fakes: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(name="gan")
        self.generator = generator
        self.discriminator = discriminator
        with building():
            self.ema_generator = ema_generator or keras.models.clone_model(generator)
        self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.trainable = False
        self.adversarial = part("loss", loss)
        self.penalties = [part("penalty", penalty) for penalty in penalties]
        self.augment: Augment | None = part("augment", augment)
        self.discriminator_steps = discriminator_steps
        self.clip = clip
        self.burn_in = burn_in
        self.ema_images = float(ema_images)
        self.ema_ramp = ema_ramp
        if shared_fakes and (discriminator_steps > 1 or self.adversarial.reads_real):
            raise ValueError(
                "shared_fakes needs discriminator_steps = 1 and a loss that is not relativistic, "
                f"got {discriminator_steps} and {type(self.adversarial).__name__}"
            )
        self.shared_fakes = shared_fakes
        self.seed = seed
        self.conditional = "label" in generator.input
        width = discriminator.output.shape[-1]
        self.auxiliary = width > 1
        if self.auxiliary and not (self.conditional and width > 2):
            raise ValueError(
                f"the discriminator has {width} outputs: 1 logit is accepted, or, with labels, "
                "1 logit and one per class"
            )
        self.noise_size = generator.input["noise"].shape[-1]
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.charges = charge_names(self.penalties)
        names = ["discriminator", "generator", "real", "fake", *self.charges]
        names += ["slope/discriminator", "slope/generator"]
        names += ["auxiliary"] * self.auxiliary
        names += ["augment"] * (self.augment is not None and self.augment.strength is not None)
        self.meters = {name: keras.metrics.Mean(name=name) for name in names}
        self.warming_up = False
        self.built = True

    @property
    def turns(self) -> int:
        """Batches of real images that one step takes."""
        return self.discriminator_steps + int(self.adversarial.reads_real)

    @property
    def parts(self) -> list[Penalty | Augment]:
        """Parts that may keep a state from step to step."""
        return [*self.penalties, *([self.augment] if self.augment else [])]

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Images of the averaged generator."""
        return self.ema_generator(inputs, training=training)

    def compile(
        self, generator_optimizer: Any, discriminator_optimizer: Any, **options: Any
    ) -> None:
        """Takes an optimizer, or its name, for each network; `options` are those of
        `keras.Model.compile`.

        `jit_compile` is False unless set: Keras's "auto" differs from machine to machine,
        and XLA draws different noise from the same seed.
        """
        super().compile(optimizer=None, **{"jit_compile": False, **options})
        if self.augment:
            self.augment.xla = bool(self.jit_compile)
        self.generator_optimizer = keras.optimizers.get(generator_optimizer)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        # Built now, because a state can only be restored into existing variables.
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def warm_up(self, on: bool) -> None:
        """While on, only the discriminator is trained. The next `fit` traces the step again."""
        self.warming_up = on
        self.train_function = None

    def execute(self, steps: int) -> None:
        """The next `fit` runs so many steps per call of the train function; its number of steps
        must be a multiple."""
        if steps != self.steps_per_execution:
            self.steps_per_execution: int = steps
            self.train_function = None

    def train_step(self, data: Any) -> Tensor:
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        if self.conditional and labels is None:
            raise ValueError(
                "got images without labels: this GAN is conditional and takes (images, labels)"
            )
        if images.shape[0] and images.shape[0] % self.turns:
            raise ValueError(
                f"got {images.shape[0]} images: a step takes {self.turns} equal batches"
            )
        images = tf.split(images, self.turns)
        labels = tf.split(labels, self.turns) if self.conditional else [None] * self.turns
        # Shared fakes are made once, under the generator's tape: the discriminator is updated on
        # their values, and then judges them again for the generator.
        shared = self.shared_fakes and not self.warming_up
        fakes = self.record(self.noise(images[0], "generator"), labels[0]) if shared else None
        for turn in range(self.discriminator_steps):
            self.train_discriminator(images[turn], labels[turn], turn, fakes)
        if not self.warming_up:
            self.train_generator(images[-1], labels[-1], fakes=fakes)
            self.update_ema(self.discriminator_steps * tf.shape(images[0])[0])
        self.step.assign_add(1)
        return {name: meter.result() for name, meter in self.meters.items()}

    def record(self, noise: Tensor, label: Tensor) -> Fakes:
        with tf.GradientTape() as tape:
            return Fakes(self.generate(noise, label), tape)

    def train_discriminator(
        self, real: Tensor, label: Tensor, turn: int, fakes: Fakes | None = None
    ) -> None:
        """One turn on fresh real images [B, H, W, C] and as many fakes with the same labels."""
        if fakes:
            fake = tf.stop_gradient(fakes.images)
        else:
            fake = self.generate(self.noise(real, "discriminator", turn), label)
        with tf.GradientTape() as tape:
            on_real = self.critique(real, label, "real", turn)
            on_fake = self.critique(fake, label, "fake", turn)
            loss = self.adversarial.discriminator(on_real.logits, on_fake.logits)
            total = mean(loss) + self.classify(on_real, label, "discriminator")
            for number in range(len(self.penalties)):
                total += self.charge(number, on_real, on_fake, turn)
        slope = update(self.discriminator_optimizer, self.discriminator, tape, total)
        self.meters["slope/discriminator"].update_state(slope)
        if self.clip:
            for weight in self.discriminator.trainable_variables:
                weight.assign(tf.clip_by_value(weight.value, -self.clip, self.clip))
        for penalty in self.penalties:
            penalty.observe(on_real.logits, on_fake.logits)
        if self.augment:
            self.augment.observe(on_real.logits, tf.shape(real)[0])
            if "augment" in self.meters:
                self.meters["augment"].update_state(self.augment.strength)
        self.meters["discriminator"].update_state(loss)
        self.meters["real"].update_state(on_real.logits)
        self.meters["fake"].update_state(on_fake.logits)

    def charge(self, number: int, real: Critique, fake: Critique, turn: int = 0) -> tf.Tensor:
        """The term of a penalty at this step: zero, without computation, if it is not due."""
        penalty, name = self.penalties[number], self.charges[number]
        weight = eased(self.step.value, self.burn_in, penalty.start, penalty.weight)
        seed = self.address("penalty", turn, number)

        def due() -> tf.Tensor:
            value = penalty.per_image(real, fake, seed)
            self.meters[name].update_state(value)
            return weight * penalty.every * mean(value)

        if penalty.every == 1:
            return due()
        # Values may be conditional; updates may not (a strategy forbids them in a branch).
        return tf.cond(self.step.value % penalty.every == 0, due, lambda: tf.constant(0.0))

    def train_generator(self, real: Tensor, label: Tensor, fakes: Fakes | None = None) -> None:
        """One turn against the current discriminator; `real` is used only if the loss pairs."""
        paired = self.adversarial.reads_real
        on_real = self.critique(real, label, "paired").logits if paired else None
        fakes = fakes or self.record(self.noise(real, "generator"), label)
        with fakes.tape:
            on_fake = self.critique(fakes.images, label, "generated")
            loss = self.adversarial.generator(on_real, on_fake.logits)
            total = mean(loss) + self.classify(on_fake, label, "generator")
        slope = update(self.generator_optimizer, self.generator, fakes.tape, total)
        self.meters["slope/generator"].update_state(slope)
        self.meters["generator"].update_state(loss)

    def classify(self, said: Critique, label: Tensor, player: str) -> tf.Tensor | float:
        """Cross-entropy of the auxiliary classifier, a term of the loss of either network.

        Both have weight 1, as in arXiv:1610.09585. The weight 0.1 of arXiv:1704.00028 for the
        generator is too small with spectral normalisation, which keeps the gradient small.
        """
        if not self.auxiliary:
            return 0.0
        value = tf.nn.sparse_softmax_cross_entropy_with_logits(label, said.classes)
        if player == "discriminator":
            self.meters["auxiliary"].update_state(value)
        return mean(value)

    def update_ema(self, images: Tensor) -> None:
        """Move the averaged generator: its distance halves every `ema_images` images."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        images = tf.cast(images * replicas, tf.float32)
        seen = images * tf.cast(self.generator_optimizer.iterations.value, tf.float32)
        half_life = tf.minimum(self.ema_images, self.ema_ramp * seen)
        keep = 0.5 ** (images / tf.maximum(half_life, 1e-8))
        for average, weight in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            average.assign(weight + keep * (average - weight))

    def noise(self, like: Tensor, *purpose: str | int) -> tf.Tensor:
        """Fresh noise [B, Z] for this step and purpose; B is that of `like`."""
        seed = fold(self.seed, self.step.value, *purpose)
        return normal_rows(tf.shape(like)[0], self.noise_size, seed)

    def address(self, *purpose: str | int) -> tf.Tensor:
        """The seed of this step, purpose and replica."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return fold(self.seed, self.step.value, *purpose, replica)

    def generate(self, noise: Tensor, label: Tensor, training: bool = True) -> tf.Tensor:
        inputs = {"noise": noise, "label": label} if self.conditional else {"noise": noise}
        return tf.cast(self.generator(inputs, training=training), tf.float32)

    def logits(self, image: Tensor, label: Tensor, training: bool = True) -> tf.Tensor:
        """The discriminator's output [B, 1 (+ classes)] for images, without augmentation."""
        inputs = {"image": image, "label": label} if self.conditional else {"image": image}
        return self.discriminator(inputs, training=training)

    def critique(self, image: Tensor, label: Tensor, *purpose: str | int) -> Critique:
        """The discriminator's output for images, with augmentation if the GAN has one."""
        augment = self.augment
        if augment is None:
            return Critique(lambda images: self.logits(images, label), image)
        seed = self.address("augment", *purpose)
        return Critique(lambda images: self.logits(augment(images, seed), label), image)
