"""Metadata of the files that this kit writes: their origin."""

from __future__ import annotations

import hashlib
from typing import Any

from ...storage.run import Run

REQUEST = "kit.json"
"""The file in a folder of this kit that holds its request."""


def provenance(run: Run, **values: Any) -> dict[str, str]:
    """Metadata for every picture: its origin, sufficient to draw it again."""
    from ... import __version__

    model = run.model("last")
    digest = hashlib.sha256(model.read_bytes()).hexdigest() if model else "none"
    about = {"Software": f"ganvas {__version__}", "model_sha256": digest}
    return {**about, **{key: str(value) for key, value in values.items()}}


def seconds_of(run: Run) -> float:
    """The seconds of training of a run."""
    return float((run.rows() or [{}])[-1].get("seconds", 0.0))
