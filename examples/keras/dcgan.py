"""The DCGAN of dcgan_plain.py as a run of ganvas. Run: python dcgan.py [FOLDER]

Written after the description of the Keras example "DCGAN to generate face images".
"""

import sys
from pathlib import Path

import keras
import tensorflow as tf
from drawn import EPOCHS, shapes
from keras import layers

import ganvas

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


def main(folder: Path) -> None:
    values = {"train.epochs": EPOCHS, "train.tick_kimg": 3}
    run = ganvas.train(dataset(), "quick", run=folder, networks=networks(), overrides=values)
    run.show(8, columns=8).save(folder / "grid.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/dcgan"))
