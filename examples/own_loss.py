"""A loss of your own, named in a recipe. Run: python examples/own_loss.py [FOLDER]"""

import sys
from pathlib import Path

import tensorflow as tf

import ganvas
from train_on_arrays import SHORT, stripes


class Quadratic(ganvas.Loss):
    """Real logits to 1, fake logits to -1; plain keyword arguments are its schema."""

    def __init__(self, softness: float = 1.0):
        self.softness = softness

    def discriminator(self, real, fake):
        return self.softness * (tf.square(real - 1) + tf.square(fake + 1))

    def generator(self, real, fake):
        return self.softness * tf.square(fake - 1)


def main(folder: Path) -> None:
    loss = {"name": "own_loss:Quadratic", "softness": 0.5}
    run = ganvas.train(stripes(1000), "quick", run=folder, overrides={**SHORT, "loss": loss})
    print("last tick:", run.rows()[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/own-loss"))
