"""The two bundled networks, without weights: `lite0` for any image, `digits` for MNIST."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ..base.types import Tensor

FEATURES = 64
# Kernel, stride, expansion, channels and repeats of each stage.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def lite0(side: int, stages: Sequence[tuple[int, ...]] = STAGES) -> keras.Model:
    """EfficientNet-Lite0, with batch normalisation folded into the convolutions before it; with
    other stages another network of its family.

    It has no squeeze-and-excite, ReLU6 in place of swish, and stem and head of fixed width.

    Shapes: RGB 0..255 [B, side, side, 3] -> features [B, 1280].
    Source: Tan and Le 2019, arXiv:1905.11946, table 1; the Lite variant as TensorFlow released it.
    """
    image, _, pooled = trunk((side, side), stages)
    return keras.Model(image, pooled, name="lite0")


def trunk(
    size: tuple[int, int], stages: Sequence[tuple[int, ...]] = STAGES
) -> tuple[Tensor, list[Tensor], Tensor]:
    """The network of `lite0` as Keras tensors: its image [B, h, w, 3], the last map of each stage,
    and the pooled features [B, 1280]."""
    image = keras.Input((*size, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128)(image)
    x = _relu6(layers.Conv2D(32, 3, 2, padding="same")(x))
    ends = []
    for kernel, stride, expansion, channels, repeats in stages:
        for i in range(repeats):
            x = _block(x, kernel, stride if i == 0 else 1, expansion, channels)
        ends.append(x)
    x = _relu6(layers.Conv2D(1280, 1)(x))
    return image, ends, layers.GlobalAveragePooling2D(name="features")(x)


def digits() -> keras.Model:
    """A small classifier of MNIST digits, trained by scripts/train_digits.py: accuracy 99.44 %.

    Shapes: grey 0..255 [B, 28, 28, 1] -> features [B, 64], class logits [B, 10].
    """
    image = keras.Input((28, 28, 1), name="image")
    x = layers.Rescaling(1 / 255)(image)
    for i, channels in enumerate((24, 48, 64)):
        x = layers.Conv2D(channels, 3, padding="valid" if i < 2 else "same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.25, seed=0)(layers.Flatten()(x))
    features = layers.Dense(FEATURES, "relu", name="features")(x)
    logits = layers.Dense(10)(layers.Dropout(0.25, seed=1)(features))
    return keras.Model(image, [features, logits], name="digits")


def _block(x: Tensor, kernel: int, stride: int, expansion: int, channels: int) -> Tensor:
    """Expand, filter each channel alone, project; with a shortcut if the shapes are equal."""
    width = x.shape[-1]
    y = x
    if expansion > 1:
        y = _relu6(layers.Conv2D(expansion * width, 1)(y))
    y = _relu6(layers.DepthwiseConv2D(kernel, stride, padding="same")(y))
    y = layers.Conv2D(channels, 1)(y)
    return layers.Add()([x, y]) if stride == 1 and width == channels else y


def _relu6(x: Tensor) -> Tensor:
    return layers.ReLU(6.0)(x)
