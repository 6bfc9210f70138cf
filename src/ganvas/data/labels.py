"""Labels in a file beside the images: labels.csv, Kaggle's train.csv, Hugging Face's metadata,
StyleGAN's dataset.json, or a file that the user names."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..base.csv_files import text_of
from ..errors import DataError

FILES = (
    "dataset.json", "labels.csv", "labels.tsv", "metadata.csv", "metadata.jsonl", "train.csv",
)  # fmt: skip
"""Names of files of labels, in the order in which they are looked for."""
_PATHS = (
    "path", "file_name", "filename", "file", "image", "image_path", "filepath", "file_path", "id",
    "image_id", "image_name", "filepaths", "filenames", "id_code", "img", "img_path", "name",
)  # fmt: skip
_LABELS = (
    "label", "class", "labels", "class_name", "class_label", "label_name", "category", "target",
    "species", "breed", "diagnosis", "dx",
)  # fmt: skip
_SEPARATORS = ",;\t|"
_MOST = 0.5  # distinct labels per image: with more they are numbers or texts, not classes
_OBJECTS = 0.1  # of the images have several labels: the rows are objects, not images
_SHARE = 0.5  # of the images have a label, or a file that nobody has named is not for them
_FLAGS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
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


def read(file: Path, name: str, within: str, paths: Sequence[str], given: bool = False) -> Labels:
    """The labels of images.

    Args:
        name: of the file in messages.
        within: the folder that the file's paths are relative to, within the data folder.
        paths: of the images, within the data folder.
        given: the user has named the file, so images without a label are not wanted.

    Raises: Unusable; DataError: the file is damaged, or gives one image two labels.
    """
    rows, columns = _READERS.get(file.suffix.lower(), _of_csv)(file, name)
    rows = _whole([(path, unicodedata.normalize("NFC", label)) for path, label in rows])
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
    if not given and len(of) < _SHARE * len(paths):
        raise Unusable(
            f"{name} has labels of {len(of)} of the {len(paths)} images only: --labels {name} "
            "trains on these"
        )
    sentences = [f"classes from {name}{columns}"]
    if unknown:
        what = "1 path" if len(unknown) == 1 else f"{len(unknown)} paths"
        lack = "does not exist" if len(unknown) == 1 else "do not exist"
        sentences.append(f"{what} of {name} {lack}, such as {unknown[0]}")
    return Labels(of, tuple(names), tuple(sentences))


def _whole(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Whole numbers without the ".0" that a table of floats gives all of them."""
    if all(re.fullmatch(r"-?\d+\.0+", label) for _, label in rows):
        return [(path, label.partition(".")[0]) for path, label in rows]
    return rows


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
    """Labels by the path of their image, and the paths without an image. A path that is no image,
    such as one of another computer, is taken by its end: by the longest that an image shares, if
    exactly one image does. A file's name may lack its suffix."""
    known = set(paths)
    exact = {path: _joined(within, path) for path in table}
    rest = [path for path, place in exact.items() if place not in known]
    of = {place: table[path] for path, place in exact.items() if place in known}
    if not rest:
        return of, []
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for place in known - of.keys():
        for name in {PurePosixPath(place).name, PurePosixPath(place).stem}:
            by_name[_key(name)].append(place)
    unknown = []
    for path in rest:
        places = _longest(path, by_name.get(_key(path).split("/")[-1], []))
        if len(places) == 1:
            of[places[0]] = table[path]
        else:
            unknown.append(path)
    return of, unknown


def _longest(path: str, places: list[str]) -> list[str]:
    """Of images with the name of a path, those that share most folders above it."""
    if len(places) < 2:
        return places
    wanted = _key(path).split("/")[-2::-1]
    shared = []
    for place in places:
        folders = _key(place).split("/")[-2::-1]
        pairs = zip(wanted, folders, strict=False)
        shared.append(next((n for n, (a, b) in enumerate(pairs) if a != b), len(folders)))
    return [place for place, n in zip(places, shared, strict=True) if n == max(shared)]


def _key(path: str) -> str:
    """A path as it is compared: systems write separators, accents and capitals differently."""
    return unicodedata.normalize("NFC", path.replace("\\", "/")).casefold()


def _joined(within: str, path: str) -> str:
    plain = PurePosixPath(path.replace("\\", "/"))
    return str(PurePosixPath(within) / plain)


