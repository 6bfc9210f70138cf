"""What was audited, when and how: the record that makes an audit repeatable."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from .case import Case
from .options import AuditOptions
from .part import Part

_CHUNK = 1000


def recorded(case: Case, options: AuditOptions) -> dict[str, Any]:
    """Date, version, purpose, options, and sha256 of model and images.

    The sha256 of images is that of their pixels as they are read, one after the other, uint8.
    """
    used = {key: value for key, value in asdict(options).items() if key != "purpose"}
    return {
        "date": f"{datetime.date.today()}",
        "version": __version__,
        "purpose": options.purpose,
        "options": {key: str(v) if isinstance(v, Path) else v for key, v in used.items()},
        "sha256": {
            "model": _model(case, options.model),
            "generated_images": hashlib.sha256(case.fakes.tobytes()).hexdigest(),
            "training_images": _pixels(case.train),
            "held_out_images": _pixels(case.holdout),
        },
    }


def _model(case: Case, which: str) -> str | None:
    """Of the file of the generator; None where there are only images."""
    path = case.run.model(which) if case.run else None
    if path is None and case.sampler is not None and Path(case.name, "manifest.json").is_file():
        path = Path(case.name, "manifest.json")  # which holds the sha256 of every file
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else None


def _pixels(part: Part) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(part), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(part)))
        digest.update(part.pixels(rows).tobytes())
    return digest.hexdigest()
