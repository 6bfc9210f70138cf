"""The WGAN-GP of wgan_gp_plain.py as a run of ganvas, with its recipe wgan-gp.

Written after the description of the Keras example "WGAN-GP overriding Model.train_step".
Run: python wgan_gp.py [FOLDER]
"""

import sys
from pathlib import Path

import keras
from drawn import EPOCHS, shapes
from keras import layers

import ganvas

NOISE = 64


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


def main(folder: Path) -> None:
    values = {"train.epochs": EPOCHS, "train.tick_kimg": 15}
    run = ganvas.train(images(), "wgan-gp", run=folder, networks=networks(), overrides=values)
    run.show(8, columns=8).save(folder / "grid.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/wgan-gp"))
