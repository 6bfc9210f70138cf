"""Writes src/ganvas/data/mnist.xz from a Keras-style mnist.npz, byte for byte checked.

python scripts/make_mnist.py path/to/mnist.npz
"""

import hashlib
import lzma
import struct
import sys
from pathlib import Path

import numpy as np

IDX_SHA256 = {  # of the original files train-images-idx3-ubyte and t10k-images-idx3-ubyte
    "train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
}
TARGET = Path(__file__).parent.parent / "src/ganvas/data/mnist.xz"


def main(source: str) -> None:
    with np.load(source, allow_pickle=False) as arrays:
        for part, expected in IDX_SHA256.items():
            images = arrays[f"x_{part}"]
            idx = struct.pack(">IIII", 2051, len(images), 28, 28) + images.tobytes()
            if hashlib.sha256(idx).hexdigest() != expected:
                sys.exit(f"x_{part} is not the original MNIST")
        names = ("x_train", "x_test", "y_train", "y_test")
        raw = b"".join(arrays[name].astype(np.uint8).tobytes() for name in names)
    TARGET.write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{TARGET}: {TARGET.stat().st_size} bytes, sha256 of the content "
                     f"{hashlib.sha256(raw).hexdigest()}\n")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
