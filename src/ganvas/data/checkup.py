"""The check of a folder of images before it is used. Needs no TensorFlow."""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import google_crc32c
import numpy as np

from ganvas.data.arranging import Layout
from ganvas.data.findings import examine
from ganvas.data.kinds import advice
from ganvas.data.listing import alike, content_hash
from ganvas.data.options import Options
from ganvas.data.walk import IMAGE, NO_IMAGE
from ganvas.errors import DataError
from ganvas.images import Extent, Header, Levels, extent, joined, levels_of, probe, read

T = TypeVar("T")


_GREY, _ALPHA, _WIDE, _SEVERAL, _REDUCED = 1, 2, 4, 8, 16


class Checked(NamedTuple):
    """Properties of a decoded file: hashes of the file and of its pixels, whether it is of a single
    colour, whether all its colour channels are equal; `pixels` only if they are kept in memory."""

    hash: int
    same: int
    constant: bool
    grey: bool
    pixels: np.ndarray | None


class Checks:
    """What is known of all decoded files: 16 bytes of each.

    Attributes:
        constant, grey: number of images of a single colour, and with equal colour channels.
    """

    def __init__(self) -> None:
        self.hashes, self.pixels = array("Q"), array("Q")
        self.constant = self.grey = 0

    def add(self, one: Checked) -> None:
        self.hashes.append(one.hash)
        self.pixels.append(one.same)
        self.constant += one.constant
        self.grey += one.grey

    def same(self) -> np.ndarray:
        """A hash of each file, uint64 [N], equal for files with equal pixels."""
        return alike(np.array(self.hashes, np.uint64), np.array(self.pixels, np.uint64))


class Tops(NamedTuple):
    """Results of `headers_of`: height, width and flags of each readable file, int32 [G, 3]; index
    among the paths -> why this file has no readable header; the values of wide images."""

    headers: np.ndarray
    broken: dict[int, str]
    extent: Extent | None


class Headers:
    """The headers of the files of a folder; `good` are the files with a readable header.

    It keeps only the path and three numbers of each file: there may be a million.

    Args:
        layout: the images of the folder.
        tops: of their files, as of `headers_of`.

    Raises: DataError: no image among them.
    """

    def __init__(self, layout: Layout, tops: Tops) -> None:
        self.layout, self._extent = layout, tops.extent
        self.good = without(layout.paths, tops.broken)
        self._unreadable = self._why(layout.paths, tops.broken)
        self._sides, self._flags = tops.headers[:, :2], tops.headers[:, 2]
        if not self.good:
            raise DataError(_nothing(layout, self._unreadable))

    def form(self, options: Options) -> tuple[tuple[int, int], int]:
        """The size and number of channels of all images after reading."""
        return options.size_of(self._sizes({})), options.channels or self._channels()

    def levels(self, options: Options) -> Levels:
        """The levels of all images with more than 8 bits; "auto" is resolved."""
        return levels_of(self._extent) if options.levels == "auto" else options.levels

    def facts(
        self,
        options: Options,
        hashes: np.ndarray,
        constant: int,
        broken: Mapping[int, str],
        grey: int = 0,
    ) -> dict[str, Any]:
        """The arguments of a `Listing` of the images that can be read.

        Args:
            hashes: of their contents, uint64 [N].
            constant: number of images of a single colour.
            grey: number of images whose colour channels are all equal.
            broken: index among the good paths -> why this file cannot be decoded.
        """
        unreadable = self._unreadable + self._why(self.good, broken)
        if not len(hashes):
            raise DataError(_nothing(self.layout, unreadable))
        size, channels = self.form(options)
        labels, names = self.layout.numbers(without(self.good, broken))
        grey_as_colour = grey == len(hashes) and options.channels is None
        report = examine(
            self.layout.name,
            hashes=hashes,
            constant=constant,
            sizes=self._sizes(broken),
            shape=(*size, channels),
            labels=labels,
            names=names,
            unreadable=unreadable,
            judged=options.judged,
            extent=self._extent,
            fit=options.fit,
            facts={
                **self.layout.facts(names),
                **self._depths(options, broken),
                "grey_as_colour": grey_as_colour,
            },
        )
        return {
            "shape": (*size, channels), "hashes": hashes, "labels": labels, "names": names,
            "options": replace(options, levels=self.levels(options)), "report": report,
        }  # fmt: skip

    def _depths(self, options: Options, broken: Mapping[int, str]) -> dict[str, Any]:
        """Facts of the report: frames, and bits of a pixel."""
        flags = np.delete(self._flags, list(broken))
        wide = int(np.count_nonzero(flags & _WIDE))
        hidden = options.private and options.levels == "auto"
        return {
            "first_frames": int(np.count_nonzero(flags & _SEVERAL)),
            "reduced": int(np.count_nonzero(flags & _REDUCED)),
            "wide": wide,
            "levels": "auto" if hidden and wide else self.levels(options) if wide else "full",
        }

    def _sizes(self, broken: Mapping[int, str]) -> Counter[tuple[int, int]]:
        sides = np.delete(self._sides, list(broken), axis=0)
        sizes, counts = np.unique(sides, axis=0, return_counts=True)
        return Counter(dict(zip(map(tuple, sizes.tolist()), counts.tolist(), strict=True)))

    def _channels(self) -> int:
        """1 if all are grey; 4 if most have transparency; else 3."""
        if np.count_nonzero(self._flags & _ALPHA) > len(self.good) / 2:
            return 4
        return 1 if (self._flags & _GREY).all() else 3

    def _why(self, paths: list[str], broken: Mapping[int, str]) -> list[dict[str, str]]:
        return [
            {"path": self.layout.within(paths[place]), "why": why} for place, why in broken.items()
        ]


