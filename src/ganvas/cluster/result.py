"""What `draw` returns: the list of a folder of drawn images, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """Consecutive images that were drawn together.

    Attributes:
        first, count: number of the first image, and how many.
        sha256: of the shard; without shards, of the pixels.
        file, bytes: of the shard; None without shards.
    """

    first: int
    count: int
    sha256: str
    file: str | None = None
    bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        found = {"first": self.first, "count": self.count, "sha256": self.sha256}
        return found if self.file is None else {**found, "file": self.file, "bytes": self.bytes}


@dataclass(frozen=True)
class DrawResult:
    """The images in a folder, as listed in samples.json, and how many of them are new.

    Attributes:
        format: version of the format of samples.json.
        ganvas: version of the package.
        model_sha256, model: checksum and path of the generator.
        n: number of images.
        seed, label, truncation: as requested.
        form: "png" or "shards".
        shape: of an image, (height, width, channels).
        part_images: images of a part; the last may have fewer.
        parts: in order.
        drawn: images that this call drew; the others existed before.
    """

    format: int
    ganvas: str
    model_sha256: str
    model: str
    n: int
    seed: int
    label: str | None
    truncation: float
    form: str
    shape: tuple[int, int, int]
    part_images: int
    parts: tuple[Part, ...]
    drawn: int

    @classmethod
    def read(cls, listed: Mapping[str, Any], drawn: int) -> DrawResult:
        """From the content of samples.json."""
        height, width, channels = listed["shape"]
        parts = tuple(Part(**part) for part in listed["parts"])
        facts = {**listed, "shape": (height, width, channels), "parts": parts}
        return cls(**facts, drawn=drawn)

    def to_dict(self) -> dict[str, Any]:
        """The content of samples.json, and `drawn`."""
        return {
            "format": self.format,
            "ganvas": self.ganvas,
            "model_sha256": self.model_sha256,
            "model": self.model,
            "n": self.n,
            "seed": self.seed,
            "label": self.label,
            "truncation": self.truncation,
            "form": self.form,
            "shape": list(self.shape),
            "part_images": self.part_images,
            "parts": [part.to_dict() for part in self.parts],
            "drawn": self.drawn,
        }
