"""The sections of a recipe: every key, its default and its range.

Only this folder imports Pydantic.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .logger_names import LoggerName
from .older import listed, with_loggers


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
    """The images: a name or path, as given on the command line."""
    size: int | tuple[int, int] | None = None
    """Side of the images, or [height, width], in pixels. Unset: the common size of all images if
    its sides are 16 to 64, else the largest power of two up to their median short side, 16 to
    64."""
    channels: int | None = Field(None, ge=1, le=4)
    """Channels of the images. 1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha; unset: as most
    of the images have."""
    fit: Literal["crop", "pad"] = "crop"
    """How another aspect ratio is fitted. crop: cut what is too long; pad: keep the whole image and
    fill with black."""
    labels: bool | str = True
    """Whether classes are used if there are any. A path: a CSV file of labels."""
    holdout: float = Field(0.05, ge=0, lt=1)
    """Share of the images never trained on. At most 5,000 images; none of fewer than 200."""
    flip: bool | Literal["auto"] = False
    """Mirror half of the real images, at random. Samples are mirrored, too; auto: if nothing tells
    the images from their mirror images."""
    shift: float = Field(0.0, ge=0, le=0.5)
    """Shift real images, as a share of their side. At random, up to this, in whole pixels."""
    zoom: float = Field(0.0, ge=0, le=1)
    """Enlarge real images by up to this share. At random; what does not fit is cut."""
    jitter: float = Field(0.0, ge=0, le=1)
    """Change colours of real images, by how much. At random: brightness, contrast, saturation."""
    levels: Literal["auto", "full"] | tuple[int | float, int | float] = "auto"
    """Black and white of images of more than 8 bits. [low, high]: the values that become black and
    white; full: 0 and 65535; auto: by the values in the images. A run stores what it used."""
    balanced: bool = False
    """Draw each class equally often. Independent of its number of images."""
    clusters: int = Field(0, ge=0)
    """Groups of similar images, 0: none. They are used as classes if there are no labels."""
    group_by: Literal["both", "features", "pixels"] = "pixels"
    """What groups are found by. features: of a pretrained network, which follow meaning; pixels:
    colour and layout; both. Recipes of older versions have no such key: their groups stay."""
    cache_gb: float | None = Field(None, ge=0)
    """Memory for decoded images, in GiB. Unset: a quarter of the free memory."""

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
    """Length of the training, in kimg."""
    epochs: float | None = Field(None, gt=0)
    """Instead of kimg: passes over the images. Converted to kimg before training."""
    minutes: float | None = Field(None, gt=0)
    """Instead of kimg: duration of the run, in minutes. Converted to kimg by the speed of the first
    steps; schedules and scoring are fitted to it, and a run stores the result."""
    batch: int = Field(64, ge=2)
    """Images per turn of a network."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of all random numbers."""
    tick_kimg: float = Field(20.0, gt=0)
    """kimg between two saved states. At each, a line is logged, too."""
    learning_rate: float = Field(2e-4, gt=0)
    """Learning rate of the generator. Also the discriminator's, if it has none of its own."""
    discriminator_learning_rate: float | None = Field(None, gt=0)
    """Learning rate of the discriminator. Unset: the same as `learning_rate`."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Optimizer of both networks."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Adam's decay of the mean gradient."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Adam's decay of the mean square."""
    beta2_start: float | None = Field(None, ge=0, lt=1)
    """`beta2` at the first step. It changes to `beta2` within `burn_in_kimg`; unset: constant."""
    burn_in_kimg: float = Field(0.0, ge=0)
    """Length of the burn-in, in kimg. In it, `beta2` and the penalties' weights change from their
    start to their final value."""
    burn_in: float = Field(0.0, ge=0, le=1)
    """Instead of burn_in_kimg: the burn-in as a share of the run. 1: the whole run."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How both learning rates fall over the run. To the share `decay_to` of their start."""
    decay_to: float = Field(0.0, ge=0, le=1)
    """Last learning rates as a share of the first."""
    discriminator_steps: int = Field(1, ge=1)
    """Turns of the discriminator for each of the generator."""
    freeze: int = Field(0, ge=0)
    """Frozen first layers of the discriminator. They keep their weights (arXiv:2002.10964): for few
    images, where the run begins from other networks."""
    shared_fakes: bool = False
    """One set of fakes for both turns. The generator's turn takes the fakes of the discriminator's:
    a cheaper step."""
    clip: float = Field(0.0, ge=0)
    """Bound of the discriminator's weights. After each of its turns they are clipped to [-clip,
    clip]; 0: not."""
    warmup_kimg: float = Field(0.0, ge=0)
    """Length of the warm-up, in kimg. At first only the discriminator is trained; it counts within
    `kimg`."""
    warmup_epochs: float | None = Field(None, gt=0)
    """Instead of warmup_kimg: passes over the images. Converted to kimg before training."""
    ema_kimg: float = Field(10.0, ge=0)
    """Half-life of the weights' average, in kimg. Samples are drawn from the averaged generator."""
    ema_ramp: float = Field(0.1, gt=0)
    """Longest half-life, as a share of kimg so far. So that the initial weights do not dominate the
    average of a short run."""
    heal: bool = False
    """Fix failures during training. Roll back and apply a fix when the doctor is certain of a
    failure; see `ganvas doctor`."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of the networks' arithmetic. Weights, losses and penalties' sums stay float32.
    bfloat16 is slower on most CPUs."""
    jit: bool = False
    """Compile with XLA. Faster on a GPU, slower on a CPU; it draws different noise."""
    steps_per_execution: int = Field(10, ge=1)
    """Steps between returns to Python."""
    strategy: Literal["auto", "single", "mirrored", "multiworker"] = "auto"
    """Devices that train. single: one device; mirrored: every GPU of this machine; multiworker: all
    workers in TF_CONFIG; auto: all that are available."""

    @property
    def burns_in(self) -> bool:
        return bool(self.burn_in or self.burn_in_kimg)


