"""Failures of training, and the patterns of signs by which they are detected.

A pattern holds if all of its signs hold for its number of consecutive ticks. Numbers are relative:
to real images in the same place, to the spread of the logits, or to the run's earlier values. They
were set on the even seeds of `benchmarks/doctor.py` and are reported on the odd ones.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """A failure of training.

    Attributes:
        name: as in JSON.
        meaning: one line for users.
        fixes: names in `fixes.CHANGES` to apply together; if the failure occurs again, the next.
        source: where it is described.
    """

    name: str
    meaning: str
    fixes: tuple[tuple[str, ...], ...]
    source: str


@dataclass(frozen=True)
class Sign:
    """A number of the log (or derived from it, see `diagnosis.signals_of`) within bounds."""

    signal: str
    least: float = float("-inf")
    most: float = float("inf")

    def holds(self, row: dict[str, float]) -> bool:
        return self.signal in row and self.least <= row[self.signal] <= self.most


@dataclass(frozen=True)
class Pattern:
    """Signs of a failure, for a number of consecutive ticks."""

    failure: str
    severity: str
    signs: tuple[Sign, ...]
    ticks: int = 3


FAILURES = {
    failure.name: failure
    for failure in (
        Failure(
            "bad_data",
            "there are too few images, or they are too similar",
            (("augment",),),
            "Karras et al. 2020, arXiv:2006.06676",
        ),
        Failure(
            "divergence",
            "numbers grow without bound",
            (("rates", "slope"), ("loss", "normalise"), ("slower",)),
            "Mescheder et al. 2018, arXiv:1801.04406",
        ),
        Failure(
            "discriminator_collapse",
            "the discriminator does not separate real from fake, so the generator is not trained",
            (("rates", "loss"), ("capacity", "slope"), ("quick",)),
            "Goodfellow 2016, arXiv:1701.00160, section 5.1",
        ),
        Failure(
            "mode_collapse",
            "the generator repeats few images",
            (("rates", "slope", "loss"), ("minibatch", "normalise", "capacity"), ("quick",)),
            "Salimans et al. 2016, arXiv:1606.03498; Lin et al. 2018, arXiv:1712.04086",
        ),
        Failure(
            "vanishing_gradient",
            "the discriminator is so certain that the generator's gradient is nearly zero",
            (("rates", "slope", "loss"), ("normalise", "capacity"), ("quick",)),
            "Arjovsky & Bottou 2017, arXiv:1701.04862",
        ),
        Failure(
            "oscillation",
            "the networks do not converge: the images change as a whole from tick to tick",
            (("rates", "slope", "average"), ("loss", "normalise"), ("quick",)),
            "Mescheder et al. 2018, arXiv:1801.04406",
        ),
        Failure(
            "penalty_dominates",
            "the gradient penalty, not the images, decides what the discriminator says",
            (("anneal",), ("lighter", "slower")),
            "Mescheder et al. 2018, arXiv:1801.04406; Huang et al. 2024, arXiv:2501.05441",
        ),
        Failure(
            "overfitting",
            "the discriminator has memorised the training images",
            (("augment",), ("slope",)),
            "Karras et al. 2020, arXiv:2006.06676, section 2",
        ),
        Failure(
            "artifacts",
            "the images have a checkerboard pattern, or saturated pixels",
            (("rates", "normalise"), ("quick",)),
            "Odena et al. 2016, doi:10.23915/distill.00003",
        ),
    )
}
"""In the order of findings that are equally certain: causes before effects."""

BAD = Sign("distance", least=0.1)
STUCK = Sign("stall", least=0.75)
DOMINATED = (Sign("penalty_share", least=0.75), Sign("pace", least=0.1))
"""Of a discriminator that learns: one that does not has no gradient to penalise, either."""

PATTERNS = (
    Pattern("bad_data", "certain", (Sign("data/used", most=100),), 1),
    Pattern("bad_data", "suspected", (Sign("data/used", most=500),), 1),
    Pattern("bad_data", "certain", (Sign("data/duplicates", least=0.5),), 1),
    Pattern("bad_data", "suspected", (Sign("data/duplicates", least=0.2),), 1),
    Pattern("bad_data", "suspected", (Sign("data/constant", least=0.1),), 1),
    Pattern("divergence", "certain", (Sign("finite", most=0.5),), 1),
    Pattern("divergence", "certain", (Sign("surge", least=50),), 1),
    Pattern("divergence", "certain", (Sign("gap", least=1000),), 2),
    Pattern("divergence", "certain", (Sign("gap", least=100), BAD), 3),
    Pattern("discriminator_collapse", "certain", (Sign("separation", most=0.6), BAD, STUCK)),
    Pattern("discriminator_collapse", "certain", (Sign("pace", most=0.01),), 2),
    Pattern("mode_collapse", "certain", (Sign("duplicates", least=0.5), BAD, STUCK)),
    Pattern("mode_collapse", "certain", (Sign("duplicates", least=0.8), BAD), 5),
    Pattern("mode_collapse", "certain", (Sign("diversity", most=0.5), STUCK)),
    Pattern("mode_collapse", "certain", (Sign("lite0/diversity", most=0.3), STUCK)),
    Pattern("mode_collapse", "suspected", (Sign("coverage", most=0.5), Sign("distance", most=0.1))),
    Pattern("vanishing_gradient", "certain", (Sign("separation", least=0.98), BAD, STUCK)),
    Pattern(
        "vanishing_gradient",
        "certain",
        (Sign("separation", least=0.97), Sign("rise", least=0.05), STUCK),
        4,
    ),
    Pattern("oscillation", "certain", (Sign("drift", least=0.7), STUCK), 4),
    Pattern("penalty_dominates", "certain", (*DOMINATED, Sign("decline", least=2))),
    Pattern("penalty_dominates", "certain", (*DOMINATED, Sign("setback", least=1.5))),
    Pattern("penalty_dominates", "certain", (*DOMINATED, BAD, STUCK), 4),
    Pattern("penalty_dominates", "suspected", (*DOMINATED, STUCK), 4),
    Pattern("overfitting", "certain", (Sign("memory", least=0.8),)),
    Pattern("overfitting", "suspected", (Sign("memory", least=0.7),)),
    Pattern(
        "artifacts", "suspected", (Sign("checkerboard", least=1.0), Sign("distance", most=0.1))
    ),
    Pattern("artifacts", "suspected", (Sign("saturated", least=0.3),)),
)
"""By which each failure is detected."""
