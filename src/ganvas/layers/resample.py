"""Doubling and halving of maps with a FIR filter, against aliasing."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


class _FIR(keras.layers.Layer):
    """A filter of few taps along height, then along width, as sums of shifted slices: linear, so
    that gradients of every order are exact, and made of operations that every target runs."""

    def __init__(self, taps: Sequence[float] = (1, 3, 3, 1), **options):
        super().__init__(**options)
        if not 1 <= len(taps) <= 8 or sum(taps) <= 0:
            raise ValueError(f"taps {list(taps)}: 1 to 8 numbers with a positive sum")
        self.taps = [float(tap) / sum(taps) for tap in taps]

    def get_config(self):
        return {**super().get_config(), "taps": self.taps}


@keras.saving.register_keras_serializable("ganvas")
class Downsample(_FIR):
    """Halves height and width (odd sizes are rounded up), zeros beyond the border.

    Args:
        taps: the filter; (1, 3, 3, 1) smooth, (1, 2, 1) bilinear, (1, 1) average pooling.

    Shapes: [N, H, W, C] -> [N, (H + 1) // 2, (W + 1) // 2, C].
    Source: Zhang 2019, arXiv:1904.11486.
    """

    def call(self, inputs):
        return self._halve(self._halve(inputs, 1), 2)

    def _halve(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        size, taps = x.shape[axis], len(self.taps)
        half = (size + 1) // 2
        before = (taps - 1) // 2
        after = max(0, 2 * (half - 1) + taps - size - before)
        x = tf.pad(x, [(before, after) if i == axis else (0, 0) for i in range(4)])
        return tf.add_n(
            [tap * _slice(x, axis, k, 2 * half - 1, 2) for k, tap in enumerate(self.taps)]
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, (height + 1) // 2, (width + 1) // 2, channels)


@keras.saving.register_keras_serializable("ganvas")
class Upsample(_FIR):
    """Doubles height and width: zeros between the pixels, then the filter.

    Args:
        taps: the filter; (1, 3, 3, 1) smooth, (1, 2, 1) bilinear, (1, 1) nearest neighbour.

    Shapes: [N, H, W, C] -> [N, 2 H, 2 W, C].
    Source: Karras et al. 2020, arXiv:1912.04958, appendix B; Zhang 2019, arXiv:1904.11486.
    """

    def call(self, inputs):
        return self._double(self._double(inputs, 1), 2)

    def _double(self, x: tf.Tensor, axis: int) -> tf.Tensor:
        # Only every second tap meets a pixel that is not zero: two short filters, interleaved.
        size, before = x.shape[axis], len(self.taps) // 2
        x = tf.pad(x, [(before, before) if i == axis else (0, 0) for i in range(4)])
        phases: list[list[tf.Tensor]] = [[], []]
        for k, tap in enumerate(self.taps):
            for phase in (0, 1):
                offset, odd = divmod(phase + k - before, 2)
                if not odd:  # output 2 i + phase reads input i + offset
                    phases[phase].append(2 * tap * _slice(x, axis, before + offset, size, 1))
        joined = tf.stack([tf.add_n(p) if p else tf.zeros_like(phases[0][0]) for p in phases],
                          axis=axis + 1)  # fmt: skip
        shape = [-1, *x.shape[1:]]
        shape[axis] = 2 * size
        return tf.reshape(joined, shape)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)


def _slice(x: tf.Tensor, axis: int, start: int, span: int, step: int) -> tf.Tensor:
    picks: list[slice] = [slice(None)] * 4
    picks[axis] = slice(start, start + span, step)
    return x[tuple(picks)]
