"""Files of arrays, .npy and .npz. What a file is, its content decides, not its name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.lib.format import MAGIC_PREFIX

from ..base.arrays import map_npy, open_npz
from ..errors import DataError

_OBJECTS = re.compile("Object arrays|Python objects")
"""In NumPy's errors."""
_PICKLE = b"\x80"

_NAMES = (
    ("x_{}", "y_{}"), ("{}_images", "{}_labels"), ("{}_data", "{}_labels"), ("{}_x", "{}_y"),
)  # fmt: skip
_PLAIN = (
    ("x", "y"), ("images", "labels"), ("image", "label"), ("data", "targets"), ("data", "labels"),
    ("imgs", "labels"), ("samples", "labels"), ("arr_0", "arr_1"),
)  # fmt: skip
_LABELS = ("y", "labels", "label", "targets", "target", "classes")


def read(file: Path, part: str, named: bool) -> tuple[Any, Any, list[str]]:
    """Images, labels or None, and sentences about what was read.

    Args:
        part: "train", "val" or "test", of a .npz file.
        named: whether the user named the part.

    Raises: DataError: the file is damaged, or has no images.
    """
    try:
        if _starts_with(file, MAGIC_PREFIX):
            if named:
                raise DataError(f"{file}: one array has no parts: leave out ':{part}'")
            return map_npy(file), None, []
        with open_npz(file) as arrays:
            return _pick(arrays, file, part)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if _OBJECTS.search(str(error)) or _starts_with(file, _PICKLE):
            raise DataError(
                f"{file} contains Python objects, which are not read, because reading them can run "
                "any code: save the images as one array of numbers"
            ) from error
        raise DataError(f"{file} cannot be read ({error}): write it again with NumPy") from error


def _starts_with(file: Path, magic: bytes) -> bool:
    with file.open("rb") as content:
        return content.read(len(magic)) == magic


def _pick(arrays: Any, file: Path, part: str) -> tuple[Any, Any, list[str]]:
    """Images and labels of a .npz file, by the names that are commonly used."""
    names = {name.lower(): name for name in arrays.files}
    pairs = [(x.format(part), y.format(part)) for x, y in _NAMES]
    if part == "train":
        pairs += _PLAIN
    of_images = next((x for x, _ in pairs if x in names), None)
    if of_images is None and part == "train":
        shaped = [name for name in names if _is_images(arrays, names[name])]
        of_images = shaped[0] if len(shaped) == 1 else None
    if of_images is None:
        raise DataError(
            f"{file} contains {', '.join(arrays.files) or 'nothing'}; the images of the {part} "
            f"part are needed under the name {' or '.join(dict.fromkeys(x for x, _ in pairs[:6]))}"
            ": rename them"
        )
    images = arrays[names[of_images]]
    wanted = [*(y for x, y in pairs if x == of_images), *(_LABELS if part == "train" else ())]
    of_labels = next((y for y in wanted if y in names and y != of_images), None)
    labels = None if of_labels is None else arrays[names[of_labels]]
    return images, labels, _sentences(names, of_images, of_labels)


def _sentences(names: Mapping[str, str], images: str, labels: str | None) -> list[str]:
    of_labels = f"labels from {names[labels]}" if labels else "no labels"
    found = [f"images from {names[images]}, {of_labels}"]
    others = [name for key, name in names.items() if key not in (images, labels)]
    if others:
        more = " ..." * (len(others) > 4)
        found.append(f"not read in the same file: {', '.join(others[:4])}{more}")
    return found


def _is_images(arrays: Any, name: str) -> bool:
    try:
        array = arrays[name]
    except ValueError:  # Python objects
        return False
    return array.dtype.kind in "biuf" and array.ndim in (3, 4)
