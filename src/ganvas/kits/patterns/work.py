"""What the files of this kit say of where they come from."""

from __future__ import annotations

import hashlib
from typing import Any

from ...storage.run import Run

REQUEST = "kit.json"
"""What a folder of this kit was begun for."""


def provenance(run: Run, **words: Any) -> dict[str, str]:
    """What is written into every picture: where it comes from, enough to draw it again."""
    from ... import __version__

    model = run.model("last")
    digest = hashlib.sha256(model.read_bytes()).hexdigest() if model else "none"
    about = {"Software": f"ganvas {__version__}", "model_sha256": digest}
    return {**about, **{key: str(value) for key, value in words.items()}}
