"""A DCGAN in plain Keras: `train_step` is overridden. Run: python dcgan_plain.py [FOLDER]

Written after the description of the Keras example "DCGAN to generate face images".
"""

import sys
from pathlib import Path

import keras
import tensorflow as tf
from drawn import EPOCHS, save_grid, shapes
from keras import layers

NOISE = 64


def networks():
    generator = keras.Sequential(
        [
            keras.Input((NOISE,)),
            layers.Dense(8 * 8 * 64),
            layers.Reshape((8, 8, 64)),
            layers.Conv2DTranspose(64, 4, strides=2, padding="same", activation="leaky_relu"),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="leaky_relu"),
            layers.Conv2D(3, 5, padding="same", activation="sigmoid"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 4, strides=2, padding="same", activation="leaky_relu"),
            layers.Conv2D(64, 4, strides=2, padding="same", activation="leaky_relu"),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    return generator, discriminator


def dataset():
    images, _ = shapes(channels=3)
    return tf.data.Dataset.from_tensor_slices(images).shuffle(10_000).batch(64)


class DCGAN(keras.Model):
    """Two networks with an optimizer each."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.loss_of = keras.losses.BinaryCrossentropy()

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.optimizers = {
            "generator": generator_optimizer,
            "discriminator": discriminator_optimizer,
        }

    def update(self, name, tape, loss):
        weights = getattr(self, name).trainable_variables
        self.optimizers[name].apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )

    def train_step(self, real):
        count = tf.shape(real)[0]
        both = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], 0)
        both += 0.05 * tf.random.uniform(tf.shape(both))  # noisy labels
        fake = self.generator(tf.random.normal((count, NOISE)))
        with tf.GradientTape() as tape:
            judged = self.discriminator(tf.concat([real, fake], 0), training=True)
            discriminator_loss = self.loss_of(both, judged)
        self.update("discriminator", tape, discriminator_loss)
        with tf.GradientTape() as tape:
            fake = self.generator(tf.random.normal((count, NOISE)), training=True)
            generator_loss = self.loss_of(tf.ones((count, 1)), self.discriminator(fake))
        self.update("generator", tape, generator_loss)
        return {"discriminator": discriminator_loss, "generator": generator_loss}


class Grids(keras.callbacks.Callback):
    """Saves generated images after each epoch, always from the same noise."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.noise = folder, keras.random.normal((8, NOISE), seed=1)

    def on_epoch_end(self, epoch, logs=None):
        save_grid(self.model.generator(self.noise), self.folder / f"{epoch:03d}.png")


def main(folder: Path) -> None:
    gan = DCGAN(*networks())
    gan.compile(keras.optimizers.Adam(2e-4, 0.5), keras.optimizers.Adam(2e-4, 0.5))
    gan.fit(dataset(), epochs=EPOCHS, callbacks=[Grids(folder)], verbose=2)
    gan.generator.save(folder / "generator.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/dcgan"))
