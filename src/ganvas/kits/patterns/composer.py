"""Marks composed of the parts of SVG drawings, in place of marks learnt from pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from ...base.printing import printable
from ...base.progress import counted, stage
from ...errors import DataError, UsageError
from ...evaluation.base import Score
from .colour import rgb_of
from .paths import svg
from .paths.choosing import Reference
from .paths.grammar import Grammar, Mark
from .paths.outline import Shape, drawn, placed
from .paths.parts import SIDE, same, taken_apart

FEWEST, MOST = 12, 20_000
"""Drawings that a set has."""
AT_ONCE = 256
TRIES = 40
"""Marks that are composed for each that is kept, at most."""
VIEW = 256


def svg_files(folder: Path) -> list[Path]:
    """The SVG files below a folder, by name; hidden ones and links are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() == ".svg")
    return sorted(
        path for path in found
        if path.is_file() and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )  # fmt: skip


def learn_marks(folder: str | os.PathLike[str], *, seed: int = 0, judge: bool = True) -> Composer:
    """Read SVG drawings, and learn what they are like; it takes a hundredth of a second for each.

    Args:
        folder: with 12 SVG files at least; those that cannot be read are left out, and named.
        seed: of the halves of `Reference`.
        judge: also compute features of the drawings by a frozen network, so that only typical
            marks are kept.

    Raises: DataError: too few drawings that can be read, or too many.
    """
    base = Path(folder)
    files = svg_files(base)
    if len(files) > MOST:
        raise DataError(f"{base} has {len(files)} SVG files, at most {MOST} are read: give fewer")
    drawings, left_out, digest = [], [], hashlib.sha256()
    with stage("reading", len(files), "drawings") as reading:
        for file in counted(files, reading):
            try:
                drawings.append(svg.read(file))
                digest.update(file.read_bytes())
            except DataError as error:
                left_out.append(str(error))
    if len(drawings) < FEWEST:
        reason = f"; the first that is not: {left_out[0]}" if left_out else ""
        raise DataError(
            f"at least {FEWEST} SVG drawings are needed, {len(drawings)} in {base} can be read"
            f"{reason}"
        )
    return Composer(drawings, left_out, digest.hexdigest(), seed, judge)


class Composer:
    """Composes marks. The same seed and drawings give the same marks.

    Attributes:
        names: of the drawings.
        left_out: a sentence for each file that could not be read.
        fingerprint: sha256 of the drawings.
        grammar: what the drawings are like.
        pictures: of the drawings, dark on light, uint8 [N, 64, 64, 1].
    """

    def __init__(
        self, drawings: Sequence[svg.Drawing], left_out: Sequence[str], fingerprint: str,
        seed: int = 0, judge: bool = True,
    ):  # fmt: skip
        self.names = [one.name for one in drawings]
        self.left_out, self.fingerprint = list(left_out), fingerprint
        with stage("taking apart", len(drawings), "drawings") as work:
            found = [taken_apart(one, row) for row, one in enumerate(counted(drawings, work))]
        self.grammar = Grammar(found)
        if not self.grammar.parts:
            raise DataError("no drawing has a part that can be used: give drawings of plain shapes")
        self.pictures = dark([drawn(one.shapes, SIDE) for one in drawings])
        self.reference = Reference(self.pictures, seed, judge)

    def compose(self, n: int = 32, seed: int = 0) -> Composed:
        """n marks that are typical, and no near-copies.

        Raises: UsageError: too few of those that were composed are.
        """
        kept: list[Mark] = []
        features: list[np.ndarray] = []
        refused = tried = 0
        marks = self.grammar.marks(seed)
        most = max(TRIES * n, 4 * AT_ONCE)
        with stage("composing", n, "marks") as work:
            while len(kept) < n and tried < most:
                several = list(islice(marks, min(AT_ONCE, 16 + 4 * n)))
                if not several:
                    break
                tried += len(several)
                pictures = dark([mark.picture for mark in several])
                found = self.reference.features_of(pictures)
                copied, typical = (self.reference.copied(pictures, found),
                                   self.reference.typical(found))  # fmt: skip
                refused += int(copied.sum())
                for number in np.flatnonzero(~copied & typical):
                    mark = several[number]
                    if len(kept) < n and not any(_alike(mark, other) for other in kept):
                        kept.append(mark)
                        features.append(found[number])
                        work.advance()
        if len(kept) < n:
            raise UsageError(
                f"of {tried} composed marks only {len(kept)} are typical and no near-copies, and "
                f"{n} were requested: request fewer, or give more drawings"
            )
        pictures = dark([mark.picture for mark in kept])
        return Composed(tuple(kept), pictures, np.array(features), refused,
                        *self.reference.nearest(pictures))  # fmt: skip

    def scores(self, composed: Composed, seed: int = 0) -> dict[str, Score]:
        """See `Reference.scores`."""
        return self.reference.scores(composed.pictures, composed.features, seed)


class Composed:
    """Marks, and the drawings that are nearest to them.

    Attributes:
        marks: the marks.
        pictures: dark on light, uint8 [n, 64, 64, 1].
        features: of a frozen network [n, D]; D is 0 if the set was not judged.
        refused: number of near-copies that were left out.
        nearest, distance: row of the nearest drawing, and its distance in pixels, [n].
    """

    def __init__(
        self, marks: tuple[Mark, ...], pictures: np.ndarray, features: np.ndarray, refused: int,
        nearest: np.ndarray, distance: np.ndarray,
    ):  # fmt: skip
        self.marks, self.pictures, self.features = marks, pictures, features
        self.refused, self.nearest, self.distance = refused, nearest, distance

    def __len__(self) -> int:
        return len(self.marks)


def svg_of(mark: Mark, colour: str, facts: str = "") -> str:
    """A mark as an SVG document of one path, or of one for filled and one for stroked shapes.

    Args:
        colour: #rrggbb.
        facts: for its <metadata>.
    """
    rgb_of([colour])
    shapes = [shape.moved(placed((0.0, 0.0), VIEW)) for shape in mark.shapes]
    paths = []
    for stroked in (False, True):
        some = [shape for shape in shapes if bool(shape.stroke) == stroked]
        if some:
            data = "".join(line.text() for shape in some for line in shape.contours)
            paths.append(f'<path {_paint(some[0], colour)} d="{data}"/>')
    said = escape(printable(facts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {VIEW} {VIEW}" width="{VIEW}" '
        f'height="{VIEW}">\n<metadata>{said}</metadata>\n' + "\n".join(paths) + "\n</svg>\n"
    )


def _paint(shape: Shape, colour: str) -> str:
    if shape.stroke:
        return (
            f'fill="none" stroke="{colour}" stroke-width="{shape.stroke:.2f}" '
            'stroke-linecap="round" stroke-linejoin="round"'
        )
    return f'fill="{colour}" fill-rule="evenodd"'


def dark(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Ink, uint8 [S, S] each -> dark on light, [N, S, S, 1]."""
    return 255 - np.stack(pictures)[..., None]


def _alike(mark: Mark, other: Mark) -> bool:
    return mark.layout == other.layout and same(mark.picture, other.picture)
