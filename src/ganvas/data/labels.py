"""Labels in a file beside the images: labels.csv, Hugging Face's metadata.csv, StyleGAN's
dataset.json, or a CSV file that the user names."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..errors import DataError

FILES = ("dataset.json", "labels.csv", "metadata.csv")
"""Names of files of labels, in the order in which they are looked for."""
_PATHS = ("path", "file_name", "filename", "file", "image", "image_path", "filepath", "id")
_LABELS = ("label", "class", "labels", "class_name", "category", "target")
_MOST = 0.5  # distinct labels per image: with more they are numbers or texts, not classes
_OBJECTS = 0.1  # of the images have several labels: the rows are objects, not images
_FEW = 20  # images, of which each may have a label of its own


class Labels(NamedTuple):
    """The labels of images.

    Attributes:
        of: path within the data folder -> label; of the images that have one.
        names: all labels that occur, in the order of their numbers.
        sentences: where they come from, and what did not match.
    """

    of: dict[str, str]
    names: tuple[str, ...]
    sentences: tuple[str, ...]


class Unusable(Exception):
    """A file has no labels for these images; the message says why."""


def find(root: Path, base: str) -> list[str]:
    """Files of labels in a folder `base` of the data folder, or in a folder above it."""
    steps = PurePosixPath(base).parts
    places = ["/".join(steps[:depth]) for depth in range(len(steps), -1, -1)]
    names = [f"{place}/{name}".lstrip("/") for place in places for name in FILES]
    return [name for name in names if (root / name).is_file()]


def read(file: Path, name: str, within: str, paths: Sequence[str]) -> Labels:
    """The labels of images.

    Args:
        name: of the file in messages.
        within: the folder that the file's paths are relative to, within the data folder.
        paths: of the images, within the data folder.

    Raises: Unusable; DataError: the file is damaged, or gives one image two labels.
    """
    rows, columns = _of_json(file) if file.suffix == ".json" else _of_csv(file, name)
    table = dict(rows)
    _refuse_twice(rows, len(table), name)
    of, unknown = _match(table, within, paths)
    if not of:
        raise Unusable(
            f"none of the {len(table)} paths of {name} is one of the {len(paths)} images, such as "
            f"{next(iter(table))}"
        )
    names = sorted(set(of.values()), key=_number)
    if len(of) > _FEW and len(names) > _MOST * len(of):
        raise Unusable(f"{name} has {len(names)} labels for {len(of)} images, which are no classes")
    sentences = [f"classes from {name}{columns}"]
    if unknown:
        what = "1 path" if len(unknown) == 1 else f"{len(unknown)} paths"
        lack = "does not exist" if len(unknown) == 1 else "do not exist"
        sentences.append(f"{what} of {name} {lack}, such as {unknown[0]}")
    return Labels(of, tuple(names), tuple(sentences))


def _number(label: str) -> tuple[int, int, str]:
    """Sorts whole numbers by their value, before other labels."""
    whole = label.isdecimal() and len(label) < 19
    return (0, int(label), label) if whole else (1, 0, label)


def _refuse_twice(rows: Sequence[tuple[str, str]], count: int, name: str) -> None:
    """Raises: DataError: an image has two labels; Unusable: many have, as in lists of objects."""
    labels = defaultdict(set)
    for path, label in rows:
        labels[path].add(label)
    twice = [path for path, found in labels.items() if len(found) > 1]
    if not twice:
        return
    first = " and ".join(sorted(labels[twice[0]])[:2])
    message = f"{name} gives several labels to {len(twice)} of {count} images, such as {twice[0]}"
    if len(twice) > _OBJECTS * count:
        raise Unusable(message)
    raise DataError(f"{message} ({first}): keep one row for each image")


def _match(
    table: dict[str, str], within: str, paths: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Labels by the path of their image, and the paths without an image. A path that is no image is
    taken as a file's name, with or without its suffix, if exactly one image has it."""
    known = set(paths)
    exact = {path: _joined(within, path) for path in table}
    rest = [path for path, place in exact.items() if place not in known]
    of = {place: table[path] for path, place in exact.items() if place in known}
    if not rest:
        return of, []
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for place in known - of.keys():
        whole = PurePosixPath(place)
        by_name[whole.name].append(place)
        by_name[whole.stem].append(place)
    unknown = []
    for path in rest:
        places = by_name.get(path.split("/")[-1], [])
        if len(places) == 1:
            of[places[0]] = table[path]
        else:
            unknown.append(path)
    return of, unknown


def _joined(within: str, path: str) -> str:
    plain = PurePosixPath(path.replace("\\", "/"))
    return str(PurePosixPath(within) / plain)


def _of_csv(file: Path, name: str) -> tuple[list[tuple[str, str]], str]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            found = csv.DictReader(lines)
            columns = {one.strip().lower(): one for one in found.fieldnames or () if one}
            path = next((columns[one] for one in _PATHS if one in columns), None)
            label = next((columns[one] for one in _LABELS if one in columns), None)
            if path is None or label is None:
                raise Unusable(
                    f"{name} has the columns {', '.join(columns) or 'none'}; path and label are "
                    "needed"
                )
            rows = [((row[path] or "").strip(), (row[label] or "").strip()) for row in found]
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror}): check its path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name} is not a CSV file in UTF-8 ({error}): save it again") from error
    if not (rows := [row for row in rows if all(row)]):
        raise Unusable(f"{name} has no row with a path and a label")
    return rows, f" ({path.strip()}, {label.strip()})"


def _of_json(file: Path) -> tuple[list[tuple[str, str]], str]:
    """StyleGAN's dataset.json: {"labels": [["00000/img00000000.png", 3], ...]} or null."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{file.name} cannot be read ({error})") from error
    pairs = found.get("labels") if isinstance(found, dict) else None
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if not isinstance(pairs, list) or not pairs:
        raise Unusable(f"{file.name} has no labels")
    try:
        rows = [(str(path), _class(label)) for path, label in pairs]
    except (TypeError, ValueError) as error:
        raise Unusable(f"{file.name} has labels that are no classes") from error
    return rows, ""


def _class(label: Any) -> str:
    """A number or a word; of a one-hot vector, the index of its 1."""
    if isinstance(label, list):
        if sorted(label) != [0] * (len(label) - 1) + [1]:
            raise ValueError
        return str(label.index(1))
    if isinstance(label, float) and not label.is_integer():
        raise ValueError
    return str(int(label) if isinstance(label, float) else label)
