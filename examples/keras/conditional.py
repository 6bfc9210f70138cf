"""The conditional GAN of conditional_plain.py as a run of ganvas. Run: python conditional.py

Written after the description of the Keras example "Conditional GAN".
"""

import sys
from pathlib import Path

import keras
import tensorflow as tf
from drawn import EPOCHS, shapes
from keras import layers

import ganvas

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


def main(folder: Path) -> None:
    values = {"train.epochs": EPOCHS, "train.tick_kimg": 3}
    run = ganvas.train(dataset(), "quick", run=folder, networks=networks(), overrides=values)
    run.show(8, label=1, columns=8).save(folder / "rings.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/conditional"))