def look(path: str, measure: bool) -> tuple[Header, Extent | None]:
    """The header of a file; and the extent of its values, if they have more than 8 bits and
    `measure` is true."""
    header = probe(path)
    return header, extent(path) if measure and header.wide else None


def measures(options: Options) -> bool:
    """Whether the values of wide images are looked up."""
    return options.levels == "auto" and not options.private


def attempt(function: Callable[[str], T], path: str) -> T | str:
    """The function's result, or the message of its DataError."""
    try:
        return function(path)
    except DataError as error:
        return str(error).removeprefix(f"cannot read {path}: ")


def good_and_broken(results: Sequence[Any]) -> tuple[list[Any], dict[int, str]]:
    """Results of `attempt` -> the good ones, and the messages of the others by their index."""
    broken = {place: one for place, one in enumerate(results) if isinstance(one, str)}
    return without(results, broken), broken


def without(items: Sequence[Any], places: Mapping[int, Any]) -> list[Any]:
    """All items but those at some indices."""
    return [item for place, item in enumerate(items) if place not in places]


def headers_of(results: Iterable[tuple[Header, Extent | None] | str]) -> Tops:
    """The results of `attempt` for `look`, without keeping them."""
    rows, broken, whole = array("i"), {}, None
    for place, result in enumerate(results):
        if isinstance(result, str):
            broken[place] = result
            continue
        one, values = result
        flags = _GREY * one.grey | _ALPHA * one.alpha | _WIDE * one.wide
        flags |= _SEVERAL * one.several | _REDUCED * one.reduced
        rows.extend((one.height, one.width, flags))
        whole = joined((whole, values)) if values else whole
    return Tops(np.array(rows, np.int32).reshape(-1, 3), broken, whole)


def check(
    path: str, size: tuple[int, int], channels: int, fit: str, levels: Levels, keep: bool
) -> Checked:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        pixels = read(content, size, channels, fit, levels)
    except DataError as error:
        raise DataError(str(error).replace("cannot read image: ", "", 1)) from error
    values = pixels.tobytes()
    pixel = values[: pixels.shape[-1]]
    constant = values.endswith(pixel) and values == pixel * (len(values) // len(pixel))
    grey = channels > 2 and _equal_channels(values, channels)
    kept = pixels if keep else None
    return Checked(content_hash(content), _pixel_hash(values), constant, grey, kept)


def _equal_channels(values: bytes, channels: int) -> bool:
    some = values[: 32 * channels]  # they tell for most colour images
    if not some[::channels] == some[1::channels] == some[2::channels]:
        return False
    return values[::channels] == values[1::channels] == values[2::channels]


def _pixel_hash(values: bytes) -> int:
    """64 bits by two checksums with different polynomials: as good as `content_hash` against
    chance, in a quarter of its time."""
    return zlib.crc32(values) | google_crc32c.value(values) << 32


def _nothing(layout: Layout, unreadable: list[dict[str, str]]) -> str:
    accepted = "PNG, JPEG, WebP, TIFF and other files that Pillow reads"
    name, images, left_out = layout.name, len(layout.paths), layout.left_out
    if images:
        first = unreadable[0]
        return (
            f"none of the {images} images in {name} can be read, such as {first['path']} "
            f"({first['why']}); accepted are {accepted}: replace them"
        )
    unused = [f"{n} {why}" for (what, why), n in left_out.most_common() if what == IMAGE]
    if unused:
        return f"{name} contains no images to use, only {'; '.join(unused)}: give another folder"
    count = left_out.total()
    kinds = ", ".join(dict.fromkeys(what for (what, _), _ in left_out.most_common(3)))
    others = f" ({count} other file{'s' * (count != 1)}: {kinds})" if count else ""
    reasons = Counter({key: n for key, n in left_out.items() if key[1] != NO_IMAGE})
    if reasons:
        ((what, why), number), *_ = reasons.most_common(1)
        hint = f"to read them: {why}" if why.startswith("pip install") else why
        files = "1 file is" if number == 1 else f"{number} files are"
        return f"{name} contains no images that can be read; {files} left out ({what}): {hint}"
    if any(what in (".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2") for what, _ in left_out):
        return f"{name} contains no images, but an archive: give the archive itself, or unpack it"
    (most, _), _ = (*left_out.most_common(1), (("", ""), 0))[0]
    if what := advice(most):
        return f"{name} contains no images{others}; each {most} file is {what}"
    return f"{name} contains no images{others}; accepted are {accepted}: give a folder of images"
