"""Refusals that need only file headers: they come before TensorFlow is imported, which takes
seconds. What they let pass is checked again when it is read."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...data.archives import located, unpacked
from ...data.arranging import arrange
from ...data.kinds import ACCEPTED
from ...data.walk import find
from ...errors import DataError, ModelError, UsageError
from ...storage import manifest, remote

KIND = "defects"
FEWEST = 40
"""Least number of good images to train on; images for calibration come on top."""
LARGE_FEWEST = 8
"""The same of large images, each of which gives many tiles."""
ARRAYS = (".npz", ".npy")


def read(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a version and its facts.

    Raises: ModelError: no model, a damaged one, or one that is no detector.
    """
    place = manifest.locate(folder)
    facts = manifest.verify(place)
    if facts.get("kind") != KIND:
        raise ModelError(
            f"{folder} contains another kind of model: give a folder that `ganvas defects fit` "
            "wrote"
        )
    return place, facts


def check_good(
    data: str, alpha: float, size: tuple[int, int] | None = None, *, all_good: bool = False,
    least: int | None = FEWEST,
) -> tuple[int, int] | None:  # fmt: skip
    """Good images in a folder or an archive: are there enough, have they one size and no labels?

    Args: least: to train on; None: that depends on what only their contents show.

    Returns: their size; None: it is not known yet.
    Raises: DataError, UsageError.
    """
    folder = images_folder(data)
    if folder is None:
        check_there(data)
        return size
    layout = arrange(folder, find(folder), name=data)
    if layout.classes and not all_good:
        names = sorted({Path(path).parent.name for path in layout.paths})
        raise DataError(labelled(data, names))
    paths = [Path(path) for path in layout.paths] or files(folder)
    size = size or one_size(data, paths)
    if least is not None:  # an upper limit: equal images count once, and some may be unreadable
        shares(len(paths), alpha, least)
    return size


def check_images(data: str, shape: Sequence[int] | None) -> None:
    """Images that a model is to score: are there any, and have they its size?

    Raises: DataError.
    """
    folder = images_folder(data)
    if folder is None and not (is_image(Path(data)) and Path(data).is_file()):
        check_there(data)
        return
    for path in [Path(data)] if folder is None else files(folder):
        header = pictures.probe(path)
        got = (header.height, header.width)
        if shape is not None and got != tuple(shape[:2]):
            raise DataError(other_size(str(path), (*got, shape[2]), tuple(shape)))


def check_there(data: str) -> None:
    """Raises: DataError: a path that leads nowhere."""
    name, colon, _ = data.rpartition(":")
    file = name if colon and name.endswith(ARRAYS) else data
    named = data.partition(":")[0] in ("mnist", "keras", "tfds") or remote.address(data)
    if not named and not Path(file).exists():
        raise DataError(f"'{data}' does not exist: check the path; accepted are {ACCEPTED}")


def images_folder(data: Any) -> Path | None:
    """The folder that is given, or that of an archive's images; None: something else."""
    if not isinstance(data, (str, os.PathLike)) or remote.address(data):
        return None
    path = Path(data)
    if archive := located(path):
        file, within = archive
        path = unpacked(file).folder / within
    prepared = (path / "index.json").is_file() and (path / "index.npz").is_file()
    return path if path.is_dir() and not prepared else None


def files(folder: Path) -> list[Path]:
    """Image files below a folder, by name. Raises: DataError: none."""
    found = find(folder).paths
    if not found:
        raise DataError(
            f"{folder} contains no image: give a folder of PNG, JPEG, TIFF or other image files"
        )
    return [Path(path) for path in found]


def is_image(path: Path) -> bool:
    # A missing file is an image by its suffix: the error then names it.
    return pictures.is_image(path) if path.suffix or path.is_file() else False


def one_size(name: object, paths: Sequence[Path]) -> tuple[int, int]:
    """The one size of images. Raises: DataError: there are several."""
    headers = [pictures.probe(path) for path in paths]
    sizes = Counter((one.height, one.width) for one in headers)
    if len(sizes) > 1:
        (h, w), _ = sizes.most_common(1)[0]
        raise DataError(
            f"the images in {name} must have one size, got {len(sizes)} (mostly {h}×{w} px): "
            f"crop them to one size, or resize them with --size {h}x{w}"
        )
    return next(iter(sizes))


def labelled(name: object, names: Sequence[object]) -> str:
    """The refusal of images with labels."""
    return (
        f"{name} has labels ({', '.join(map(str, names[:4]))}{' ...' if len(names) > 4 else ''}), "
        "but only good images without labels are accepted: give the folder of good ones, or "
        "--all-good if every class is good"
    )


def other_size(name: str, got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """The refusal of images of another size than a model's."""
    sides = ["×".join(map(str, one[:2])) + f" px, {one[2]} channel(s)" for one in (got, expected)]
    return (
        f"{name} has {sides[0]}, but this model was fitted on {sides[1]}: crop or scale it like "
        "the good images"
    )


def needed(alpha: float) -> int:
    """The least n for which a p-value can be as small as alpha: 1 / (n + 1) <= alpha.

    Raises: UsageError: alpha is not a share.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must be above 0 and below 1, got {alpha:g}")
    return int(np.ceil(1 / alpha - 1 - 1e-9))


def check_alpha(alpha: float, count: int) -> None:
    """Raises: UsageError: `count` calibration images cannot guarantee this false-alarm rate."""
    if count < needed(alpha):
        raise UsageError(
            f"alpha = {alpha:g} needs at least {needed(alpha)} calibration images, got {count}: "
            f"fit with at least {fewest(alpha)} good images, or set alpha to at "
            f"least {1 / (count + 1):.3g}"
        )


def check_model_alpha(facts: Mapping[str, Any], alpha: float | None) -> None:
    """Raises: UsageError: a model's calibration cannot guarantee this false-alarm rate."""
    if alpha is not None:
        groups = (facts.get("promise") or {}).get("groups") or {}
        check_alpha(alpha, min(groups.values(), default=int(facts["parts"]["calibrate"])))


def fewest(alpha: float) -> int:
    """The least number of good images that `shares` accepts for an alpha."""
    return next(n for n in itertools.count(needed(alpha)) if min(_shares(n, alpha)[:2]) > 0)


def shares(count: int, alpha: float, least: int = FEWEST) -> tuple[int, int, int]:
    """How many good images are for training, scaling and calibration.

    Raises: DataError: too few to train on, or to guarantee alpha.
    """
    found = _shares(count, alpha, least)
    if not found[0]:
        enough = next(n for n in itertools.count(needed(alpha)) if _shares(n, alpha, least)[0])
        raise DataError(
            f"alpha = {alpha:g} needs at least {enough} good images "
            f"({_shares(enough, alpha, least)[2]} of them only for calibration), got {count}: give "
            "more, or increase alpha"
        )
    return found


def _shares(count: int, alpha: float, least: int = FEWEST) -> tuple[int, int, int]:
    """The same; 0 for training: too few."""
    calibrate = max(min(1000, count // 4), needed(alpha))
    scale = max(min(8, least), min(500, count // 8))
    learn = count - calibrate - scale
    return (learn if learn >= max(least, count // 3) else 0), scale, calibrate
