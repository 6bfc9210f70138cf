"""The folder a kit works in: claimed once, gone on with by the same command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...base.files import disk_errors, replacing
from ...errors import UsageError
from ...storage.run import Run

NAME = "kit.json"


def claim(folder: Path, about: Mapping[str, Any]) -> None:
    """Make the folder for this work, or find in it the same work begun before.

    Args:
        about: what makes the work this one: kit, images, settings; plain values.

    Raises: UsageError: the folder holds something else, or the same kit's other work.
    """
    old, about = folder / NAME, json.loads(json.dumps(about))
    if old.is_file():
        before = json.loads(old.read_text("utf-8"))
        for key, value in about.items():
            if before.get(key) != value:
                raise UsageError(
                    f"{folder} was begun with {key} {_short(before.get(key))}, and {_short(value)} "
                    "is given: choose another --out, or repeat that command"
                )
        return
    if folder.exists() and (
        not folder.is_dir() or any(not one.name.startswith(".") for one in folder.iterdir())
    ):
        raise UsageError(f"{folder} holds other files: choose another --out, or an empty folder")
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(old, about)


def learn(
    folder: Path, data: Any, recipe: str, values: Mapping[str, Any], progress: bool = True
) -> Run:
    """The run in this folder, trained to its end: begun, gone on with, or found finished.

    Args:
        data: arrays; the same ones each time.
        values: recipe values; a larger train.kimg than before trains on.
    """
    from ...training.train import resume, train

    place = folder / "run"
    if not (place / "config.toml").is_file():
        return train(data, recipe, run=place, set=values, progress=progress)
    old = Run.open(place)
    kimg = values.get("train.kimg", 0)
    longer = {"train.kimg": kimg} if kimg > old.config.train.kimg else {}
    if old.info.get("status") == "finished" and not longer:
        return old
    return resume(place, data=data, set=longer, progress=progress)


def provenance(run: Run, **words: Any) -> dict[str, str]:
    """What is written into every picture: where it comes from, enough to draw it again."""
    from ... import __version__

    model = run.model("last")
    digest = hashlib.sha256(model.read_bytes()).hexdigest() if model else "none"
    about = {"Software": f"ganvas {__version__}", "model_sha256": digest}
    return {**about, **{key: str(value) for key, value in words.items()}}


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """The file appears whole or not at all."""
    with replacing(path) as file:
        file.write((json.dumps(values, indent=2) + "\n").encode())


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
