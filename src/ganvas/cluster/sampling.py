"""Many images, drawn part by part by any number of processes: the same images as by one."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..base.files import disk_errors, write_json
from ..config.build import import_modules, operators_modules
from ..data.findings import examine
from ..data.listing import Listing, content_hash
from ..data.options import Options
from ..data.records import Packed, shard_name, write_index, write_shard
from ..errors import RunError, UsageError
from ..images import write_png
from ..storage import manifest, remote
from ..storage.job import claimed, is_begun, read_arrays, request_of, write_arrays
from ..storage.run import Run
from .ray import team
from .result import DrawResult

LIST = "samples.json"
"""The manifest, written last. (`manifest.json` belongs to an exported model.)"""
_PARTS = ".parts"
_CHUNK = 64  # as the sampler's: an image is computed in the same batch by both
_PART_IMAGES = 4096
_MANY = 64
_PART_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Request:
    """Everything that decides the images and their parts."""

    place: str
    which: str
    model: str
    sha256: str
    shape: tuple[int, int, int]
    n: int
    seed: int
    label: str | None
    truncation: float
    shards: bool

    def facts(self) -> dict[str, Any]:
        """For samples.json, and to recognise the same request."""
        return {
            "model_sha256": self.sha256, "model": self.model, "n": self.n, "seed": self.seed,
            "label": self.label, "truncation": self.truncation,
            "form": "shards" if self.shards else "png", "shape": list(self.shape),
            "part_images": self.per_part,
        }  # fmt: skip

    @property
    def per_part(self) -> int:
        """Images of a part: whole chunks, and enough parts for many workers."""
        fair = -(-self.n // (_MANY * _CHUNK)) * _CHUNK
        most = _PART_BYTES // int(np.prod(self.shape)) // _CHUNK * _CHUNK
        return max(_CHUNK, min(_PART_IMAGES, most, fair))

    @property
    def parts(self) -> int:
        return -(-self.n // self.per_part)

    def rows(self, part: int) -> tuple[int, int]:
        """Number of the first image of a part, and of the one after its last."""
        return part * self.per_part, min(self.n, (part + 1) * self.per_part)


def draw(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    n: int,
    *,
    seed: int = 0,
    label: int | str | None = None,
    truncation: float = 1.0,
    which: str = "best",
    shards: bool = False,
    workers: int | None = None,
    address: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DrawResult:
    """Draw many images into a folder; the k-th equals the k-th of `load(model).sample`.

    Existing images are not drawn again: after a kill, the same call continues.

    Args:
        model, n, seed, label, truncation: as for `load` and `Sampler.sample`.
        which: of a run: "best" or "last".
        shards: write shards, which `train` and `evaluate` read, instead of PNG files.
        workers: processes; None: this one, without Ray.
        address: of a Ray cluster; every worker must see model and folder under the same path.
        progress: called with (images done, images in all).

    Raises: RunError: the folder belongs to another request.
    """
    folder = remote.shared(out)
    request = _request(model, n, seed, label, truncation, which, shards)
    facts = request.facts()
    name = facts.pop("model")  # its sha256 identifies it under any path
    if is_begun(folder, facts):
        name = request_of(folder).get("model", name)
    request = replace(request, model=name)
    missing = [part for part in range(request.parts) if not _done(request, folder, part)]
    drawn = 0
    if missing or not (folder / LIST).is_file():
        with claimed(folder, request.facts()), disk_errors(folder):
            if missing:
                done = request.n - sum(_length(request, part) for part in missing)
                job = (request, folder, tuple(operators_modules))
                with team(Drawer, job, _few(workers, missing), address) as spread:
                    for part in spread(missing):
                        drawn += _length(request, part)
                        if progress:
                            progress(done + drawn, request.n)
            _publish(request, folder)
    return DrawResult.read(json.loads((folder / LIST).read_text("utf-8")), drawn)


def _few(workers: int | None, missing: list[int]) -> int | None:
    return None if workers is None else min(workers, len(missing))


def _length(request: Request, part: int) -> int:
    start, stop = request.rows(part)
    return stop - start


def _request(
    model: str | os.PathLike[str],
    n: int,
    seed: int,
    label: int | str | None,
    truncation: float,
    which: str,
    shards: bool,
) -> Request:
    if n < 1 or not 0 < truncation <= 2:
        raise UsageError(f"n must be >= 1 and truncation > 0 and <= 2, got {n} and {truncation}")
    place = remote.shared(model)
    file = _file(place, which)
    if manifest.is_model(place):
        facts = manifest.verify(place)
        shape = facts["shape"]
    else:
        shape = Run.open(place).images["shape"]
    return Request(
        place=str(place), which=which, model=os.fspath(model),
        sha256=manifest.sha256(file), shape=tuple(shape), n=n, seed=seed,
        label=None if label is None else str(label), truncation=truncation, shards=shards,
    )  # fmt: skip


def _file(model: str | os.PathLike[str], which: str) -> Path:
    """The file whose sha256 identifies the model."""
    if manifest.is_model(model):
        return manifest.locate(model) / manifest.NAME
    path = Run.open(model).model(which)
    if path is None:
        raise RunError(f"{model} has no saved generator yet: train it until its first grid")
    return path


def _done(request: Request, folder: Path, part: int) -> bool:
    record = read_arrays(folder / _PARTS / f"{part:05d}.npz")
    if record is None:
        return False
    if request.shards:
        path = folder / f"{part:05d}.tfrecord"
        return path.is_file() and path.stat().st_size == record["bytes"]
    return all((folder / f"{index:06d}.png").is_file() for index in range(*request.rows(part)))


class Drawer:
    """Draws parts; each process has one. It imports the modules first, which hold own layers."""

    def __init__(self, request: Request, folder: Path, modules: tuple[str, ...] = ()):
        from ..sampling.sampler import load

        import_modules(modules)
        if manifest.sha256(_file(request.place, request.which)) != request.sha256:
            raise RunError(f"{request.place} changed during the drawing: start again")
        self.request, self.folder = request, folder
        self.sampler = load(request.place, request.which)
        self._rng, self._at = np.random.Generator(np.random.Philox(request.seed)), 0

    def __call__(self, part: int) -> int:
        start, stop = self.request.rows(part)
        labels = self.sampler.labels(stop, self.request.label, self.request.seed)
        labels = None if labels is None else labels[start:]
        noise = self.noise(start, stop) * np.float32(self.request.truncation)
        pictures = self.sampler.decode(noise, labels)
        about = {
            "hash": np.array([content_hash(one.tobytes()) for one in pictures], np.uint64),
            "label": np.zeros(len(pictures), np.int32) if labels is None else labels,
            "blank": sum((one == one[:1, :1]).all() for one in pictures),
        }
        write = self._shard if self.request.shards else self._files
        about |= write(part, start, pictures, about["label"])
        write_arrays(self.folder / _PARTS / f"{part:05d}.npz", **about)
        return part

    def noise(self, start: int, stop: int) -> np.ndarray:
        """Rows of the sampler's stream of noise. It cannot start in the middle, so earlier rows
        are generated too (a million rows of 64 numbers take a third of a second)."""
        if start < self._at:
            self._rng, self._at = np.random.Generator(np.random.Philox(self.request.seed)), 0
        size = self.sampler.noise_size
        while self._at < start:
            some = min(start - self._at, 8192)
            self._rng.standard_normal((some, size), np.float32)
            self._at += some
        self._at = stop
        return self._rng.standard_normal((stop - start, size), np.float32)

    def _shard(
        self, part: int, start: int, pictures: np.ndarray, labels: np.ndarray
    ) -> dict[str, Any]:
        numbers = map(int, labels)
        packed = write_shard(self.folder / shard_name(part), zip(pictures, numbers, strict=True))
        return packed._asdict()

    def _files(
        self, part: int, start: int, pictures: np.ndarray, labels: np.ndarray
    ) -> dict[str, Any]:
        request = self.request
        about = {
            "model": request.model, "seed": str(request.seed),
            "truncation": str(request.truncation),
        }  # fmt: skip
        about |= {"label": request.label} if request.label else {}
        for index, picture in enumerate(pictures, start):
            said = {**about, "index": str(index)}
            write_png(self.folder / f"{index:06d}.png", picture, said, synthetic=True)
        return {"sha256": hashlib.sha256(pictures.tobytes()).hexdigest()}


def _publish(request: Request, folder: Path) -> None:
    """Write the index of shards, and samples.json."""
    records = []
    for part in range(request.parts):
        record = read_arrays(folder / _PARTS / f"{part:05d}.npz")
        if record is None:
            raise RunError(
                f"part {part} of {folder} is missing: repeat the command to draw it again"
            )
        records.append(record)
    if request.shards:
        _index(request, folder, records)
    parts = []
    for part, record in enumerate(records):
        start, stop = request.rows(part)
        one = {"first": start, "count": stop - start, "sha256": str(record["sha256"])}
        if request.shards:
            one |= {"file": f"{part:05d}.tfrecord", "bytes": int(record["bytes"])}
        parts.append(one)
    listed = {"format": 1, "ganvas": __version__, **request.facts(), "parts": parts}
    write_json(folder / LIST, listed)


def _index(request: Request, folder: Path, records: list[dict[str, np.ndarray]]) -> None:
    names = _names(request.place) if any(r["label"].any() for r in records) else ()
    hashes = np.concatenate([record["hash"] for record in records])
    labels = np.concatenate([record["label"] for record in records]).astype(np.int32)
    size = request.shape[:2]
    report = examine(
        str(folder), hashes=hashes, constant=int(sum(r["blank"] for r in records)),
        sizes=Counter({size: len(hashes)}), shape=request.shape, labels=labels, names=names,
        judged=True,
    )  # fmt: skip
    listing = Listing(
        shape=request.shape, hashes=hashes, labels=labels, names=tuple(names),
        options=Options(holdout=0.0, judged=True), report=report,
    )  # fmt: skip
    packed = [Packed(r["offsets"], r["checks"], int(r["bytes"]), str(r["sha256"])) for r in records]
    write_index(folder, listing, np.arange(len(hashes)), packed)


def _names(place: str) -> list[str]:
    known = manifest.verify(place) if manifest.is_model(place) else Run.open(place).images
    return list(known["names"])
