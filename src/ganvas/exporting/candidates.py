"""The LiteRT files of a version: each kind is made by every quantizer at hand, and one is kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Refused
from ..sampling.sampler import Sampler
from . import litert, quantizers
from .child import Child
from .parity import Parity

SEED = 3
"""Of the noise from which int8 quantisation takes its ranges."""
EQUAL, ENOUGH = 1.0, 48.0
"""dB. Files are of equal quality if their PSNR differs by at most EQUAL; above ENOUGH, an error of
one grey level (root mean square), no more is counted."""
FASTER, SMALL = 0.9, 0.35
"""A quantised file is published if its time is at most FASTER of that of float32, or its size at
most SMALL."""

Times = Mapping[int, Sequence[float]]
"""Milliseconds of one image by number of threads, one for each round."""


@dataclass
class Candidate:
    """A file by one quantizer.

    Attributes:
        found: what `Parity.examine` found; empty if there is no file.
        faults: reasons against it.
    """

    quantizer: str
    path: Path
    found: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    times: Times = field(default_factory=dict)

    @property
    def ms(self) -> float:
        return float(np.median(self.times[1]))

    def to_dict(self) -> dict[str, Any]:
        if self.faults:
            return {"failed": self.faults}
        found = {key: self.found[key] for key in ("psnr", "largest_error")}
        return {**found, "ms": round(self.ms, 4), "bytes": self.path.stat().st_size}


class Trials:
    """Makes the LiteRT files of a generator, and chooses among them.

    Args:
        child: the process in which files are made and run.
        folder: for the candidates.
    """

    def __init__(self, sampler: Sampler, parity: Parity, child: Child, folder: Path):
        self._parity, self._child, self._folder = parity, child, folder
        self._float: Candidate | None = None
        noise = sampler.noise(litert.EXAMPLES, SEED)
        labels = sampler.labels(litert.EXAMPLES, None, SEED)
        litert.prepare(sampler.generator, noise, labels, folder)

    def attempt(self, kind: str, to: Path) -> tuple[dict[str, Any], list[str], list[str]]:
        """Write the best file of a kind into the folder `to` -> its facts; faults, if none is good
        enough; and why it is not worth publishing."""
        tried = [self._candidate(kind, name) for name in quantizers.of_kind(kind)]
        sound = [one for one in tried if not one.faults]
        if sound:
            self._time(sound)
        for one in ordered(sound):
            one.found |= self._parity.examine(partial(self._child.draw, one.path))
            one.faults = self._parity.faults(one.found)
            if one.faults:
                continue
            if kind == "float32":
                self._float = one
            facts = self._facts(one) | {"candidates": {o.quantizer: o.to_dict() for o in tried}}
            surplus = self._surplus(one, facts)
            if not surplus:
                shutil.copyfile(one.path, to / litert.file_name(kind))
            return facts, [], surplus
        several = len(tried) > 1
        faults = [f"{one.quantizer}: {why}" if several else why
                  for one in tried for why in one.faults]  # fmt: skip
        return {}, faults, []

    def _candidate(self, kind: str, quantizer: str) -> Candidate:
        made = Candidate(quantizer, self._folder / f"{kind}-{quantizer}.tflite")
        try:
            if quantizer == quantizers.CONVERTER:
                self._child.convert(self._folder, kind, made.path)
            elif self._float is None:
                raise Refused("there is no file in float32 to quantise")
            else:
                self._child.quantise(self._folder, kind, self._float.path, made.path)
            draw = partial(self._child.draw, made.path)
            made.found = self._parity.examine(draw, scores=False)
            made.faults = self._parity.faults(made.found)
        except Refused as error:
            made.faults = [str(error).replace(f"{self._folder}{os.sep}", "")]
        return made

    def _time(self, candidates: Sequence[Candidate]) -> None:
        """In turns with the file in float32."""
        beside = [self._float] if self._float else []
        timed = [*beside, *candidates]
        times = self._child.time([one.path for one in timed], self._folder)
        for one in timed:
            one.times = times[one.path.name]

    def _facts(self, one: Candidate) -> dict[str, Any]:
        delegates, outside = self._child.delegates(one.path)
        facts = {
            "bytes": one.path.stat().st_size,
            **one.found,
            "quantizer": one.quantizer,
            "latency_ms": {str(n): round(float(np.median(t)), 4) for n, t in one.times.items()},
            "spread_ms": {str(n): [round(min(t), 4), round(max(t), 4)]
                          for n, t in one.times.items()},
            "delegates": delegates,
            "outside": outside,
        }  # fmt: skip
        if self._float:
            facts["time_over_float32"] = round(over(one.times, self._float.times), 3)
        return facts

    def _surplus(self, one: Candidate, facts: Mapping[str, Any]) -> list[str]:
        if self._float is None or one is self._float:
            return []
        time, size = facts["time_over_float32"], facts["bytes"] / self._float.path.stat().st_size
        if time <= FASTER or size <= SMALL:
            return []
        return [
            f"it has {size:.2f} of the size of float32 and {time:.2f} of its time: at most {SMALL} "
            f"or at most {FASTER} is worth a file"
        ]


def over(times: Times, others: Times) -> float:
    """Median over the rounds of the time over that of another file in the same round."""
    return float(np.median(np.asarray(times[1]) / np.asarray(others[1])))


def ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best first: of those of equal quality the fastest, then the others by quality."""

    def quality(one: Candidate) -> float:
        return min(float(one.found["psnr"]), ENOUGH)

    best = max(map(quality, candidates), default=0.0)
    equal = [one for one in candidates if quality(one) >= best - EQUAL]
    others = [one for one in candidates if one not in equal]
    return sorted(equal, key=lambda one: one.ms) + sorted(others, key=quality, reverse=True)


def workplace() -> tempfile.TemporaryDirectory[str]:
    """A folder for candidates, which is deleted after use."""
    return tempfile.TemporaryDirectory(prefix="ganvas-export-")
