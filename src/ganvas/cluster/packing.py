"""A folder of images into shards by several workers: the same files as by `ganvas prepare`.

Records are sorted by the hash of their content, which is known after all files were read. So each
worker first decodes its files into scratch files of raw pixels, and then writes whole shards from
them. No process holds the pixels of more than one image; the scratch files take as much space as
the shards. No process imports TensorFlow, which would take seconds and half a gigabyte.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..base.files import disk_errors
from ..data.arranging import Layout, arrange
from ..data.checkup import Headers, Tops, measures
from ..data.listing import Listing, alike, content_hash
from ..data.options import Options
from ..data.records import Packed, is_whole, settle, shard_rows, write_index
from ..data.walk import find
from ..errors import DataError, UsageError
from ..images import joined
from ..storage import job, remote
from .packer import Decode, Packer, Probe, Write
from .ray import team

Spread = Callable[[Iterable[Any]], Iterator[Any]]
"""Tasks -> their results, in any order; see `team`."""
_FILES = 500
"""Files of a part; they are read again when a worker dies."""


def pack(
    data: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    options: Options | None = None,
    shard_mb: int = 256,
    *,
    workers: int | None = None,
    address: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    announce: Callable[[Listing], None] | None = None,
) -> Path:
    """Check a folder of images and pack it into shards, as `ganvas.prepare` does.

    After a kill, the same call continues, unless a file has changed. A complete folder of the same
    call is not changed; missing or damaged shards are written again.

    Args:
        data: a folder of images.
        folder: appears by rename when it is complete; repaired file by file, the index last.
        options, shard_mb: as for `prepare`.
        workers: processes; None: this one, without Ray.
        address: of a Ray cluster; every worker must see both folders under the same path.
        progress: called with (images checked, images in all).
        announce: called with the images when they are checked, before they are packed.

    Raises:
        DataError: the target holds something else, or `load` refuses the images.
        UsageError: not a folder of images; arrays are packed by `prepare`.
    """
    source, target = remote.shared(data), remote.shared(folder)
    if not source.is_dir() or (source / "index.json").is_file():
        raise UsageError(
            f"several workers can only pack a folder of images, got {data}: pack it without "
            "--workers"
        )
    plain = replace(options or Options(), holdout=0.0, flip=False, shift=0.0, zoom=0.0, jitter=0.0)
    layout = arrange(source, find(source), plain.labels, plain.judged)
    request = _request(source, layout, plain, shard_mb)
    scratch = target.with_name(f".{target.name}.packing")
    if job.is_begun(target, request) and is_whole(target):
        shutil.rmtree(scratch, ignore_errors=True)  # after a kill between the two last lines below
        return target
    with job.claimed(scratch, request, anew=True), disk_errors(target):
        try:
            with team(Packer, (scratch,), workers, address) as spread:
                work = _Work(layout, plain, scratch, progress)
                work.run(spread, shard_mb * 2**20, announce)
            shutil.copyfile(scratch / job.REQUEST, scratch / "packed" / job.REQUEST)
            settle(scratch / "packed", target)
        except DataError:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _request(source: Path, layout: Layout, options: Options, shard_mb: int) -> dict[str, Any]:
    """What the packed images depend on."""
    request = {
        "data": str(source), "files": _digest(layout.paths), "shard_mb": shard_mb,
        "size": options.sides and list(options.sides), "channels": options.channels,
        "fit": options.fit, "labels": options.labels, "judged": options.judged,
        "part_files": _FILES,
    }  # fmt: skip
    if not isinstance(options.levels, str):  # "auto" gives the same for the same files
        request["levels"] = list(options.levels)
    if layout.of:  # of a file, which may change
        request["classes"] = _digest([f"{path}\0{name}" for path, name in layout.of.items()])
    return request


def _digest(paths: list[str]) -> str:
    """A checksum that changes when a file is added, removed or written again."""
    digest = hashlib.sha256()
    for path in paths:
        facts = [path]
        with contextlib.suppress(OSError):  # a broken link, which the checkup lists
            about = Path(path).stat()
            facts += [str(about.st_size), str(about.st_mtime_ns)]
        digest.update("\0".join(facts).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


class _Work:
    """The steps in their order; each continues from the results that exist."""

    def __init__(
        self,
        layout: Layout,
        options: Options,
        scratch: Path,
        progress: Callable[[int, int], None] | None,
    ):
        self.layout, self.options, self.scratch = layout, options, scratch
        self.progress = progress or (lambda done, count: None)
        for name in ("pixels", "checked", "packed", "written"):
            (scratch / name).mkdir(exist_ok=True)

    def run(
        self, spread: Spread, limit: int, announce: Callable[[Listing], None] | None = None
    ) -> None:
        headers = self.probe(spread)
        listing, places = self.decode(spread, headers)
        if announce:
            announce(listing)
        order = np.argsort(listing.hashes, kind="stable")
        packed = self.write(spread, listing, places, order, limit)
        write_index(self.scratch / "packed", listing, order, packed)

    def probe(self, spread: Spread) -> Headers:
        measure = measures(self.options)
        found = dict(spread([Probe(*part, measure) for part in _parts(self.layout.paths)]))
        parts = [found[number] for number in sorted(found)]
        headers, broken = _joined([(one.headers, one.broken) for one in parts])
        return Headers(self.layout, Tops(headers, broken, joined(one.extent for one in parts)))

    def decode(self, spread: Spread, headers: Headers) -> tuple[Listing, np.ndarray]:
        """The list of images, and the place of each one's pixels: int64 [N, 2]."""
        form = *headers.form(self.options), self.options.fit, headers.levels(self.options)
        tasks = [Decode(number, paths, *form) for number, paths in _parts(headers.good)]
        count = len(headers.good)

        def report(left: Iterable[Decode]) -> None:
            self.progress(count - sum(len(task.paths) for task in left), count)

        parts = self.do(spread, tasks, report)
        hashes, broken = _joined([
            (one["hash"], dict(zip(one["broken"].tolist(), one["why"].tolist(), strict=True)))
            for one in parts
        ])  # fmt: skip
        hashes = alike(hashes, np.concatenate([one["same"] for one in parts]))
        constant, grey = (sum(int(one[key]) for one in parts) for key in ("constant", "grey"))
        facts = headers.facts(self.options, hashes, constant, broken, grey)
        counts = [len(one["hash"]) for one in parts]
        places = np.arange(len(parts)).repeat(counts), np.concatenate(list(map(np.arange, counts)))
        return Listing(**facts), np.column_stack(places)

    def write(
        self,
        spread: Spread,
        listing: Listing,
        places: np.ndarray,
        order: np.ndarray,
        limit: int,
    ) -> list[Packed]:
        per_shard = shard_rows(listing.shape, limit)
        entries = np.column_stack([places, listing.labels])[order]
        hashes, tasks = listing.hashes[order], []
        for number, first in enumerate(range(0, len(order), per_shard)):
            rows, own = entries[first : first + per_shard], hashes[first : first + per_shard]
            content = repr(listing.shape).encode() + own.tobytes() + rows.tobytes()
            tasks.append(Write(number, rows, listing.shape, np.uint64(content_hash(content))))
        found = self.do(spread, tasks)
        wanted = {task.made for task in tasks}
        for path in (self.scratch / "packed").glob("*.tfrecord"):  # some have other images
            if f"packed/{path.name}" not in wanted:
                path.unlink()
        return [
            Packed(one["offsets"], one["checks"], int(one["bytes"]), str(one["sha256"]))
            for one in found
        ]

    def do(
        self,
        spread: Spread,
        tasks: Sequence[Any],
        report: Callable[[Iterable[Any]], None] = lambda left: None,
    ) -> list[dict[str, Any]]:
        """The result of each task; tasks that are done already are not done again.

        Args:
            report: called after each task with the tasks that are left.
        """
        found = {task.number: one for task in tasks if (one := self.before(task)) is not None}
        left = {task.number: task for task in tasks if task.number not in found}
        for number, one in spread(list(left.values())):
            found[number] = {key: np.copy(value) for key, value in one.items()}  # not Ray's memory
            del left[number]
            report(left.values())
        return [found[task.number] for task in tasks]

    def before(self, task: Decode | Write) -> dict[str, Any] | None:
        found, made = job.read_arrays(self.scratch / task.about), self.scratch / task.made
        if found is None or found.get("mark") != task.mark or not made.is_file():
            return None
        return found if made.stat().st_size == task.bytes(found) else None


def _parts(paths: list[str]) -> Iterator[tuple[int, list[str]]]:
    """At least one part, which may be empty."""
    for first in range(0, max(1, len(paths)), _FILES):
        yield first // _FILES, paths[first : first + _FILES]


def _joined(parts: list[tuple[np.ndarray, dict[int, str]]]) -> tuple[np.ndarray, dict[int, str]]:
    """Facts of the good files of all parts, and the reason for each broken file by its index."""
    broken = {
        number * _FILES + place: why
        for number, (_, reasons) in enumerate(parts)
        for place, why in reasons.items()
    }
    return np.concatenate([known for known, _ in parts]), broken
