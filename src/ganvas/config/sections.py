"""The sections of a recipe: every key, its default and its range.

Only this folder imports Pydantic.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """A section: frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _is_utf8(cls, value: Any) -> Any:
        if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            raise ValueError("config.toml holds only names in UTF-8: rename it")
        return value


class Data(Section):
    """Which images are used, and their form as input of the networks."""

    source: str = ""
    """The name or path given on the command line."""
    size: int | tuple[int, int] | None = None
    """Side, or [height, width], in pixels; unset: see `data.Options`."""
    channels: int | None = Field(None, ge=1, le=4)
    fit: Literal["crop", "pad"] = "crop"
    """How images of another aspect ratio are fitted."""
    labels: bool | str = True
    """Whether classes are used if the images have them; a path: a CSV file of labels."""
    holdout: float = Field(0.05, ge=0, lt=1)
    """Share of images never trained on (at most 5,000; none under 200 images)."""
    flip: bool | Literal["auto"] = False
    shift: float = Field(0.0, ge=0, le=0.5)
    zoom: float = Field(0.0, ge=0, le=1)
    jitter: float = Field(0.0, ge=0, le=1)
    """Augmentation of the real images: mirror; shift, zoom and change of colours by how much."""
    levels: Literal["auto", "full"] | tuple[int | float, int | float] = "auto"
    """Of grey images with more than 8 bits: [low, high], the values that become black and white;
    full: 0 and 65535; auto: by the values in the images. A run stores what it used."""
    balanced: bool = False
    """Whether each class is drawn equally often, independent of its number of images."""
    clusters: int = Field(0, ge=0)
    """Number of groups of similar images, used as classes if there are no labels; 0: none."""
    group_by: Literal["both", "features", "pixels"] = "pixels"
    """What the groups are found by: features of a pretrained network, which follow meaning, pixels,
    which follow colour and layout, or both. Recipes of older versions have no such key, so that
    their groups stay as they were.
    """
    cache_gb: float | None = Field(None, ge=0)

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, labels: Any) -> Any:
        if isinstance(labels, str) and not labels.lower().endswith(".csv"):
            known = {"true": True, "false": False}
            if labels.lower() not in known:
                raise ValueError("write true, false, or the path of a .csv file")
            return known[labels.lower()]
        return labels

    @field_validator("size")
    @classmethod
    def _size(cls, size: Any) -> Any:
        sides = (size,) if isinstance(size, int) else size or ()
        if any(not 16 <= side <= 256 for side in sides):
            raise ValueError("a side must be 16 to 256 pixels")
        return size

    @field_validator("levels")
    @classmethod
    def _levels(cls, levels: Any) -> Any:
        if not isinstance(levels, str) and not levels[0] < levels[1]:
            raise ValueError("low must be < high")
        return levels


class Train(Section):
    """How the networks are trained, and for how long. kimg: thousand real images shown to the
    discriminator."""

    kimg: float = Field(1000.0, gt=0)
    epochs: float | None = Field(None, gt=0)
    """Instead of kimg: passes through the data. Converted to kimg before training."""
    batch: int = Field(64, ge=2)
    seed: int = Field(0, ge=0, lt=2**32)
    tick_kimg: float = Field(20.0, gt=0)
    """Interval at which the state is saved and a line is logged."""
    learning_rate: float = Field(2e-4, gt=0)
    discriminator_learning_rate: float | None = Field(None, gt=0)
    """Unset: the same as `learning_rate`."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    beta2_start: float | None = Field(None, ge=0, lt=1)
    burn_in_kimg: float = Field(0.0, ge=0)
    """Length of the phase in which `beta2` and the penalties' weights change from start to final
    value."""
    burn_in: float = Field(0.0, ge=0, le=1)
    """Instead of burn_in_kimg: its length as a share of the run; 1: the whole run."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How both learning rates fall over the run, to the share `decay_to` of their start."""
    decay_to: float = Field(0.0, ge=0, le=1)
    discriminator_steps: int = Field(1, ge=1)
    freeze: int = Field(0, ge=0)
    """So many of the discriminator's first layers keep their weights (arXiv:2002.10964): for few
    images, where the run begins from other networks."""
    shared_fakes: bool = False
    """Whether the generator's turn takes the fakes of the discriminator's turn: a cheaper step."""
    clip: float = Field(0.0, ge=0)
    """After each of its turns, the discriminator's weights are clipped to [-clip, clip]; 0: not."""
    warmup_kimg: float = Field(0.0, ge=0)
    """Initial phase in which only the discriminator is trained (counted in kimg)."""
    warmup_epochs: float | None = Field(None, gt=0)
    ema_kimg: float = Field(10.0, ge=0)
    """Half-life of the weights' average in the averaged generator; samples are drawn from it."""
    ema_ramp: float = Field(0.1, gt=0)
    heal: bool = False
    """Roll back and apply a fix when the doctor is certain of a failure; see `ganvas doctor`."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of the networks' arithmetic; weights, losses and penalties' sums stay float32.
    bfloat16 is slower on most CPUs."""
    jit: bool = False
    """Compile with XLA: faster on a GPU, slower on a CPU; it draws different noise."""
    steps_per_execution: int = Field(10, ge=1)
    strategy: Literal["auto", "single", "mirrored", "multiworker"] = "auto"
    """Devices that train: one device, every GPU of this machine, or all workers in TF_CONFIG; auto
    uses all that are available."""

    @property
    def burns_in(self) -> bool:
        return bool(self.burn_in or self.burn_in_kimg)


