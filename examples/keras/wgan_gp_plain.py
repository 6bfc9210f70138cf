"""WGAN-GP in plain Keras: the critic takes five steps, with a gradient penalty.

Written after the description of the Keras example "WGAN-GP overriding Model.train_step".
Run: python wgan_gp_plain.py [FOLDER]
"""

import sys
from pathlib import Path

import keras
import tensorflow as tf
from drawn import EPOCHS, save_grid, shapes
from keras import layers

NOISE, CRITIC_STEPS, PENALTY = 64, 5, 10.0


def networks():
    generator = keras.Sequential([keras.Input((NOISE,)), layers.Dense(4 * 4 * 64, use_bias=False)])
    generator.add(layers.BatchNormalization())
    generator.add(layers.LeakyReLU(0.2))
    generator.add(layers.Reshape((4, 4, 64)))
    for filters in (64, 32):
        generator.add(layers.UpSampling2D())
        generator.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        generator.add(layers.BatchNormalization())
        generator.add(layers.LeakyReLU(0.2))
    generator.add(layers.UpSampling2D())
    generator.add(layers.Conv2D(1, 3, padding="same", activation="tanh"))
    critic = keras.Sequential([keras.Input((32, 32, 1))])
    for filters in (32, 64, 64):
        critic.add(layers.Conv2D(filters, 5, strides=2, padding="same"))
        critic.add(layers.LeakyReLU(0.2))
    critic.add(layers.Flatten())
    critic.add(layers.Dropout(0.2))
    critic.add(layers.Dense(1))
    return generator, critic


def images():
    return shapes(channels=1)[0] * 2 - 1


class WGAN(keras.Model):
    """A generator, and a critic of which the slope is kept near one."""

    def __init__(self, generator, critic):
        super().__init__()
        self.generator, self.critic = generator, critic
        self.of_generator = keras.optimizers.Adam(2e-4, 0.5, 0.9)
        self.of_critic = keras.optimizers.Adam(2e-4, 0.5, 0.9)

    def penalty(self, real, fake):
        """The squared distance of the slope from one, between real and generated images."""
        share = tf.random.uniform((tf.shape(real)[0], 1, 1, 1))
        between = real + share * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(between)
            judged = self.critic(between, training=True)
        slope = tf.sqrt(tf.reduce_sum(tape.gradient(judged, between) ** 2, [1, 2, 3]) + 1e-12)
        return tf.reduce_mean((slope - 1) ** 2)

    def train_step(self, real):
        noise = [tf.shape(real)[0], NOISE]
        for _ in range(CRITIC_STEPS):
            fake = self.generator(tf.random.normal(noise), training=True)
            with tf.GradientTape() as tape:
                gap = self.critic(fake, training=True) - self.critic(real, training=True)
                critic_loss = tf.reduce_mean(gap) + PENALTY * self.penalty(real, fake)
            weights = self.critic.trainable_variables
            gradients = tape.gradient(critic_loss, weights)
            self.of_critic.apply_gradients(zip(gradients, weights, strict=True))
        with tf.GradientTape() as tape:
            fake = self.generator(tf.random.normal(noise), training=True)
            generator_loss = -tf.reduce_mean(self.critic(fake, training=True))
        weights = self.generator.trainable_variables
        gradients = tape.gradient(generator_loss, weights)
        self.of_generator.apply_gradients(zip(gradients, weights, strict=True))
        return {"critic": critic_loss, "generator": generator_loss}


def main(folder: Path) -> None:
    gan = WGAN(*networks())
    gan.compile()
    gan.fit(images(), batch_size=64, epochs=EPOCHS, verbose=2)
    fakes = gan.generator(keras.random.normal((8, NOISE), seed=1))
    save_grid(fakes / 2 + 0.5, folder / "grid.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/wgan-gp"))
