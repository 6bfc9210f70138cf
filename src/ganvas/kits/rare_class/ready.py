"""The advised arm as a classifier to use: trained on all images of the learning part, calibrated.

    model/model.keras      images 0..255 [B, H, W, C] -> calibrated probabilities [B, classes]
    model/model.tflite     the same for LiteRT, one image at a time
    model/classifier.json  classes, thresholds, calibration, what it reached on the test

The model consists of layers of Keras alone. Calibration and thresholds come from the validation
folds: a slope for all logits (temperature, Guo et al. 2017, arXiv:1706.04599) and an offset for
each rare class (Platt 1999), fitted to the share of classes in the learning part.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import scipy
import tensorflow as tf
from keras import layers

from ... import __version__
from ...base.building import building
from ...base.files import disk_errors, write_file, write_json
from ...base.litert import runner
from ...errors import Refused
from ...exporting.litert import convert_function
from ...stats.roc import SPECIFICITIES
from . import choosing, concluding, metrics
from .classifier import network_of
from .plan import GAN_ARMS, HEADS, PLACEBO
from .results import Verdict
from .study import Study

CHECKED = 32  # test images on which LiteRT is compared with Keras
RIDGE = 1e-3
"""Keeps slope and offsets finite if validation separates the classes completely."""


class Calibration(NamedTuple):
    """`slope * log p + offsets`, normalised again."""

    slope: float
    offsets: np.ndarray

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        logs = np.log(np.maximum(probabilities, 1e-12)) * self.slope + self.offsets
        return scipy.special.softmax(logs, axis=-1)


def calibration(scores: np.ndarray, truth: np.ndarray, rare: tuple[int, ...]) -> Calibration:
    """Fitted to validation probabilities [N, C] and labels [N]."""
    logs = np.log(np.maximum(scores.astype(np.float64), 1e-12))
    places = np.arange(len(truth))

    def loss(x: np.ndarray) -> float:
        offsets = np.zeros(logs.shape[1])
        offsets[list(rare)] = x[1:]
        found = scipy.special.log_softmax(np.exp(x[0]) * logs + offsets, axis=1)
        return float(-found[places, truth].mean() + RIDGE * np.square(x).sum())

    found = scipy.optimize.minimize(loss, np.zeros(1 + len(rare)), method="Nelder-Mead")
    offsets = np.zeros(logs.shape[1])
    offsets[list(rare)] = found.x[1:]
    return Calibration(float(np.exp(found.x[0])), offsets)


def write(study: Study, verdict: Verdict) -> dict[str, Any] | None:
    """Write the folder `model/`; returns what classifier.json holds. None: the advised arm uses a
    classifier of the user, which cannot be written."""
    arm, folder = verdict.arm(verdict.advised), study.folder / "model"
    if study.own and arm.name not in (*HEADS, "lda + gan"):
        return None
    setting = arm.ratio or arm.strength
    scores, truth = choosing.pooled(study, arm.name, setting)
    fitted = calibration(scores, truth, study.material.rare)
    model = _model(study, arm.name, setting, fitted)
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    _save(model, folder / "model.keras")
    lite = folder / "model.tflite"
    write_file(lite, _lite(model, study.material.learn.images.shape[1:]))
    about = _about(study, verdict, fitted, scores, truth)
    about["litert_differs_by"] = _difference(model, lite, study.material.test.images)
    write_json(folder / "classifier.json", about)
    return about


def _model(study: Study, arm: str, setting: float, fitted: Calibration) -> keras.Model:
    learn, classes = study.material.learn, len(study.material.names)
    fake = _all_fakes(study, arm)
    if arm in HEADS or arm == "lda + gan":
        rows = np.arange(len(learn))
        head = study.featured.head(arm, setting, study.shrinkage(), rows, fake)
        network = study.featured.compute.model
        weights = [head.weight * fitted.slope, head.bias * fitted.slope + fitted.offsets]
        with building():
            image = keras.Input(learn.images.shape[1:], name="image")
            last = layers.Dense(classes, "softmax", name="probabilities")
            model = keras.Model(image, last(network(image)), name="classifier")
        last.set_weights(weights)
        return model
    predict = study.fitted(arm, setting, learn, fake, study.plan.seeds)
    predict(learn.images[:1])  # the shared network has the weights of this fit now
    pixels = network_of(learn.images.shape[1:], classes, study.plan.batch)
    with building():
        image = keras.Input(learn.images.shape[1:], name="image")
        logits = pixels(layers.Rescaling(2 / 255, -1.0)(image))
        last = layers.Dense(classes, "softmax", name="probabilities")
        model = keras.Model(image, last(logits), name="classifier")
    last.set_weights([np.eye(classes) * fitted.slope, fitted.offsets])
    return model


def _all_fakes(study: Study, arm: str) -> dict[int, np.ndarray]:
    """The synthetic images of all seeds."""
    if arm not in (*GAN_ARMS, *PLACEBO.values()):
        return {}
    seeds = [study.fakes(seed, arm) for seed in range(study.plan.seeds)]
    return {c: np.concatenate([one[c] for one in seeds]) for c in seeds[0]}


def _save(model: keras.Model, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path.name
        model.save(file)
        write_file(path, file.read_bytes())


def _lite(model: keras.Model, shape: tuple[int, ...]) -> bytes:
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    function = tf.function(
        lambda image: {"probabilities": model(image, training=False)},
        input_signature=[tf.TensorSpec((1, *shape), tf.float32, name="image")], autograph=False,
    )  # fmt: skip
    return convert_function(module, function)


def _difference(model: keras.Model, lite: Path, images: np.ndarray) -> float:
    """The largest difference of a probability between Keras and LiteRT.

    Raises: Refused: above a hundredth.
    """
    shown = images[:CHECKED].astype(np.float32)
    wanted = model.predict_on_batch(shown)
    run = runner(lite)
    found = np.concatenate([run(image=one[None])["probabilities"] for one in shown])
    apart = float(np.abs(found - wanted).max())
    if apart > 0.01:
        lite.unlink()
        raise Refused(f"the LiteRT file of the classifier differs by {apart:.3f} from Keras")
    return apart


def _about(
    study: Study, verdict: Verdict, fitted: Calibration, scores: np.ndarray, truth: np.ndarray
) -> dict[str, Any]:
    material, arm = study.material, verdict.arm(verdict.advised)
    setting = arm.ratio or arm.strength
    seeds = range(study.plan.seeds)
    test = np.stack([study.predictions(seed, arm.name, setting).test for seed in seeds])
    after, valid = fitted(test), fitted(scores)
    share, there = (np.bincount(p.labels, minlength=len(material.names)) / len(p)
                    for p in (material.learn, material.test))  # fmt: skip
    weights = (share / there)[material.test.labels]
    errors = {}
    for c in material.rare:
        mine = material.test.labels == c
        before_after = (
            float(
                np.mean(
                    [metrics.calibration_error(one[:, c], mine, weights=weights) for one in kind]
                )
            )
            for kind in (test, after)
        )
        errors[material.names[c]] = dict(zip(("before", "after"), before_after, strict=True))
    points = [
        dataclasses.asdict(
            concluding.point(c, material.names[c], level, valid, truth, after, material.test)
        )
        for c in material.rare
        for level in SPECIFICITIES
    ]
    factors = choosing.factors(valid, truth, material.rare)
    shape = ", ".join(map(str, material.learn.images.shape[1:]))
    return {
        "software": f"ganvas {__version__}",
        "arm": arm.name,
        "classes": list(material.names),
        "input": f"images 0..255, float32 [batch, {shape}]; one at a time in model.tflite",
        "output": "probabilities, one per class; the share of classes is that of the data",
        "thresholds": points,
        "factors": {name: float(f) for name, f in zip(material.names, factors, strict=True)},
        "factors_are": "multiply probabilities by these before the largest is taken: highest "
        "balanced accuracy on validation",
        "calibration": {"slope": fitted.slope, "offsets": fitted.offsets.tolist()},
        "expected_calibration_error": errors,
        "expected_calibration_error_is": "on the test, its classes weighted as in the data",
        "trained_on": len(material.learn),
        "tested": "thresholds, calibration and scores are of the classifiers of the validation "
        "folds; this one is trained on all of their images",
    }
