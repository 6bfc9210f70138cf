"""Trains the `digits` extractor and writes src/ganvas/features/weights/digits.npz.

python scripts/train_digits.py [EPOCHS]

Every digit is moved by up to two pixels each way, anew in every epoch. The test images are looked
at once, after the weights have been rounded to half precision.
"""

import hashlib
import sys
from pathlib import Path

import keras
import numpy as np

from ganvas.data.mnist import mnist
from ganvas.features import lite0

SEED, EPOCHS, BATCH, SHIFT = 0, 14, 128, 2
TARGET = Path(lite0.__file__).parent / "weights" / "digits.npz"


class Moved(keras.utils.PyDataset):
    """Batches of shuffled, moved digits; a function of (seed, epoch, batch)."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        super().__init__()
        edge = (SHIFT, SHIFT)
        self.images = np.pad(images, ((0, 0), edge, edge))
        self.labels = labels
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.images) // BATCH

    def __getitem__(self, i: int):
        rows = self.order[i * BATCH : (i + 1) * BATCH]
        rng = np.random.default_rng([SEED, self.epoch, i])
        top, left = rng.integers(0, 2 * SHIFT + 1, (2, BATCH, 1, 1))
        y, x = np.arange(28)[:, None], np.arange(28)
        crop = self.images[rows[:, None, None], y + top, x + left]
        return crop[..., None].astype(np.float32), self.labels[rows]

    def on_epoch_end(self) -> None:
        self.epoch = getattr(self, "epoch", -1) + 1
        self.order = np.random.default_rng([SEED, self.epoch]).permutation(len(self.images))


def main(epochs: int) -> None:
    keras.utils.set_random_seed(SEED)
    model = lite0.digits()
    data = Moved(*mnist("train"))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * len(data), warmup_target=2e-3, warmup_steps=len(data) // 2
    )
    logits = keras.Model(model.input, model.output[1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    logits.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    logits.fit(data, epochs=epochs, verbose=2)
    halves = [w.astype(np.float16) for w in model.get_weights()]
    np.savez_compressed(TARGET, *halves)
    model.set_weights(halves)
    images, labels = mnist("test")
    guess = logits.predict(images[..., None].astype(np.float32), verbose=0).argmax(1)
    sha256 = hashlib.sha256(TARGET.read_bytes()).hexdigest()
    right = (guess == labels).mean()
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size} bytes, sha256 {sha256}, "
                     f"{right:.4f} of the test images right\n")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EPOCHS)