class Watch(Section):
    """What is written during training."""

    grids: int = Field(30, ge=0)
    """Number of image grids, and of saved models, over a whole run."""
    tensorboard: bool = True
    signals: bool = True
    """Whether the signals that `ganvas doctor` reads are recorded, once a tick."""
    histograms: bool = False
    """Whether TensorBoard gets histograms of the logits of real and fake images, with each grid."""


class Scores(Section):
    """Scores of the averaged generator on held-out images during training."""

    times: int = Field(8, ge=0)
    """Number of scorings over a whole run; 0: none, and the last model counts as the best."""
    images: int = Field(1000, ge=100)
    """Images drawn for each scoring."""
    by: Literal["auto", "frechet", "kid"] = "auto"
    """The score that selects the best model; auto: the Frechet distance if there are enough images
    for it, else KID."""
    features: str = "auto"
    """Features for the scores: digits, general, or a model file; auto: chosen by the images."""
    patience: int = Field(0, ge=0)
    """The run stops after so many scorings without a better one; 0: never."""


class Gate(Section):
    """Bounds that the scores of a run must satisfy before it is exported."""

    frechet_max: float | None = Field(None, gt=0)
    kid_max: float | None = None
    precision_min: float | None = Field(None, ge=0, le=1)
    recall_min: float | None = Field(None, ge=0, le=1)
    density_min: float | None = Field(None, ge=0)
    coverage_min: float | None = Field(None, ge=0, le=1)
    diversity_min: float | None = Field(None, ge=0)
    modes_min: float | None = Field(None, ge=0, le=1)
    duplicates_max: float | None = Field(None, ge=0, le=1)
    near_copies_max: float | None = Field(None, ge=0, le=1)


class Privacy(Section):
    """Differential privacy: the discriminator is trained by clipped, noisy gradients. Off unless
    `epsilon` or `noise` is set."""

    epsilon: float | None = Field(None, gt=0)
    """Privacy budget of the whole training."""
    delta: float = Field(1e-5, gt=0, lt=1)
    clip: float = Field(1.0, gt=0)
    """Largest norm of one image's gradient."""
    noise: float | None = Field(None, gt=0)
    """Standard deviation of the noise, in `clip`; unset: the least that `epsilon` allows."""
    key: int | None = Field(None, ge=0, lt=2**62)
    """Seed of samples and noise; unset: drawn at random. Keep it secret: with it, the noise can be
    subtracted."""

    @property
    def on(self) -> bool:
        return self.epsilon is not None or self.noise is not None


class Export(Section):
    """Bounds for a converted file; a file that does not satisfy them is not published."""

    images: int = Field(1000, ge=100)
    """Images that the model and each file draw from the same noise, and that are compared."""
    psnr_min: float = Field(25.0, ge=0)
    """PSNR of those images, in dB; 25 is an error of 14 grey levels (root mean square)."""
    frechet_ratio_max: float = Field(1.25, ge=1)
    """The file's Frechet distance over the model's, if there are enough images for it."""


class Range(Section):
    """Range of values for `tune`: integers if both ends are integers."""

    low: int | float
    high: int | float
    log: bool = False
    """Whether the logarithm of the value, not the value, is uniform."""

    @model_validator(mode="after")
    def _order(self) -> Range:
        if not (self.low < self.high and math.isfinite(self.low + self.high)):
            raise ValueError(f"low must be < high, got low = {self.low:g}, high = {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low > 0, got low = {self.low:g}")
        return self


def ranges(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """[tune] as one level: {dotted key: {low, high} or list}; TOML nests dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and "low" not in value and "high" not in value:
            flat |= ranges(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
