"""Sizes of maps, cropping, labels: what DCGAN and the textbook do by themselves."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ganvas.gan.networks import DCGAN, R3GAN, Textbook
from ganvas.gan.networks.dcgan import cropped, map_sizes


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((28, 28, 1), [(28, 28), (14, 14), (7, 7)]),
     ((16, 16, 3), [(16, 16), (8, 8), (4, 4)]),
     ((50, 70, 3), [(50, 70), (25, 35), (13, 18), (7, 9)]),
     ((17, 23, 2), [(17, 23), (9, 12), (5, 6)])],
)  # fmt: skip
def test_map_sizes(shape, sizes):
    assert map_sizes(shape) == sizes


def test_every_map_of_every_size_doubles_to_at_least_the_next():
    for side in range(16, 257):
        fine, *coarser = map_sizes((side, side, 1))
        for coarse in coarser:
            assert 0 <= 2 * coarse[0] - fine[0] <= 1, side
            fine = coarse
        assert 4 <= fine[0] < 8


def test_cropped_cuts_the_last_row_and_column():
    x = keras.Input((4, 6, 1))
    model = keras.Model(x, cropped(x, (3, 6)))
    given = np.arange(24, dtype=np.float32).reshape(1, 4, 6, 1)
    assert np.array_equal(model(given), given[:, :3])
    assert cropped(x, (4, 6)) is x


def test_widths_double_towards_the_small_maps_up_to_the_limit():
    discriminator = DCGAN(discriminator_width=4, max_width=10).discriminator((64, 64, 1))
    filters = [layer.filters for layer in discriminator.layers if hasattr(layer, "filters")]
    assert filters == [4, 8, 10, 10]
    generator = DCGAN(width=4, max_width=10).generator((64, 64, 1))
    filters = [layer.filters for layer in generator.layers if hasattr(layer, "filters")]
    assert filters == [10, 8, 4, 1]


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_norm(norm):
    generator = DCGAN(width=4, norm=norm).generator((16, 16, 1))
    kinds = [type(layer).__name__ for layer in generator.layers]
    assert ("BatchNorm" in kinds) == (norm == "batch")


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_the_label_matters(player):
    model = getattr(DCGAN(width=4, discriminator_width=4, noise=8), player)((16, 16, 1), 3)
    rng = np.random.default_rng(0)
    key = "noise" if player == "generator" else "image"
    one = rng.standard_normal((1, *model.input[key].shape[1:])).astype(np.float32)
    given = {key: np.repeat(one, 3, 0), "label": np.arange(3, dtype=np.int32)}
    outputs = np.asarray(model(given)).reshape(3, -1)
    assert len(np.unique(outputs, axis=0)) == 3


def test_textbook_to_the_letter():
    networks = Textbook()
    assert networks.generator((28, 28, 1)).count_params() == (
        101 * 7 * 7 * 128 + 2 * (4 * 4 * 128 * 128 + 128) + (7 * 7 * 128 + 1)
    )
    assert networks.discriminator((28, 28, 1)).count_params() == (
        (3 * 3 + 1) * 64 + (3 * 3 * 64 * 64 + 64) + (7 * 7 * 64 + 1)
    )


@pytest.mark.parametrize(
    ("shape", "classes", "word"),
    [((30, 28, 1), 0, "multiples of 4"), ((28, 28, 1), 10, "take no labels")],
)
def test_textbook_refuses(shape, classes, word):
    for player in (Textbook().generator, Textbook().discriminator):
        with pytest.raises(ValueError, match=word):
            player(shape, classes)


def test_r3gan_begins_as_the_paper_says():
    """Weights ~ N(0, g / sqrt(fan_in)); g = sqrt(2 / (1 + 0.2^2)) L^(-1/4) in blocks, L of them;
    the last convolution of a block is zero; labels as a linear layer of one-hot inputs."""
    keras.utils.set_random_seed(0)
    classes, pair = 10, R3GAN(noise=64, width=32, max_width=128, blocks=2, group=16)
    generator = pair.generator((32, 32, 3), classes)
    discriminator = pair.discriminator((32, 32, 3), classes)
    gain = np.sqrt(2 / 1.04) * 8**-0.25  # four sizes of map, two blocks each
    grouped = [w.numpy() for m in (generator, discriminator) for w in m.weights if w.ndim == 4
               and w.shape[0] == 3]  # fmt: skip
    assert len(grouped) == 16
    for kernel in grouped:
        assert kernel.std() == pytest.approx(gain / np.sqrt(9 * 16), rel=0.05)
    pointwise = [w.numpy() for w in generator.weights if w.ndim == 4 and w.shape[0] == 1]
    zero = [kernel for kernel in pointwise if not kernel.any()]
    assert len(zero) == 8
    widening = [k for k in pointwise if k.shape[3] == 2 * k.shape[2]]
    assert len(widening) == 8
    for kernel in widening:
        assert kernel.std() == pytest.approx(gain / np.sqrt(kernel.shape[2]), rel=0.05)
    tables = [
        layer.embeddings.numpy()
        for model in (generator, discriminator)
        for layer in model.layers
        if isinstance(layer, keras.layers.Embedding)
    ]
    assert tables[0].std() == pytest.approx(classes**-0.5, rel=0.1)
    assert tables[1].std() == pytest.approx((classes * 128) ** -0.5, rel=0.1)
