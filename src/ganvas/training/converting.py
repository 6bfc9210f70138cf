"""The LiteRT file beside the best model, from which `ganvas sample` draws without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.messages import log
from ..errors import Refused
from ..exporting.litert import convert
from ..sampling.litert_sampler import LiteRTSampler
from ..sampling.sampler import Sampler
from ..storage import litert_file
from ..storage.run import Run

CHECKED = 8
"""Images that are compared with those of the generator."""
SEED = 4


def write_litert(run: Run, model: Path, sampler: Sampler) -> None:
    """Write the LiteRT file of the run's best model, checked against its images.

    It takes a fraction of a second (`benchmarks/startup.py`), and changes nothing that training
    reads. A failure is logged: images are then drawn from the Keras file.

    Args:
        model: the Keras file, which is written already.
        sampler: of the same generator.
    """
    try:
        if not litert_file.begin(run, model):
            return
        noise, labels = sampler.noise(CHECKED, SEED), sampler.labels(CHECKED, None, SEED)
        path = litert_file.write(run, convert(sampler.generator, "float32", noise, labels))
        lite = LiteRTSampler(path, sampler.shape, sampler.names, sampler.frequencies.tolist())
        far = lite.decode(noise, labels).astype(int) - sampler.decode(noise, labels)
        if np.abs(far).max() > 1:
            raise Refused(f"its images differ by {np.abs(far).max()} grey levels")
        litert_file.declare(run, model)
    except Exception as error:  # own networks and the converter may raise anything
        litert_file.drop(run)
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.warning(
            f"{model.name} has no LiteRT file ({why}): `ganvas sample` draws from the Keras file, "
            "which takes some seconds longer"
        )
