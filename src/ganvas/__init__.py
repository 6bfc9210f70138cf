"""ganvas: image GANs on TensorFlow and Keras 3, from a folder of images to a trained generator.

    import ganvas
    run = ganvas.train("photos/", recipe="quick")
    ganvas.load(run).sample(64)              # uint8 [64, H, W, C]

The names below are imported when first used: TensorFlow takes seconds, `import ganvas` must not.
"""

from __future__ import annotations

from typing import Any

from .base.lazy import fetch as _fetch

__version__ = "0.1.0"

_HOMES = {
    "gan.augment": ("AUGMENTS", "Augment"),
    "config": ("Config",),
    "data": ("Images", "Options", "prepare"),
    "errors": (
        "Advice", "ConfigError", "DataError", "Diverged", "GanvasError", "ModelError", "Refused",
        "RunError", "UsageError",
    ),
    "evaluation": ("evaluate",),
    "exporting": ("bench", "export"),
    "gan.model": ("GAN",),
    "gan.losses": ("LOSSES", "Loss"),
    "gan.networks": ("NETWORKS", "Networks"),
    "gan.penalties": ("PENALTIES", "Critique", "Penalty"),
    "training.dry_run": ("rehearse",),
    "storage.run": ("Run",),
    "sampling.sampler": ("Sampler", "load"),
    "serve.client": ("Client",),
    "training.train": ("load_game", "resume", "train"),
    "tuning": ("tune",),
}  # fmt: skip

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> Any:
    return _fetch(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
