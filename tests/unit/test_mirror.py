"""Flips where nothing tells images from their mirror images."""

import numpy as np
import pytest

from ganvas.config import load_recipe
from ganvas.data import Options, load
from ganvas.data.mirror import FEWEST, mirrored_alike
from ganvas.errors import DataError
from ganvas.training.assembly import settle


def spots(count: int, low: int, high: int) -> np.ndarray:
    """A spot on noise, its column between two bounds: uint8 [N, 32, 32, 1]."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (count, 32, 32, 1))
    for image, x, y in zip(images, rng.integers(low, high, count), rng.integers(0, 24, count),
                           strict=True):  # fmt: skip
        image[y : y + 8, x : x + 8] = 255
    return images.astype(np.uint8)


@pytest.mark.parametrize(
    "count, low, high, alike",
    [
        (400, 0, 25, True),  # anywhere
        (400, 0, 20, False),  # more often on the left
        (FEWEST - 1, 0, 25, False),  # too few to say
    ],
)
def test_mirrored_images_are_as_likely(count, low, high, alike):
    assert mirrored_alike(load(spots(count, low, high), Options(holdout=0.0))) is alike


def test_a_recipe_that_flips_where_it_may_stores_what_it_did():
    config = load_recipe("colour64")
    assert config.data.flip == "auto"
    for high, flipped in ((25, True), (12, False)):
        source = load(spots(400, 0, high), Options(flip="auto", holdout=0.0))
        assert settle(config, source, "").data.flip is source.options.flip is flipped


def test_other_words_are_refused():
    with pytest.raises(DataError, match="flip must be true, false or"):
        Options(flip="sometimes")
