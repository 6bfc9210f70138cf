"""ganvas: image GANs on TensorFlow and Keras 3, from a folder of images to a trained generator.

    import ganvas
    run = ganvas.train("photos/", recipe="quick")
    ganvas.load(run).sample(64)              # uint8 [64, H, W, C]

Names and submodules (`ganvas.kits`, `ganvas.gan` ...) are imported when first used: TensorFlow
takes seconds, `import ganvas` must not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base.extras import installed as _installed
from .base.lazy import fetch as _fetch

if TYPE_CHECKING:  # for mypy and editors; `_HOMES` says the same for Python
    from . import (
        base as base,
        cluster as cluster,
        config as config,
        data as data,
        doctor as doctor,
        evaluation as evaluation,
        exporting as exporting,
        features as features,
        gan as gan,
        images as images,
        kits as kits,
        pretrained as pretrained,
        reports as reports,
        sampling as sampling,
        serve as serve,
        stats as stats,
        storage as storage,
        training as training,
        tuning as tuning,
    )
    from .config import Config as Config
    from .data import Images as Images, Options as Options, prepare as prepare
    from .errors import (
        Advice as Advice,
        ConfigError as ConfigError,
        DataError as DataError,
        Diverged as Diverged,
        GanvasError as GanvasError,
        MissingExtra as MissingExtra,
        ModelError as ModelError,
        Refused as Refused,
        RunError as RunError,
        UsageError as UsageError,
    )
    from .evaluation import evaluate as evaluate
    from .exporting import bench as bench, export as export
    from .gan.augment import AUGMENTS as AUGMENTS, Augment as Augment
    from .gan.losses import LOSSES as LOSSES, Loss as Loss
    from .gan.model import GAN as GAN
    from .gan.networks import NETWORKS as NETWORKS, Networks as Networks
    from .gan.penalties import PENALTIES as PENALTIES, Critique as Critique, Penalty as Penalty
    from .sampling.sampler import Sampler as Sampler, load as load
    from .serve.client import Client as Client
    from .storage.run import Run as Run
    from .training.dry_run import rehearse as rehearse
    from .training.train import load_game as load_game, resume as resume, train as train
    from .tuning import tune as tune

__version__ = "0.2.0"

_HOMES = {
    "config": ("Config",),
    "data": ("Images", "Options", "prepare"),
    "errors": (
        "Advice", "ConfigError", "DataError", "Diverged", "GanvasError", "MissingExtra",
        "ModelError", "Refused", "RunError", "UsageError",
    ),
    "evaluation": ("evaluate",),
    "exporting": ("bench", "export"),
    "gan.augment": ("AUGMENTS", "Augment"),
    "gan.losses": ("LOSSES", "Loss"),
    "gan.model": ("GAN",),
    "gan.networks": ("NETWORKS", "Networks"),
    "gan.penalties": ("PENALTIES", "Critique", "Penalty"),
    "sampling.sampler": ("Sampler", "load"),
    "serve.client": ("Client",),
    "storage.run": ("Run",),
    "training.dry_run": ("rehearse",),
    "training.train": ("load_game", "resume", "train"),
    "tuning": ("tune",),
}  # fmt: skip

_LIGHT = {"Client", "Config", "Options", "Run", "bench", *_HOMES["errors"]}
"""Names that need no TensorFlow. Without it only these are listed, so that `from ganvas import *`
and `pydoc ganvas` work; each other name says which extra it needs."""

__all__ = sorted(
    name
    for names in _HOMES.values()
    for name in names
    if name in _LIGHT or _installed("tensorflow")
)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
