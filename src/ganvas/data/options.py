"""How images are read: the options of all sources.

Needs no TensorFlow, like all modules that packing workers import: it takes seconds, and half a
gigabyte.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ganvas.data.findings import median_side
from ganvas.errors import DataError
from ganvas.images import FITS, Levels


@dataclass(frozen=True)
class Options:
    """How images are read.

    Args:
        size: side or (height, width) in pixels; None keeps the common size of all images if its
            sides are 16 to 64, else takes the largest power of two up to the median short side,
            16 to 64.
        labels: False ignores classes; a path names a CSV file of labels (path,label).
        channels: 1 to 4; None decides by the majority of the images.
        fit: "crop" fills the size and cuts the rest; "pad" keeps the whole image and fills with
            black; "paper" fills with the border's colour.
        holdout: share of images never used for training; at most 5,000, none below 200 images.
        flip: mirrors half of the images, at random; "auto": if nothing tells the images from their
            mirror images, see `mirror`.
        shift: shifts by up to this share of the side, in whole pixels.
        zoom: enlarges by up to this share and crops.
        jitter: strength of random brightness, contrast and saturation.
        balanced: draws each class equally often, independent of its number of images.
        clusters: groups of similar images that serve as labels if there are none; 0: no groups.
        group_by: "both", "features" or "pixels"; see `groups.group`.
        groups_file: where a run keeps its groups; if the file is there, they are read from it.
        levels: of grey images with more than 8 bits, the values that become black and white, (low,
            high); "full": 0 and 65535; "auto": by the values that all of them have, see
            `images.levels_of`. Of private images they are not looked up: "auto" is "full".
        cache_gb: memory for decoded images; None: a quarter of the free memory.
        private: the frequency of classes is not published: `class_shares` are equal.
        known: the fingerprint of the images of a run; if they have it when they are held out as by
            older versions, which regarded neither classes nor equal pixels, they are.
        judged: the images are for evaluation, not training: constant and equal ones are accepted.
        larger: (side, count): of at least so many images, a size that is not given may have sides
            of up to this many pixels in place of 64.
    """

    size: int | tuple[int, int] | None = None
    labels: bool | str = True
    channels: int | None = None
    fit: str = "crop"
    holdout: float = 0.05
    flip: bool | str = False
    shift: float = 0.0
    zoom: float = 0.0
    jitter: float = 0.0
    balanced: bool = False
    clusters: int = 0
    group_by: str = "pixels"
    groups_file: str = ""
    levels: Levels = "auto"
    cache_gb: float | None = None
    private: bool = False
    known: str = ""
    judged: bool = False
    larger: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise DataError(f"fit must be one of {', '.join(FITS)}, got '{self.fit}'")
        if self.flip not in (True, False, "auto"):
            raise DataError(f'flip must be true, false or "auto", got {self.flip!r}')
        if self.channels not in (None, 1, 2, 3, 4):
            raise DataError(
                f"channels must be 1 to 4, got {self.channels}: omit it to detect the channels"
            )
        if self.sides is not None and min(self.sides) < 4:
            raise DataError(f"size must be at least 4 pixels, got {self.size}")
        if self.group_by not in ("both", "features", "pixels"):
            raise DataError(f"group_by must be both, features or pixels, got '{self.group_by}'")
        if not 0 <= self.holdout < 1:
            raise DataError(f"holdout must be in [0, 1), got {self.holdout}")
        if isinstance(self.levels, str):
            accepted = self.levels in ("auto", "full")
        else:
            object.__setattr__(self, "levels", (*self.levels,))  # a list, from JSON or TOML
            accepted = len(self.levels) == 2 and self.levels[0] < self.levels[1]
        if not accepted:
            raise DataError(
                f'levels must be "auto", "full" or (low, high) with low < high, got {self.levels!r}'
            )
        for name, most in (("shift", 1), ("zoom", 10), ("jitter", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise DataError(f"{name} must be in [0, {most}], got {getattr(self, name)}")

    @property
    def sides(self) -> tuple[int, int] | None:
        """`size` as (height, width)."""
        if self.size is None or isinstance(self.size, int):
            return None if self.size is None else (self.size, self.size)
        height, width = self.size
        return height, width

    def size_of(self, sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
        """The size for training: as given, or by the sizes of all images."""
        if self.sides is not None:
            return self.sides
        most = 64
        if self.larger and sizes.total() >= self.larger[1]:
            most = self.larger[0]
        if len(sizes) == 1:
            (height, width) = next(iter(sizes))
            if min(height, width) >= 16 and max(height, width) <= most:
                return height, width
        side = 2 ** (median_side(sizes).bit_length() - 1)
        return (max(16, min(most, side)),) * 2
