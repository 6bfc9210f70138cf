"""The images of a folder that are used, and their classes: its layout, applied. Needs no
TensorFlow."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..storage.outputs import is_drawn
from . import labels as tables
from .hints import empty_folders, hints
from .layouts import Choice, Level, understand
from .masks import masks_of, may_be_mask
from .walk import IMAGE, NO_IMAGE, Found, LeftOut, is_hidden


@dataclass(frozen=True)
class Layout:
    """The images of a folder that are used.

    Attributes:
        name: of the folder in messages, such as that of an archive.
        paths: of the images, in their order.
        left_out: files and images that are not used.
        base: the folder of which the sub-folders are classes, within the data folder.
        classes: "folders", "table", or "" for none.
        why: there are no classes.
        table: the file of labels that is used.
        names: of a table, all its labels; `of` has those of the images.
        sentences: what was understood.
    """

    folder: Path
    name: str
    paths: list[str]
    left_out: LeftOut
    base: str = ""
    classes: str = ""
    why: str = ""
    table: str = ""
    names: tuple[str, ...] = ()
    of: dict[str, str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()

    def numbers(self, paths: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
        """The classes of some of the images, int32 [N], and their names; none if there are fewer
        than two."""
        if not self.classes:
            return np.zeros(len(paths), np.int32), ()
        start = _start(self.folder)
        if self.classes == "table":
            found = [self.of[_within(path, start)] for path in paths]
        else:
            start += len(self.base) + 1 if self.base else 0
            found = [_within(path, start).partition("/")[0] for path in paths]
        present = set(found)
        names = [name for name in self.names if name in present] or sorted(present)
        if len(names) < 2:
            return np.zeros(len(paths), np.int32), ()
        number = {name: i for i, name in enumerate(names)}
        return np.array([number[name] for name in found], np.int32), tuple(names)

    def facts(self, names: Sequence[str]) -> dict[str, Any]:
        """What the report says about the layout; `names` are those of the classes."""
        return {
            "left_out": [
                {"what": what, "why": why, "count": count}
                for (what, why), count in self.left_out.most_common()
            ],
            "ignored": sum(n for (what, _), n in self.left_out.items() if what != IMAGE),
            "layout": list(self.sentences),
            "no_classes": "" if names else self.why or "all images have the same label",
        }

    def within(self, path: str) -> str:
        """A path within the folder."""
        return _within(path, _start(self.folder))


def arrange(
    folder: Path,
    found: Found,
    labels: bool | str = True,
    judged: bool = False,
    name: str | None = None,
) -> Layout:
    """Decide which of the images that were found are used, and what their classes are.

    Args:
        labels: False: no classes; a path: of a CSV file of labels.
        judged: the images are for evaluation: those that ganvas has drawn are used as well.
        name: of the folder in messages; None: its path.

    Raises: DataError: the folder holds several data sets, or a file of labels cannot be used.
    """
    start = _start(folder)
    left_out = Counter(found.left_out)
    paths = found.paths if judged else _without_drawn(found.paths, left_out)
    paths = _without_masks(folder, paths, start, left_out)
    given = labels if isinstance(labels, str) else ""
    level = Level(
        folder, name or str(folder), _folders(paths, start),
        tables="given" if given else "found" if labels else "",
    )  # fmt: skip
    layout = _labelled(level, paths, given, left_out)
    if layout.classes == "folders" and labels:
        empty = empty_folders(replace(level, base=layout.base))
        known = [f"{one}/" for one in (*found.written, *_folders(found.paths, start))]
        within = f"{layout.base}/" if layout.base else ""
        empty = [one for one in empty if not any(k.startswith(f"{within}{one}/") for k in known)]
        if empty := [one for one in empty if not is_hidden(one)]:
            layout = replace(layout, sentences=(*layout.sentences, _empty(empty)))
    if not labels:
        layout = replace(layout, classes="", why="data.labels=false")
    elif not (layout.classes or judged):
        more = hints([_within(path, start) for path in layout.paths], layout.left_out)
        layout = replace(layout, sentences=(*layout.sentences, *more))
    if layout.table and layout.table != given:
        layout.left_out.subtract([(Path(layout.table).suffix.lower(), NO_IMAGE)])
    return replace(layout, left_out=+layout.left_out)


def _labelled(level: Level, paths: list[str], given: str, left_out: LeftOut) -> Layout:
    """With classes from a file of labels, if there is one that fits; else from the folders."""
    choice, unusable = understand(level), []
    if choice.classes != "table":
        return _chosen(level, choice, paths, left_out, unlabelled=not level.tables)
    start = _start(level.root)
    used, unused, _ = _used(choice, paths, start)
    for name in [given] if given else tables.find(level.root, choice.base):
        file, within = (Path(given), "") if given else (level.root / name, name.rpartition("/")[0])
        try:
            found = tables.read(
                file, name, within, [_within(path, start) for path in used], bool(given)
            )
        except tables.Unusable as error:
            unusable.append(str(error))
            continue
        kept = [path for path in used if _within(path, start) in found.of]
        unused[IMAGE, f"without a label in {name}"] = len(used) - len(kept)
        return Layout(
            level.root, level.name, kept, left_out + unused, choice.base, "table", table=name,
            names=found.names, of=found.of, sentences=(*choice.sentences, *found.sentences),
        )  # fmt: skip
    if given:
        raise DataError(f"{unusable[0]}: correct it")
    layout = _chosen(level, understand(replace(level, tables="")), paths, left_out)
    return replace(layout, sentences=(*layout.sentences, *unusable))


def _chosen(
    level: Level, choice: Choice, paths: list[str], left_out: LeftOut, unlabelled: bool = False
) -> Layout:
    """Without a file of labels.

    Args:
        unlabelled: labels are not wanted, so images beside class folders are used.
    """
    choice = replace(choice, strays=()) if unlabelled else choice
    used, unused, strays = _used(choice, paths, _start(level.root))
    if strays:
        names = ", ".join(strays[:2]) + " ..." * (len(strays) > 2)
        unused[IMAGE, f"beside the class folders ({names})"] = len(strays)
    return Layout(
        level.root,
        level.name,
        used,
        left_out + unused,
        choice.base,
        choice.classes,
        choice.why,
        sentences=choice.sentences,
    )


def _used(choice: Choice, paths: list[str], start: int) -> tuple[list[str], LeftOut, list[str]]:
    """The images that a layout uses, those that it leaves out, and strays, which are neither."""
    unused: LeftOut = Counter()
    if not (choice.left_out or choice.strays):
        return paths, unused, []
    used, strays = [], []
    for path in paths:
        within = _within(path, start)
        reason = next(
            (why for name, why in choice.left_out.items() if within.startswith(name + "/")), ""
        )
        if reason:
            unused[IMAGE, reason] += 1
        elif within.rpartition("/")[0] in choice.strays:
            strays.append(within)
        elif not choice.base or within.startswith(choice.base + "/"):
            used.append(path)
        else:
            unused[IMAGE, f"outside of {choice.base}"] += 1
    return used, unused, strays


def _without_drawn(paths: list[str], left_out: LeftOut) -> list[str]:
    """Without images that `ganvas sample` has drawn, unless there are no others."""
    drawn = {path for path in paths if path.endswith(".png") and is_drawn(Path(path))}
    if not drawn or len(drawn) == len(paths):
        return paths
    left_out[IMAGE, "drawn by ganvas sample"] = len(drawn)
    return [path for path in paths if path not in drawn]


def _without_masks(folder: Path, paths: list[str], start: int, left_out: LeftOut) -> list[str]:
    if not any(may_be_mask(path[start:]) for path in paths):  # nearly always
        return paths
    masks, where = masks_of(folder, [_within(path, start) for path in paths])
    if not masks:
        return paths
    left_out[IMAGE, f"masks ({'; '.join(where[:2])}{' ...' * (len(where) > 2)})"] = len(masks)
    return [path for path in paths if _within(path, start) not in masks]


def _folders(paths: Sequence[str], start: int) -> Counter[str]:
    """Folder -> number of images directly in it."""
    counts: Counter[str] = Counter()
    for path in paths:
        counts[os.path.dirname(path)[start:]] += 1  # noqa: PTH120  a Path takes ten times as long
    return Counter({name.replace(os.sep, "/"): count for name, count in counts.items()})


def _empty(names: Sequence[str]) -> str:
    some = ", ".join(names[:3]) + " ..." * (len(names) > 3)
    return f"{len(names)} sub-folder{'s' * (len(names) != 1)} without images: {some}"


def _start(folder: Path) -> int:
    """The length of the folder's name in the paths of its files."""
    return len(str(folder).rstrip(os.sep)) + 1


def _within(path: str, start: int) -> str:
    return path[start:].replace(os.sep, "/")
