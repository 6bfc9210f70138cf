"""What `patterns.make_tiles` and `patterns.make_logos` return, and write as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .measure import Seams

USEFUL = 0.7
"""From this precision on, drawn logos pass for marks. Real icons have 0.72 of each other."""


@dataclass(frozen=True)
class TileFile:
    """A tile that was written.

    Attributes:
        file: path within the folder.
        texture: name of its texture.
        seed: of its noise.
        seams: how visible its seams are.
        distance: of its structure from that of the texture, see `Likeness.distance`.
        repeats: how much of a surface of 1,024 pixels is seen twice, see `measure.repeats`.
    """

    file: str
    texture: str
    seed: int
    seams: Seams
    distance: float
    repeats: float


@dataclass(frozen=True)
class TilesReport:
    """The result of `make_tiles`; tiles.json holds it.

    Attributes:
        runs: folders of the runs; none of the engine "patch".
        size: (height, width) of the tiles in pixels.
        status: of the last run, "finished" or "interrupted".
        tiles: the files.
        ratio: mean over tiles of the step across the seam over the mean step inside.
        within: share of the tiles whose seams are ordinary steps.
        seconds_training, seconds: time of training, and of the whole call.
        engine: "patch" or "gan".
        distance, repeats: means over the tiles.
    """

    runs: tuple[str, ...]
    size: tuple[int, int]
    status: str
    tiles: tuple[TileFile, ...]
    ratio: float
    within: float
    seconds_training: float
    seconds: float
    engine: str
    distance: float
    repeats: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self), "runs": list(self.runs), "size": list(self.size),
            "tiles": [asdict(one) for one in self.tiles],
        }  # fmt: skip


@dataclass(frozen=True)
class VectorFile:
    """A logo as paths.

    Attributes:
        file: path within the folder.
        size: in bytes.
        error: root mean square difference from the picture, in grey levels.
    """

    file: str
    size: int
    error: float


@dataclass(frozen=True)
class LogoFile:
    """A logo that was written.

    Attributes:
        file: path within the folder.
        kind: its label, such as "red/02".
        main: its main colour as #rrggbb; None without a palette.
        nearest, nearest_name: row and name of the nearest training image.
        distance: to it, Euclidean, of pixels in [0, 1].
        near_copy: always False: near-copies are refused.
        svg: the logo as paths; None where that was not requested.
        parts: names of the drawings whose parts a composed logo has.
    """

    file: str
    kind: str
    main: str | None
    nearest: int
    nearest_name: str
    distance: float
    near_copy: bool = False
    svg: VectorFile | None = None
    parts: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON; "svg", "svg_bytes" and "svg_error" only for a logo with paths, "parts" only for
        a composed one."""
        plain = {key: value for key, value in asdict(self).items() if key not in ("svg", "parts")}
        plain |= {"parts": list(self.parts)} if self.parts else {}
        if self.svg is None:
            return plain
        return {
            **plain, "svg": self.svg.file, "svg_bytes": self.svg.size, "svg_error": self.svg.error
        }  # fmt: skip


@dataclass(frozen=True)
class LogosReport:
    """The result of `make_logos`; logos.json holds it.

    Attributes:
        run: folder of the run; empty for composed logos.
        status: of the run, "finished" or "interrupted".
        kinds: all labels, such as "red/02"; of composed logos their layouts, such as "turn 3".
        truncation, palette: as given.
        refused: number of near-copies that were not written.
        training_palette: main colours of the training images, as #rrggbb.
        precision_recall: for each truncation {"truncation", "precision", "recall"}.
        logos: the files.
        seconds_training, seconds: time of training, and of the whole call.
        engine: "compose" or "gan".
        scores: precision, recall and coverage in features of a frozen network, of logos like these;
            empty if they were not computed.
    """

    run: str
    status: str
    kinds: tuple[str, ...]
    truncation: float
    palette: tuple[str, ...]
    refused: int
    training_palette: tuple[str, ...]
    precision_recall: tuple[dict[str, Any], ...]
    logos: tuple[LogoFile, ...]
    seconds_training: float
    seconds: float
    engine: str
    scores: dict[str, float | None]

    @property
    def use(self) -> str:
        """What the logos are good for, in words; empty if that was not measured."""
        precision = self.scores.get("precision")
        if precision is None:
            return ""
        if precision >= USEFUL:
            return f"good for marks: precision {precision:.2f}, at least {USEFUL:g}"
        return (
            f"texture fun: precision {precision:.2f} is below {USEFUL:g}, so they have the look of "
            "the collection and are good for patterns and play, not for marks"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": self.run,
            "status": self.status,
            "kinds": list(self.kinds),
            "truncation": self.truncation,
            "palette": list(self.palette),
            "refused": self.refused,
            "training_palette": list(self.training_palette),
            "precision_recall": list(self.precision_recall),
            "logos": [one.to_dict() for one in self.logos],
            "seconds_training": self.seconds_training,
            "seconds": self.seconds,
            "engine": self.engine,
            "scores": self.scores,
            "use": self.use,
        }
