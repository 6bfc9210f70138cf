"""Path data of SVG, the value of `d`, as contours. Source: SVG 1.1, sections 8.3 and F.6."""

from __future__ import annotations

import math
import re

import numpy as np

from .outline import Contour

LONGEST, MOST = 200_000, 20_000
"""Characters of the data, and pieces of it, that are read."""
COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_SPACE = re.compile(r"[\s,]*")


class PathError(ValueError):
    """Path data that cannot be read; the message says why."""


def contours(data: str) -> list[Contour]:
    """The lines of path data; quadratic curves and arcs become cubic ones.

    Raises: PathError: a wrong command or number, or too many of them.
    """
    if len(data) > LONGEST:
        raise PathError(f"path data have {len(data)} characters, at most {LONGEST} are read")
    pen, at, letter = _Pen(), 0, ""
    while (at := _skip(data, at)) < len(data):
        if data[at].isalpha():
            letter, at = data[at], at + 1
            if letter.upper() not in COUNTS:
                raise PathError(f"path data have the unknown command '{letter}'")
        elif not letter or letter in "Zz":
            raise PathError("path data must begin each line with a command")
        numbers, at = _arguments(data, at, letter.upper())
        pen.draw(letter, numbers)
        letter = {"M": "L", "m": "l"}.get(letter, letter)
    return pen.finished()


def _skip(data: str, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _arguments(data: str, at: int, letter: str) -> tuple[list[float], int]:
    """The numbers of one command; an arc's flags need no space between them."""
    numbers: list[float] = []
    for place in range(COUNTS[letter]):
        at = _skip(data, at)
        if letter == "A" and place in (3, 4):
            if data[at : at + 1] not in ("0", "1"):
                raise PathError("an arc's flags must be 0 or 1")
            numbers.append(float(data[at]))
            at += 1
            continue
        found = _NUMBER.match(data, at)
        if not found:
            raise PathError(f"the command '{letter}' needs {COUNTS[letter]} numbers")
        numbers.append(float(found[0]))
        at = found.end()
    if not all(abs(number) < 1e7 for number in numbers):
        raise PathError("path data have numbers beyond 10,000,000")
    return numbers, at


class _Pen:
    """Follows commands from point to point."""

    def __init__(self) -> None:
        self.done: list[Contour] = []
        self.points: list[np.ndarray] = []
        self.kinds = ""
        self.at = self.start = np.zeros(2)
        self.control: tuple[str, np.ndarray] = ("", self.at)
        self.count = 0

    def draw(self, letter: str, numbers: list[float]) -> None:
        self.count += 1
        if self.count > MOST:
            raise PathError(f"path data have more than {MOST} pieces")
        kind, base = letter.upper(), self.at if letter.islower() else np.zeros(2)
        if kind == "Z":
            self._end(closed=True)
        elif kind == "M":
            self._end(closed=False)
            self.at = self.start = base + numbers
        elif kind in "HV":
            target = self.at.copy()
            axis = 0 if kind == "H" else 1
            target[axis] = base[axis] + numbers[0]
            self._line(target)
        elif kind == "L":
            self._line(base + numbers)
        elif kind == "A":
            self._arc(numbers[:5], base + numbers[5:])
        else:
            self._curve(kind, base + np.reshape(numbers, (-1, 2)))

    def _line(self, target: np.ndarray) -> None:
        self._piece("L", target[None])

    def _curve(self, kind: str, given: np.ndarray) -> None:
        """C, S, Q or T, from the points that it names."""
        before, last = self.control
        like = "CS" if kind in "CS" else "QT"
        if kind in "ST":
            mirrored = 2 * self.at - last if before and before in like else self.at
            given = np.concatenate([mirrored[None], given])
        if like == "QT":
            control, target = given
            cubic = np.stack([self.at + 2 / 3 * (control - self.at),
                              target + 2 / 3 * (control - target), target])  # fmt: skip
            self._piece("C", cubic)
            self.control = (kind, control)
        else:
            self._piece("C", given)
            self.control = (kind, given[1])

    def _arc(self, shape: list[float], target: np.ndarray) -> None:
        radii, turn, large, sweep = np.abs(shape[:2]), math.radians(shape[2]), *shape[3:]
        if (target == self.at).all():
            return
        if radii.min() < 1e-9:
            self._line(target)
            return
        for piece in arc(self.at, target, radii, turn, bool(large), bool(sweep)):
            self._piece("C", piece)

    def _piece(self, kind: str, points: np.ndarray) -> None:
        if not self.points:
            self.points = [self.at]
        self.points += list(points)
        self.kinds += kind
        self.at = points[-1]
        self.control = ("", self.at)

    def _end(self, closed: bool) -> None:
        if self.kinds:
            self.done.append(Contour(np.array(self.points), self.kinds, closed))
        self.points, self.kinds = [], ""
        if closed:
            self.at = self.start
        self.control = ("", self.at)

    def finished(self) -> list[Contour]:
        self._end(closed=False)
        return self.done


def arc(
    start: np.ndarray, end: np.ndarray, radii: np.ndarray, turn: float, large: bool, sweep: bool
) -> list[np.ndarray]:
    """An elliptical arc as cubic curves of at most a quarter each: [3, 2] points each."""
    cos, sin = math.cos(turn), math.sin(turn)
    turned = np.array([[cos, sin], [-sin, cos]])
    half = turned @ (start - end) / 2
    radii = radii * max(1.0, math.sqrt(((half / radii) ** 2).sum()))  # too short ones are enlarged
    products = (radii[0] * half[1]) ** 2 + (radii[1] * half[0]) ** 2
    root = math.sqrt(max(0.0, (radii.prod() ** 2 - products) / products))
    root = -root if large == sweep else root
    centre = root * np.array([radii[0] * half[1] / radii[1], -radii[1] * half[0] / radii[0]])
    first, last = (half - centre) / radii, (-half - centre) / radii
    angle = math.atan2(first[1], first[0])
    reach = math.atan2(last[1], last[0]) - angle
    reach += 2 * math.pi * (sweep and reach < 0) - 2 * math.pi * (not sweep and reach > 0)
    count = max(1, math.ceil(abs(reach) / (math.pi / 2) - 1e-9))
    step = reach / count
    handle = 4 / 3 * math.tan(step / 4)
    middle = turned.T @ centre + (start + end) / 2
    pieces = []
    for number in range(count):
        a, b = angle + number * step, angle + (number + 1) * step
        unit = np.array([
            [math.cos(a) - handle * math.sin(a), math.sin(a) + handle * math.cos(a)],
            [math.cos(b) + handle * math.sin(b), math.sin(b) - handle * math.cos(b)],
            [math.cos(b), math.sin(b)],
        ])  # fmt: skip
        pieces.append(unit * radii @ turned + middle)
    pieces[-1][-1] = end
    return pieces
