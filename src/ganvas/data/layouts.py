"""What a folder of images means: one table of layouts, `LAYOUTS`. Needs no TensorFlow.

The first row that recognises a folder decides which images are used, what their classes are, and
what the header says about it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from . import labels
from .folder_names import are_dates, are_numbered

_OF = r"(?P<of>.*[-_ ])?"
_PART = r"([-_ ]?(set|data|images?|imgs?))?([-_ ]?\d{1,4})?"
_TRAIN = re.compile(rf"{_OF}(?P<part>train|training|trn|trainval){_PART}", re.IGNORECASE)
_OTHER = re.compile(
    rf"{_OF}(?P<part>val|valid|validation|dev|test|testing|eval|evaluation){_PART}", re.IGNORECASE
)
_DOMAINS = re.compile(r"(train|test|val)[-_]?[AB]")
_STRAY = 0.1  # of the images beside class folders are left out, or as many as the smallest class


@dataclass(frozen=True)
class Level:
    """A folder as its images lie in it.

    Attributes:
        root: the data folder.
        name: of it, in messages.
        counts: folder within it -> number of images directly in it.
        base: the folder that is looked at, within the data folder; "" is the data folder itself.
        tables: whether files of labels count: "given" by the user, "found" beside the images, or
            "" for no.
    """

    root: Path
    name: str
    counts: Counter[str]
    base: str = ""
    tables: str = "found"

    @cached_property
    def below(self) -> dict[str, int]:
        """Sub-folder -> number of images below it."""
        found: Counter[str] = Counter()
        start = len(self.base) + 1 if self.base else 0
        for folder, count in self.counts.items():
            if folder and (not self.base or folder.startswith(self.base + "/")):
                found[folder[start:].partition("/")[0]] += count
        return dict(sorted(found.items()))

    @property
    def direct(self) -> int:
        """Number of images that are in no sub-folder."""
        return self.counts.get(self.base, 0)

    def within(self, name: str) -> Level:
        return replace(self, base=f"{self.base}/{name}".lstrip("/"))

    def path(self, name: str = "") -> str:
        """For messages and commands."""
        return str(Path(self.name, self.base, name))


@dataclass(frozen=True)
class Choice:
    """What a layout decides.

    Attributes:
        base: the images of this folder are used.
        classes: "folders", "table", or "" for none.
        sentences: about the layout, for the header.
        why: there are no classes.
        left_out: folder -> why its images are not used.
        strays: folders of which the images that lie directly in them are not used.
    """

    base: str
    classes: str = ""
    sentences: tuple[str, ...] = ()
    why: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    strays: tuple[str, ...] = ()

    def after(self, sentence: str, left_out: dict[str, str] | None = None) -> Choice:
        """The same, with what was decided about the folders above."""
        return replace(
            self,
            sentences=(sentence, *self.sentences),
            left_out={**(left_out or {}), **self.left_out},
        )


class Row(NamedTuple):
    """A layout: its name, how it is recognised, and what it means."""

    name: str
    recognises: Callable[[Level], bool]
    means: Callable[[Level], Choice]


def understand(level: Level) -> Choice:
    """What a folder means, by the first layout that recognises it.

    Raises: DataError: it holds several data sets, of which one must be named.
    """
    return next(row for row in LAYOUTS if row.recognises(level)).means(level)


def _names(level: Level, pattern: re.Pattern[str]) -> list[str]:
    return [name for name in level.below if pattern.fullmatch(name)]


def _is_mvtec(level: Level) -> bool:
    return {"train", "test"} <= level.below.keys() and set(level.within("train").below) == {"good"}


def _mvtec(level: Level) -> Choice:
    good = level.path("train/good")
    sentence = (
        f"MVTec's tree: train/good is used; a detector: ganvas defects fit {good} --out DETECTOR"
    )
    others = {name: f"in {name}" for name in level.below if name != "train"}
    return Choice(level.within("train/good").base, why="train/good is one set").after(
        sentence, _under(level, others)
    )


def _is_cyclegan(level: Level) -> bool:
    names = _names(level, _DOMAINS)
    return len(names) > 1 and {"A", "B"} == {name[-1] for name in names}


def _cyclegan(level: Level) -> Choice:
    names = _names(level, _DOMAINS)
    first = next((name for name in names if name.startswith("train")), names[0])
    raise DataError(
        f"{level.path()} has the folders of CycleGAN ({', '.join(names)}), which are separate sets "
        f"of images, not classes: give one of them, such as {level.path(first)}"
    )


def _is_several(level: Level) -> bool:
    """Each sub-folder is a data set with parts of its own."""
    kinds = (_is_mvtec, _is_cyclegan, _is_split, _is_voc)
    return len(level.below) > 1 and all(
        any(kind(level.within(name)) for kind in kinds) for name in level.below
    )


def _several(level: Level) -> Choice:
    names = list(level.below)
    raise DataError(
        f"{level.path()} holds {len(names)} data sets ({', '.join(names[:4])}"
        f"{' ...' * (len(names) > 4)}), each with folders of its own for its parts: give one of "
        f"them, such as {level.path(names[0])}"
    )


def _is_voc(level: Level) -> bool:
    return "JPEGImages" in level.below


def _parts(level: Level) -> tuple[list[str], list[str]]:
    """The names of training parts and of other parts: train and test, or seg_train and seg_test.
    Names that begin differently, such as toy_train and crash_test, are those of classes."""
    train, other = ([*map(pattern.fullmatch, level.below)] for pattern in (_TRAIN, _OTHER))
    of = [{_of(one) for one in some if one} for some in (train, other)]
    both = of[0] & of[1] if of[0] else of[1] if len(of[1]) == 1 else set()
    trains, others = ([m[0] for m in some if m and _of(m) in both] for some in (train, other))
    return trains, others


def _of(match: re.Match[str]) -> str:
    return (match["of"] or "").lower()


def _is_split(level: Level) -> bool:
    train, other = _parts(level)
    words = {match["part"].lower() for name in other if (match := _OTHER.fullmatch(name))}
    return bool(train and other) or (len(words) > 1 and len(other) == len(level.below))


def _split(level: Level) -> Choice:
    train, others = _parts(level)
    if len(train) != 1:
        raise DataError(
            f"{level.path()} holds the parts {', '.join([*train, *others])} of a data set: give "
            f"one of them, such as {level.path([*train, *others][0])}"
        )
    sentence = (
        f"{train[0]} is used; {' and '.join(others)} {'are' if len(others) > 1 else 'is'} left for "
        f"ganvas evaluate RUN --data {level.path(others[-1])}"
    )
    left = {name: f"in {name}" for name in level.below if name != train[0]}
    return understand(level.within(train[0])).after(sentence, _under(level, left))


def _is_table(level: Level) -> bool:
    return level.tables == "given" or bool(level.tables and labels.find(level.root, level.base))


def _table(level: Level) -> Choice:
    return Choice(level.base, classes="table")


def _sharded(level: Level) -> Choice:
    names = list(level.below)
    return Choice(
        level.base,
        sentences=(
            f"numbered folders ({names[0]} to {names[-1]}) are parts of one set; if they are "
            "classes, rename them, or give --labels FILE.csv",
        ),
        why="the folders are numbered parts",
    )


def _dated(level: Level) -> Choice:
    names = list(level.below)
    return Choice(
        level.base,
        sentences=(
            f"folders named by dates ({names[0]} to {names[-1]}) are one set; if they are classes, "
            "rename them, or give --labels FILE.csv",
        ),
        why="the folders are dates",
    )


def _is_one(level: Level) -> bool:
    """One folder above the images, perhaps with a few images beside it."""
    if len(level.below) != 1:
        return False
    [name] = level.below
    inner = level.within(name)
    return not level.direct or (
        understand(inner).classes == "folders" and _few(level.direct, inner.below)
    )


def _one(level: Level) -> Choice:
    [name] = level.below
    choice = understand(level.within(name))
    if choice.classes != "folders":
        return choice
    strays = (level.base,) if level.direct else ()
    choice = replace(choice, strays=(*strays, *choice.strays))
    above = level.within(name).base  # deeper folders have said so already
    return choice.after(f"all class folders are in {above}") if choice.base == above else choice


def _is_classes(level: Level) -> bool:
    return len(level.below) > 1 and _few(level.direct, level.below)


def _classes(level: Level) -> Choice:
    return Choice(level.base, classes="folders", strays=(level.base,) if level.direct else ())


def _few(direct: int, below: dict[str, int]) -> bool:
    """Whether images beside class folders are so few that they are there by mistake."""
    return direct <= max(_STRAY * sum(below.values()), min(below.values()))


def _flat(level: Level) -> Choice:
    if not level.below:
        return Choice(level.base, why="no sub-folders")
    lie = "images lie" if level.direct != 1 else "image lies"
    return Choice(level.base, why=f"{level.direct:,} {lie} beside the sub-folders")


def _under(level: Level, names: dict[str, str]) -> dict[str, str]:
    return {level.within(name).base: why for name, why in names.items()}


LAYOUTS = (
    Row("MVTec's tree", _is_mvtec, _mvtec),
    Row("CycleGAN's domains", _is_cyclegan, _cyclegan),
    Row("several data sets", _is_several, _several),
    Row("training and test parts", _is_split, _split),
    Row("labels in a file", _is_table, _table),
    Row("numbered parts", lambda level: are_numbered([*level.below]), _sharded),
    Row("folders of dates", lambda at: are_dates([*at.below], Path(at.base).name), _dated),
    Row("one folder above", _is_one, _one),
    Row("class folders", _is_classes, _classes),
    Row("one set", lambda level: True, _flat),
)
"""In the order in which they are looked for."""
