"""The LiteRT file of a run's best model, from which images are drawn without TensorFlow:
models/best.tflite, and models/best.tflite.json, which says which model it was made of.

Runs of older versions, and models that cannot be converted, have none.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..base.files import disk_errors, read_object, write_file, write_json
from ..base.messages import log
from .manifest import sha256
from .run import Run

FILE, ABOUT = "models/best.tflite", "models/best.tflite.json"


def begin(run: Run, model: Path) -> bool:
    """Before a model is converted: forget the file of the one before. False: the converter has
    ended a process with this model already, and must not do it again."""
    about = run.folder / ABOUT
    with contextlib.suppress(OSError, ValueError):
        if read_object(about) == {"converting": model.name}:
            return False
    with disk_errors(about):
        (run.folder / FILE).unlink(missing_ok=True)
    write_json(about, {"converting": model.name})
    return True


def write(run: Run, content: bytes) -> Path:
    """Write the file; it is used when `declare` has written which model it belongs to."""
    path = run.folder / FILE
    write_file(path, content)
    return path


def declare(run: Run, model: Path) -> None:
    """The file is that of this model."""
    write_json(run.folder / ABOUT, _about(run, model))


def drop(run: Run) -> None:
    """The model has no LiteRT file."""
    for name in (FILE, ABOUT):
        with contextlib.suppress(OSError):
            (run.folder / name).unlink(missing_ok=True)


def find(run: Run) -> Path | None:
    """The LiteRT file of the run's best generator. None: it has none, or one that is damaged or
    of another model. As a manifest, best.tflite.json detects damage and mix-ups, not attacks."""
    path, model = run.folder / FILE, run.model("best")
    if model is None or not path.is_file():
        return None
    try:
        about = read_object(run.folder / ABOUT)
        fits = about == _about(run, model)
    except (OSError, ValueError):
        fits = False
    if not fits:
        log.warning(f"{path} is not used: it is damaged, or of another model than {model.name}")
    return path if fits else None


def _about(run: Run, model: Path) -> dict[str, str]:
    return {
        "model": model.name,
        "model_sha256": sha256(model),
        "sha256": sha256(run.folder / FILE),
    }