class Watch(Section):
    """What is written during training."""

    grids: int = Field(30, ge=0)
    """Image grids, and saved models, over a whole run. 0: only at its end."""
    loggers: list[LoggerName] = ["tensorboard"]
    """What receives the log, the grids and the recipe. tensorboard: events/; csv: log.csv; wandb,
    mlflow and trackio: experiment trackers, each an extra. log.jsonl is always written."""
    signals: bool = True
    """Record the signals for `ganvas doctor`, once a tick."""
    histograms: bool = False
    """Histograms of the logits in TensorBoard. Of real and fake images, with each grid."""

    _older = model_validator(mode="before")(with_loggers)
    _listed = field_validator("loggers", mode="before")(listed)


TIMES, DRAWN, REAL = 8, 1000, 2000
"""Scorings, images of a scoring and real images, where nothing limits them."""


class Scores(Section):
    """Scores of the averaged generator on held-out images during training.

    Where `times` or `images` is unset, it is chosen by the speed of the first steps, so that
    scoring takes at most `share` of the run's time; a run stores what was chosen."""

    times: int | None = Field(None, ge=0)
    """Scorings over a whole run, 0: none. Unset: 8, or fewer, see `share`. Without any, the last
    model counts as the best."""
    images: int | None = Field(None, ge=100)
    """Images drawn for each scoring but the last. Unset: 1,000, or fewer, see `share`."""
    last_images: int | None = Field(None, ge=100)
    """Images drawn for the last scoring. Unset: as `images`; if that is unset, too, 1,000 or fewer,
    see `share`. If `images` is less, the best model is scored again with as many."""
    real: int | None = Field(None, ge=100)
    """Most real images that are compared with. Unset: 2,000; if `images` is unset, too, 2,000 or
    fewer, see `share`."""
    share: float = Field(0.1, gt=0, le=1)
    """Largest share of the run's time for scoring. Keys that are set are not changed by it; one
    scoring of 100 images is always made."""
    by: Literal["auto", "frechet", "kid"] = "auto"
    """The score that selects the best model. auto: the Frechet distance if there are enough images
    for it, else KID."""
    features: str = "auto"
    """Features: digits, general, auto, or a model file. auto: chosen by the images."""
    patience: int = Field(0, ge=0)
    """Scorings without a better one, then the run stops. 0: never."""

    @property
    def filled(self) -> Scores:
        """With every number: those of a run whose time does not limit them, where one is unset."""
        drawn = self.images or DRAWN
        times = TIMES if self.times is None else self.times
        values = {"images": drawn, "last_images": self.last_images or drawn}
        return self.model_copy(update={**values, "times": times, "real": self.real or REAL})


class Gate(Section):
    """Bounds that the scores of a run must satisfy before it is exported."""

    frechet_max: float | None = Field(None, gt=0)
    """Highest Frechet distance."""
    kid_max: float | None = None
    """Highest KID."""
    precision_min: float | None = Field(None, ge=0, le=1)
    """Lowest share of fakes that look real."""
    recall_min: float | None = Field(None, ge=0, le=1)
    """Lowest share of real images that are covered. By the generator, in feature space."""
    density_min: float | None = Field(None, ge=0)
    """Lowest density of real images near fakes. Real images have about 1."""
    coverage_min: float | None = Field(None, ge=0, le=1)
    """Lowest share of real images near a fake."""
    diversity_min: float | None = Field(None, ge=0)
    """Lowest variety of the fakes. Over that of real images: 1 is equal."""
    modes_min: float | None = Field(None, ge=0, le=1)
    """Lowest share of classes that the fakes show."""
    duplicates_max: float | None = Field(None, ge=0, le=1)
    """Highest share of fakes with a near-duplicate. Among the fakes."""
    near_copies_max: float | None = Field(None, ge=0, le=1)
    """Highest share of near-copies of training images."""


class Privacy(Section):
    """Differential privacy: the discriminator is trained by clipped, noisy gradients. Off unless
    `epsilon` or `noise` is set."""

    epsilon: float | None = Field(None, gt=0)
    """Privacy budget of the whole training."""
    delta: float = Field(1e-5, gt=0, lt=1)
    """Probability that the budget does not hold."""
    clip: float = Field(1.0, gt=0)
    """Largest norm of one image's gradient."""
    noise: float | None = Field(None, gt=0)
    """Standard deviation of the noise, in `clip`. Unset: the least that `epsilon` allows."""
    key: int | None = Field(None, ge=0, lt=2**62)
    """Secret seed of samples and noise. Unset: drawn at random. With it, the noise can be
    subtracted."""

    @property
    def on(self) -> bool:
        return self.epsilon is not None or self.noise is not None


class Export(Section):
    """Bounds for a converted file; a file that does not satisfy them is not published."""

    images: int = Field(1000, ge=100)
    """Images compared, of the model and each file. Both draw them from the same noise."""
    psnr_min: float = Field(25.0, ge=0)
    """Lowest PSNR of those images, in dB. 25 is an error of 14 grey levels (root mean square)."""
    error_max: float = Field(1.0, gt=0, le=2)
    """Largest difference of a value, of images in [-1, 1]."""
    frechet_ratio_max: float = Field(1.25, ge=1)
    """Highest Frechet distance over the model's. Compared if there are enough images for it."""
