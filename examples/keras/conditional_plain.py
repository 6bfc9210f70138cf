"""A conditional GAN in plain Keras: both networks get the class. Run: python conditional_plain.py

Written after the description of the Keras example "Conditional GAN".
"""

import sys
from pathlib import Path

import keras
import tensorflow as tf
from drawn import EPOCHS, save_grid, shapes
from keras import layers

NOISE, CLASSES, SIZE = 64, 3, 32


def networks():
    noise, label = keras.Input((NOISE,), name="noise"), keras.Input((CLASSES,), name="label")
    x = layers.Concatenate()([noise, label])
    x = layers.Reshape((8, 8, 64))(layers.Dense(8 * 8 * 64, activation="leaky_relu")(x))
    for filters in (64, 32):
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(1, 7, padding="same", activation="sigmoid")(x)
    generator = keras.Model([noise, label], x)

    image, label = keras.Input((SIZE, SIZE, 1), name="image"), keras.Input((CLASSES,), name="label")
    # The class as further channels of the image, which are one or zero everywhere.
    channels = layers.Reshape((SIZE, SIZE, CLASSES))(layers.RepeatVector(SIZE * SIZE)(label))
    x = layers.Concatenate()([image, channels])
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, strides=2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Dense(1)(layers.GlobalMaxPooling2D()(x))
    return generator, keras.Model([image, label], x)


def dataset():
    images, labels = shapes(channels=1)
    labels = keras.utils.to_categorical(labels, CLASSES)
    return tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10_000).batch(64)


class ConditionalGAN(keras.Model):
    """Generates images of a class, and judges images with their class."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.of_generator = keras.optimizers.Adam(3e-4)
        self.of_discriminator = keras.optimizers.Adam(3e-4)
        self.loss_of = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, data):
        real, label = data
        noise, one = [tf.shape(real)[0], NOISE], tf.ones((tf.shape(real)[0], 1))
        fake = self.generator([tf.random.normal(noise), label])
        with tf.GradientTape() as tape:
            on_real = self.discriminator([real, label], training=True)
            on_fake = self.discriminator([fake, label], training=True)
            discriminator_loss = self.loss_of(one, on_real) + self.loss_of(0 * one, on_fake)
        weights = self.discriminator.trainable_variables
        gradients = tape.gradient(discriminator_loss, weights)
        self.of_discriminator.apply_gradients(zip(gradients, weights, strict=True))
        with tf.GradientTape() as tape:
            fake = self.generator([tf.random.normal(noise), label], training=True)
            generator_loss = self.loss_of(one, self.discriminator([fake, label]))
        weights = self.generator.trainable_variables
        gradients = tape.gradient(generator_loss, weights)
        self.of_generator.apply_gradients(zip(gradients, weights, strict=True))
        return {"discriminator": discriminator_loss, "generator": generator_loss}


def main(folder: Path) -> None:
    gan = ConditionalGAN(*networks())
    gan.compile()
    gan.fit(dataset(), epochs=EPOCHS, verbose=2)
    rings = tf.one_hot([1] * 8, CLASSES)
    fakes = gan.generator([keras.random.normal((8, NOISE), seed=1), rings])
    save_grid(fakes, folder / "rings.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/conditional"))
