"""The sections of a recipe: every key, its default and its range.

Pydantic lives in this folder and nowhere else.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """Fixed once read, and nothing beside the keys below."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class Data(Section):
    """Which images, and what they look like when the networks see them."""

    source: str = ""
    """The word or path given on the command line."""
    size: int | tuple[int, int] | None = None
    """Side, or [height, width], in pixels; unset: see `data.Options`."""
    channels: int | None = Field(None, ge=1, le=4)
    fit: Literal["crop", "pad"] = "crop"
    """What happens to other aspect ratios."""
    labels: bool = True
    """Whether classes are used where the images have them."""
    holdout: float = Field(0.05, ge=0, lt=1)
    """Share of images never trained on (at most 5,000; none under 200 images)."""
    flip: bool = False
    shift: float = Field(0.0, ge=0, le=0.5)
    zoom: float = Field(0.0, ge=0, le=1)
    jitter: float = Field(0.0, ge=0, le=1)
    """Augmentation in the pipeline: mirror, move, enlarge, and change colours, by how much."""
    balanced: bool = False
    """Whether each class is drawn equally often, however many images it has."""
    clusters: int = Field(0, ge=0)
    """Groups of alike images to learn by, where there are no labels."""
    cache_gb: float | None = Field(None, ge=0)

    @field_validator("size")
    @classmethod
    def _size(cls, size: Any) -> Any:
        sides = (size,) if isinstance(size, int) else size or ()
        if any(not 16 <= side <= 256 for side in sides):
            raise ValueError("a side must be 16 to 256 pixels")
        return size


class Train(Section):
    """How the game is played, and for how long. kimg: thousand real images shown to the
    discriminator."""

    kimg: float = Field(1000.0, gt=0)
    epochs: float | None = Field(None, gt=0)
    """Instead of kimg: times through the data. Resolved to kimg before training."""
    batch: int = Field(64, ge=2)
    seed: int = Field(0, ge=0, lt=2**32)
    tick_kimg: float = Field(20.0, gt=0)
    """How often the state is saved and a line is logged."""
    learning_rate: float = Field(2e-4, gt=0)
    discriminator_learning_rate: float | None = Field(None, gt=0)
    """Unset: the same as `learning_rate`."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    beta2_start: float | None = Field(None, ge=0, lt=1)
    burn_in_kimg: float = Field(0.0, ge=0)
    """Over how long `beta2` and the penalties' weights leave their start values."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How both learning rates fall over the run, down to `decay_to` of their start."""
    decay_to: float = Field(0.0, ge=0, le=1)
    discriminator_steps: int = Field(1, ge=1)
    clip: float = Field(0.0, ge=0)
    """The discriminator's weights are clipped to this after each of its turns; 0: not at all."""
    warmup_kimg: float = Field(0.0, ge=0)
    """At first only the discriminator learns, for so long (within kimg)."""
    warmup_epochs: float | None = Field(None, gt=0)
    ema_kimg: float = Field(10.0, ge=0)
    """Half-life of the averaged generator, from which samples are drawn."""
    ema_ramp: float = Field(0.1, gt=0)
    heal: bool = False
    """Go back and take a cure when the doctor is certain of a disease; see `ganvas doctor`."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the networks' arithmetic; weights, losses and penalties' sums stay float32. Slower on
    most CPUs."""
    jit: bool = False
    """Compile with XLA: worth it on a GPU, slower on a CPU; it draws other noise."""
    steps_per_execution: int = Field(10, ge=1)
    strategy: Literal["auto", "single", "mirrored", "multiworker"] = "auto"
    """Who plays: one device, every GPU of this machine, or all workers in TF_CONFIG; auto takes
    what there is."""


class Watch(Section):
    """What is written while training."""

    grids: int = Field(30, ge=0)
    """Image grids, and saved models, over a whole run."""
    tensorboard: bool = True
    signals: bool = True
    """What `ganvas doctor` reads, once a tick."""
    histograms: bool = False
    """The discriminator's logits on real and fake images, in TensorBoard, per grid."""


class Scores(Section):
    """When the averaged generator is scored on held-out images while it learns, and what for."""

    times: int = Field(8, ge=0)
    """Scorings over a whole run; 0: never, and the last model counts as the best."""
    images: int = Field(1000, ge=100)
    """Images drawn for each."""
    by: Literal["auto", "frechet", "kid"] = "auto"
    """What the best model is the best in: the Frechet distance where so few images allow it."""
    features: str = "auto"
    """In which features: digits, general, or a model file; auto goes by the images."""
    patience: int = Field(0, ge=0)
    """The run stops after so many scorings without a better one; 0: never."""


class Gate(Section):
    """What `evaluate` demands of a run before it may be exported."""

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
    """Differential privacy: the discriminator learns by clipped, noisy gradients. Off unless
    `epsilon` or `noise` is set."""

    epsilon: float | None = Field(None, gt=0)
    """What the whole training may spend."""
    delta: float = Field(1e-5, gt=0, lt=1)
    clip: float = Field(1.0, gt=0)
    """The most one image may move a sum of gradients."""
    noise: float | None = Field(None, gt=0)
    """Standard deviation of the noise, in `clip`; unset: the least that `epsilon` allows."""
    key: int | None = Field(None, ge=0, lt=2**62)
    """Of samples and noise; unset: drawn at random. Who knows it can take the noise away."""

    @property
    def on(self) -> bool:
        return self.epsilon is not None or self.noise is not None


class Export(Section):
    """What a converted file must keep of the model, or it is not published."""

    images: int = Field(1000, ge=100)
    """Images drawn, by the model and by each file from the same noise, and compared."""
    psnr_min: float = Field(25.0, ge=0)
    """Of those images, in dB; 25 is an error of 14 grey levels (root mean square)."""
    frechet_ratio_max: float = Field(1.25, ge=1)
    """The file's Frechet distance over the model's, where so few images allow one."""


class Range(Section):
    """Values that `tune` may choose from: whole numbers where both ends are."""

    low: int | float
    high: int | float
    log: bool = False
    """Whether each factor, not each difference, is as likely."""

    @model_validator(mode="after")
    def _order(self) -> Range:
        if not (self.low < self.high and math.isfinite(self.low + self.high)):
            raise ValueError(f"low must be < high, got low = {self.low:g}, high = {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low > 0, got low = {self.low:g}")
        return self


def ranges(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """[tune] with dotted keys, which TOML nests, as one level: {key: {low, high} or list}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and "low" not in value and "high" not in value:
            flat |= ranges(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
