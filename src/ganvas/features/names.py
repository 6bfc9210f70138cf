"""The names of extractors, checked before TensorFlow is imported."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError, no_such

NAMES = ("digits", "general", "inception-keras")
SUFFIXES = (".keras", ".h5", ".tflite")


def check_file(path: Path) -> None:
    """Raises: UsageError: this is no file of a network."""
    if path.suffix not in SUFFIXES and not path.exists():
        raise UsageError(
            f"{no_such('features', str(path), NAMES)}, or FILE{', FILE'.join(SUFFIXES)}"
        )
    if path.suffix not in SUFFIXES:
        raise UsageError(f"features {path}: give a Keras or LiteRT file ({', '.join(SUFFIXES)})")


def check_features(features: str) -> None:
    """Raises: UsageError: neither "auto", nor a name, nor a file of a network."""
    if features not in ("auto", *NAMES):
        check_file(Path(features))