def _text(file: Path, name: str) -> tuple[str, str]:
    """The text of a file, and what its encoding is if that had to be guessed."""
    try:
        text, encoding = text_of(file.read_bytes())
        return text, "" if encoding.startswith("UTF") else f", which is read as {encoding}"
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror}): check its path") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not a CSV file in UTF-8 ({error}): save it again") from error


def _of_csv(file: Path, name: str) -> tuple[list[tuple[str, str]], str]:
    """Any of `_SEPARATORS` may be used: that of the first line."""
    text, guess = _text(file, name)
    lines = list(io.StringIO(text, newline=""))
    if lines and re.fullmatch(r"sep=.\s*", lines[0], re.IGNORECASE):  # it is for Excel
        del lines[0]
    separator = max(_SEPARATORS, key=lambda one: lines[0].count(one) if lines else 0)
    try:
        found = csv.DictReader(lines, delimiter=separator, skipinitialspace=True)
        pairs, columns = _columns(list(found.fieldnames or ()), list(found), name)
        return pairs, columns + guess
    except csv.Error as error:
        raise DataError(f"{name} is not a CSV file in UTF-8 ({error}): save it again") from error


def _of_lines(file: Path, name: str) -> tuple[list[tuple[str, str]], str]:
    """Hugging Face's metadata.jsonl: an object in each line."""
    try:
        rows = [json.loads(line) for line in _text(file, name)[0].split("\n") if line.strip()]
    except ValueError as error:
        raise Unusable(f"{name} cannot be read ({error})") from error
    if not all(isinstance(row, dict) for row in rows):
        raise Unusable(f"{name} has lines that are no objects")
    return _columns(list(dict.fromkeys(key for row in rows for key in row)), rows, name)


def _columns(
    names: Sequence[str], rows: Sequence[dict[str, Any]], name: str
) -> tuple[list[tuple[str, str]], str]:
    """The paths and labels of a table, and the columns that hold them."""
    columns = {re.sub(r"[\s-]+", "_", one.strip().lower()): one for one in names if one}
    path = next((columns[one] for one in _PATHS if one in columns), None)
    label = next((columns[one] for one in _LABELS if one in columns), None)
    if path and label is None and (pairs := _one_hot(columns, rows, path)):
        return pairs, f" ({path.strip()}; the column with a 1)"
    if path is None or label is None:
        raise Unusable(
            f"{name} has the columns {', '.join(columns) or 'none'}; path and label are needed"
        )
    if any(isinstance(row.get(label), (list, dict)) for row in rows):
        raise Unusable(f"{name} has labels that are no classes")
    pairs = [(_cell(row.get(path)), _cell(row.get(label))) for row in rows]
    if not (pairs := [pair for pair in pairs if all(pair)]):
        raise Unusable(f"{name} has no row with a path and a label")
    return pairs, f" ({path.strip()}, {label.strip()})"


def _one_hot(
    columns: dict[str, str], rows: Sequence[dict[str, Any]], path: str
) -> list[tuple[str, str]]:
    """The labels of a table with a column for each class, of which one is 1, as ISIC and Kaggle
    have them; empty if it is none."""
    classes = [one for one in columns.values() if one != path]
    pairs = []
    for row in rows:
        flags = [_FLAGS.get(_cell(row.get(name)), 2) for name in classes]
        if sorted(flags, reverse=True) != [1] + [0] * (len(flags) - 1):
            return []
        pairs.append((_cell(row.get(path)), classes[flags.index(1)].strip()))
    return pairs if len(classes) > 1 and all(path for path, _ in pairs) else []


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _of_json(file: Path, name: str) -> tuple[list[tuple[str, str]], str]:
    """StyleGAN's dataset.json: {"labels": [["00000/img00000000.png", 3], ...]} or null."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{name} cannot be read ({error})") from error
    pairs = found.get("labels") if isinstance(found, dict) else None
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if not isinstance(pairs, list) or not pairs:
        raise Unusable(f"{name} has no labels")
    try:
        rows = [(str(path), _class(label)) for path, label in pairs]
    except (TypeError, ValueError) as error:
        raise Unusable(f"{name} has labels that are no classes") from error
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


_READERS = {".json": _of_json, ".jsonl": _of_lines}
"""The suffix of a file of labels -> its reader; others are CSV files."""
