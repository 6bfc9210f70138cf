"""A detector as a version of a model folder: SavedModel, LiteRT file, data for reports, card."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...base.files import replacing, write_file
from ...base.litert import runner
from ...errors import ModelError, Refused
from ...exporting import litert
from ...exporting.saved_model import WARMUP, prediction_log
from ...storage import manifest
from ...storage.run import UNREADABLE
from .baselines import Baselines
from .card import card
from .cross import CrossScorer
from .early import KIND, read as read
from .patches import Grid
from .scorer import Scorer

LITERT = "model_float32.tflite"
BASELINES = "baselines.npz"
HELD = "calibration.npz"
ROI = "roi.npz"
FORMAT = 2
"""Of the manifest. 1, or none: a part is a number of each patch (see `Detector.combine`); a GAN is
always there."""
CLOSE = 1e-4
"""Largest difference of a LiteRT score that is published."""


def publish(
    scorer: Scorer | CrossScorer,
    baselines: Baselines,
    kept: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    folder: Path,
    version: str,
) -> None:
    """Write all files of a version into `folder`, test them, and describe them.

    Args:
        kept: images for `HELD`: "x", which calibrated, and perhaps "scale", see `Split`.

    Raises: Refused: the LiteRT file gives other scores.
    """
    held = kept["x"]
    module, functions = _module(scorer, held.shape[1:])
    apart = write_graphs(module, functions, scorer, held, folder)
    baselines.write(folder / BASELINES)
    write_kept(kept, folder)
    if scorer.roi is not None:
        scorer.roi.write(folder / ROI)
    about = {
        "kind": KIND,
        "format": FORMAT,
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {n: metadata.version(n) for n in ("ganvas", "tensorflow", "keras")},
        "noise_size": scorer.gan.noise_size if scorer.gan else 0,
        "shape": list(held.shape[1:]),
        "batch": scorer.batch(),
        "weights": {name: float(name in scorer.chosen) for name in scorer.names},
        "centre": scorer.centre.numpy().tolist(), "spread": scorer.spread.numpy().tolist(),
        "calibration": ranked(scorer.calibration),
        "artefacts": {"saved_model": {}, LITERT: {"largest_error": apart}},
        **facts,
    }  # fmt: skip
    (folder / "MODEL_CARD.md").write_text(card(about, version), encoding="utf-8")
    manifest.write(folder, about)


def write_graphs(
    module: tf.Module, functions: Mapping[str, Any], call: Callable[..., Any], held: np.ndarray,
    folder: Path,
) -> float:  # fmt: skip
    """Write the SavedModel, its warm-up request and the LiteRT file.

    Args:
        module: has all variables of the functions.
        functions: by signature.
        call: what `serving_default` runs: the LiteRT file has it for one image.
        held: calibration images, for the request and to compare both.

    Returns: the largest difference of a score. Raises: Refused: it is too large.
    """
    tf.saved_model.save(module, folder.as_posix(), signatures=dict(functions))
    _warm_up(folder / WARMUP, held[:1])
    one = tf.function(
        call, input_signature=[tf.TensorSpec((1, *held.shape[1:]), tf.uint8, "image")],
        autograph=False,
    )  # fmt: skip
    write_file(folder / LITERT, litert.convert_function(module, one))
    return _apart(folder / LITERT, functions["serving_default"], held[:8])


def write_kept(kept: Mapping[str, Any], folder: Path) -> None:
    """Write the good images that a model keeps; see `Detector.kept`."""
    with replacing(folder / HELD) as file:
        np.savez_compressed(file, **kept)


def ranked(scores: np.ndarray) -> dict[str, float]:
    """The calibration scores in three numbers."""
    return {
        "lowest": float(scores.min()), "middle": float(np.median(scores)),
        "highest": float(scores.max()),
    }  # fmt: skip


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises: ModelError: the arrays that are read within this are damaged."""
    try:
        yield
    except (*UNREADABLE, KeyError) as error:
        raise ModelError(f"{path} cannot be read ({error}): fit the detector again") from error


def grid_of(facts: Mapping[str, Any]) -> Grid:
    height, width, _ = facts["shape"]
    return Grid((height, width), facts["patch"])


def _module(
    scorer: Scorer | CrossScorer, shape: tuple[int, ...]
) -> tuple[tf.Module, dict[str, Any]]:
    """What is saved: the detector, and its inner steps as signatures of their own. The names of
    signatures and outputs are part of the file format."""
    height, width, channels = shape
    images = tf.TensorSpec((None, height, width, channels), tf.uint8, "image")

    def function(call: Callable[..., Any], spec: tf.TensorSpec) -> Any:
        return tf.function(call, input_signature=[spec], autograph=False)

    module = tf.Module()
    module.weights = [*scorer.frozen.weights, *scorer.variables]
    if (gan := scorer.gan) is not None:
        side = scorer.grid.side
        patches = tf.TensorSpec((None, side, side, channels), tf.float32, "patches")
        noise = tf.TensorSpec((None, gan.noise_size), tf.float32, "z")
        module.weights += gan.networks
        module.encode = function(lambda patches: gan.encode(patches, training=False), patches)
        module.generate = function(lambda z: gan.generate(z), noise)
        module.deepest = function(lambda patches: gan.features(patches)[0][-1], patches)
    return module, {
        "serving_default": function(lambda image: scorer(image), images),
        "verdict": function(lambda image: scorer.verdict(image), images),
        "look": function(lambda image: {"parts": scorer.measure(image)}, images),
        "places": function(lambda image: scorer.places(image), images),
    }


def _warm_up(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir()
    with tf.io.TFRecordWriter(path.as_posix()) as file:
        file.write(prediction_log({"image": tf.constant(image)}))


def _apart(path: Path, serve: Any, images: np.ndarray) -> float:
    """The largest difference of a score. Raises: Refused: too large."""
    run = runner(path)
    ours = serve(tf.constant(images))["score"].numpy()
    theirs = np.concatenate([run(image=images[i : i + 1])["score"] for i in range(len(images))])
    apart = float(np.abs(ours - theirs).max())
    if not apart <= CLOSE:
        raise Refused(
            f"the scores of {path.name} must differ by at most {CLOSE:g} from the detector's, got "
            f"{apart:.2g}: nothing was published"
        )
    return apart
