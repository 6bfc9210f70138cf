"""`ganvas defects fit`: good images -> a calibrated model folder that can be served."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ...base.progress import reported, say
from ...exporting.publish import check_free, publishing
from ...gan.model import GAN
from ...images import to_float
from ...storage.job import begin
from . import encoder as encoders, training
from .baselines import Baselines
from .blur import blurred
from .density import Gaussian, Nearest
from .detector import Detector
from .folder import publish
from .good_images import Split, read_good, split
from .moves import MOVES
from .patches import Grid
from .scorer import PARTS, Scorer, flat, places

WORK, REQUEST = "work", "fit.json"
KIMG = 64.0
ENCODER_STEPS = 250
PATCHES = 6000
MEMORY = 2e8
"""Most patches to train on, and most bytes of all their moves."""
CHUNK = 256
"""Patches per call of the graph."""


@reported
def fit(
    good: Any,
    out: str | os.PathLike[str],
    *,
    alpha: float = 0.05,
    size: tuple[int, int] | None = None,
    patch: int | None = None,
    kimg: float = KIMG,
    encoder_steps: int = ENCODER_STEPS,
    seed: int = 0,
    all_good: bool = False,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Detector:
    """Learn from good images, and write OUT/N/: a detector that `ganvas serve` serves.

    If it is stopped, a call with the same arguments resumes it.

    Args:
        good: images of good parts only: a folder, an .npz or .npy file, or uint8 [N, H, W(, C)].
        out: the model's folder, of versions.
        alpha: the share of good images that it may flag. It is guaranteed, and at least
            1 / alpha - 1 good images are needed for calibration alone.
        size: (height, width) to resize images to while fitting; images to score must have this
            size.
        patch: side in pixels, 16 to 64; None: a small square image is one patch, else 32.
        kimg: length of the GAN's training, in thousand images.
        encoder_steps: length of the encoder's training.
        seed: of every random choice.
        all_good: the images' classes, if they have any, are all good.
        overrides: values of the GAN's recipe to change, by dotted key.
        progress: report progress on standard error.

    Returns: the detector, as `Detector.load(out)` gives it.
    Raises: DataError: too few images, several sizes, or labels; nothing was written.
    """
    found = read_good(good, size, all_good=all_good)
    images = distinct(found.pixels)
    parts, grid = split(len(images), alpha, seed), Grid(images.shape[1:3], patch)
    number, config = check_free(Path(out), None), training.recipe(kimg, seed, overrides or {})
    facts = {
        "alpha": alpha, "patch": grid.side, "seed": seed, "kimg": kimg,
        "encoder_steps": encoder_steps, "fingerprint": hashlib.sha256(images.tobytes()).hexdigest(),
    }  # fmt: skip
    recipe = hashlib.sha256(config.toml().encode()).hexdigest()
    work = _begun(Path(out) / WORK / str(number), {**facts, "recipe": recipe})
    message = _progress(progress)
    patches = some_patches(images[parts.learn], grid, seed)
    message(f"{len(images)} good images: {_summary(parts, grid)}")
    gan = training.train_gan(patches, work / "gan", config, progress=progress)
    message("training the encoder")
    encoder = encoders.train(gan, patches, work / "encoder.npz", steps=encoder_steps, seed=seed)
    message("fitting densities, scales and calibration")
    scorer = Scorer(grid, gan, encoder, densities(gan, patches), len(parts.calibrate))
    calibrate(scorer, images[parts.scale], images[parts.calibrate], alpha)
    baselines = Baselines.fit(patches, grid)
    message("writing the model folder")
    facts |= {"parts": _counts(parts), "patches": grid.count, "levels": found.levels}
    with publishing(Path(out), number) as (part, final):
        publish(scorer, baselines, images, parts, facts, part, final.name)
    return Detector.load(final)


def _begun(work: Path, request: Mapping[str, Any]) -> Path:
    """The folder of intermediate results, for this request. Raises: RunError: for another one."""
    if not (work / REQUEST).is_file():
        shutil.rmtree(work, ignore_errors=True)  # remains of a work folder that was removed
    begin(work, request, REQUEST)
    return work


def distinct(images: np.ndarray) -> np.ndarray:
    """Each image once, in their order: an image used for training and calibration biases the
    calibration."""
    digests = [hashlib.blake2b(one.tobytes(), digest_size=16).digest() for one in images]
    first = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    return images[np.sort(list(first.values()))]


def some_patches(images: np.ndarray, grid: Grid, seed: int) -> np.ndarray:
    """Patches to train on, in random order: uint8 [M, side, side, C], M at most `PATCHES`."""
    rng = np.random.Generator(np.random.Philox(seed))
    rows, columns = grid.places
    every = len(images) * grid.count
    most = min(PATCHES, int(MEMORY / len(MOVES) / grid.side**2 / images.shape[3]))
    picked = rng.permutation(every)[:most]
    image, place = np.divmod(picked, grid.count)
    y, x = (np.array(starts) for starts in (rows, columns))
    cuts = zip(image, y[place // len(columns)], x[place % len(columns)], strict=True)
    return np.stack([images[i, top:, left:][: grid.side, : grid.side] for i, top, left in cuts])


def densities(gan: GAN, patches: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """The densities that `Scorer` needs, fitted on the training patches."""
    features = training.Features(gan.discriminator)
    soft, deep, local = [], [], []
    rng = np.random.Generator(np.random.Philox(1))
    for start in range(0, len(patches), CHUNK):
        chunk = tf.constant(to_float(patches[start : start + CHUNK]))
        maps, _ = features(chunk)
        soft.append(blurred(chunk).numpy().reshape(len(chunk), -1))
        deep.append(flat(maps[-1]).numpy())
        at = places(maps).numpy()
        at = at.reshape(-1, at.shape[-1])
        local.append(at[rng.integers(0, len(at), 4 * len(chunk))])
    pixels, vectors = np.concatenate(soft), np.concatenate(deep)
    return {
        "pixels": Gaussian.fit(pixels), "nearest": Nearest.fit(pixels),
        "features": Gaussian.fit(vectors), "local": Gaussian.fit(np.concatenate(local)),
    }  # fmt: skip


def calibrate(scorer: Scorer, scale: np.ndarray, held: np.ndarray, alpha: float) -> None:
    """Set scale and calibration of a scorer by good images that were not trained on, uint8 each."""
    logs, maps = _by_chunks(scorer.measure, scale, scorer.grid)
    flat_logs = logs.reshape(-1, len(PARTS))
    scorer.centre.assign(flat_logs.mean(0))
    scorer.spread.assign(np.maximum(flat_logs.std(0), 1e-3))
    varying = maps.std(0)
    typical = varying.mean((1, 2), keepdims=True)
    scorer.usual.assign(maps.mean(0))
    scorer.varying.assign(np.maximum(varying, 0.25 * typical) + 1e-6)
    [scores] = _by_chunks(lambda image: [scorer.verdict(image)["score"]], held, scorer.grid)
    scorer.calibration.assign(np.sort(scores))
    scorer.alpha.assign(alpha)


def _by_chunks(call: Callable[..., Any], images: np.ndarray, grid: Grid) -> list[np.ndarray]:
    run = tf.function(call, autograph=False, reduce_retracing=True)
    step = max(1, CHUNK // grid.count)
    chunks = [run(tf.constant(images[i : i + step])) for i in range(0, len(images), step)]
    return [np.concatenate([one.numpy() for one in part]) for part in zip(*chunks, strict=True)]


def _progress(shown: bool) -> Callable[[str], None]:
    return say if shown else lambda text: None


def _summary(parts: Split, grid: Grid) -> str:
    return (
        f"{len(parts.learn)} for training, {len(parts.scale)} for scaling, "
        f"{len(parts.calibrate)} for calibration; {grid.count} patch(es) of {grid.side} px each"
    )


def _counts(parts: Split) -> dict[str, int]:
    return {name: len(rows) for name, rows in parts._asdict().items()}
