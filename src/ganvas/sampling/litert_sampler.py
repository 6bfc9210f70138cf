"""Drawing without TensorFlow, by the LiteRT file of a run's best model or of an exported model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..base.litert import opened
from ..base.logs import held_back_stderr
from ..base.messages import log
from ..base.types import StrPath
from ..errors import ModelError
from ..storage import litert_file, manifest
from ..storage.facts import check_facts
from ..storage.run import Run
from .drawing import Drawing

SIGNATURE = "serving_default"


def load(run: StrPath) -> LiteRTSampler | None:
    """The best generator of a run, or an exported model, ready to draw from; None: it has no LiteRT
    file that fits, see `sampling.sampler.load`.

    Raises:
        RunError: no run, or its run.json is damaged.
        ModelError: an exported model that is damaged.
    """
    if manifest.is_model(run):
        return _exported(run)
    old = Run.open(run)
    data, path = old.images, litert_file.find(old)
    if path is None:
        return None
    try:
        return LiteRTSampler(path, data["shape"], data["names"], data["class_shares"])
    except ModelError as error:
        log.warning(f"{error}; its Keras file is used instead")
        return None


def _exported(model: StrPath) -> LiteRTSampler | None:
    """From the file in float32 of a version; None: it was not exported."""
    facts, place = manifest.verify(model), manifest.locate(model)
    if manifest.FLOAT32 not in (facts.get("artefacts") or ()):
        return None
    damaged = ModelError(f"{model} is no exported generator: export a run with `ganvas export`")
    known = check_facts(facts, damaged)
    path = place / manifest.FLOAT32
    return LiteRTSampler(path, known["shape"], known["names"], known["class_shares"])


class LiteRTSampler(Drawing):
    """Draws images from a LiteRT file that makes one image at a time. They are those of the Keras
    file within a grey level: arithmetic of another library rounds otherwise.

    Args:
        shape: of an image, (height, width, channels).
        names, frequencies: of the classes, see `Drawing`.

    Raises: ModelError: no LiteRT file of a generator of such images.
    """

    def __init__(
        self,
        path: Path,
        shape: Sequence[int],
        names: Sequence[str] = (),
        frequencies: Sequence[float] = (),
    ) -> None:
        with held_back_stderr():  # LiteRT says there by what it computes
            interpreter = opened(path)
        try:
            self._run = interpreter.get_signature_runner(SIGNATURE)
            given, drawn = self._run.get_input_details(), self._run.get_output_details()
            (_, size), form = map(int, given["z"]["shape"]), tuple(drawn["images"]["shape"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} is no generator ({error})") from error
        if form != (1, *shape) or not {"z"} <= given.keys() <= {"z", "label"}:
            raise ModelError(f"{path} is no generator of images of {shape}")
        super().__init__(shape, size, "label" in given, names, frequencies)

    def _drawn(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        given = {"z" if name == "noise" else name: rows for name, rows in inputs.items()}
        count = len(inputs["noise"])
        rows = ({k: v[row : row + 1] for k, v in given.items()} for row in range(count))
        return np.concatenate([self._run(**one)["images"] for one in rows])
