"""The names under which loggers show the values of a run, in groups, and what each value means.

TensorBoard, Weights & Biases and Trackio show what is before the first slash as a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...doctor.health_report import SIGNALS
from ...evaluation.scores import SCORES

FLOOR = "_floor"
_LEFT_OUT = ("step", "kimg", "seconds")
"""Of a line of the log: the axis, and the old name of step_seconds."""
_TAGS = {
    "discriminator": "losses/discriminator",
    "generator": "losses/generator",
    "auxiliary": "losses/auxiliary",
    "real": "logits/real",
    "fake": "logits/fake",
    "augment": "training/augment",
    "images_per_second": "time/images_per_second",
    "step_seconds": "time/step_seconds",
    "wall_seconds": "time/wall_seconds",
    "score/seconds": "time/score_seconds",
}
_GROUPS = {"score": "scores", "signal": "signals", "penalty": "penalties", "slope": "slopes"}
_MEANINGS = {
    "losses/discriminator": "Loss of the discriminator, mean over the tick.",
    "losses/generator": "Loss of the generator, mean over the tick.",
    "losses/auxiliary": "Loss of the classes in the discriminator.",
    "logits/real": "Mean logit of real images. Far above fakes: the discriminator is certain.",
    "logits/fake": "Mean logit of generated images.",
    "training/augment": "Strength of the augmentation.",
    "time/images_per_second": "Real images per second of the training steps.",
    "time/step_seconds": "Seconds of the training steps alone, over all sessions.",
    "time/wall_seconds": "Seconds of everything, over all sessions.",
    "time/score_seconds": "Seconds of this scoring.",
    "signals/rate": "Learning rate of the generator, as a share of its start.",
}


def tag(name: str) -> str:
    """The name of a value of the log, with its group."""
    if name in _TAGS:
        return _TAGS[name]
    group, slash, rest = name.partition("/")
    if not slash:
        return f"training/{name}"
    return f"{_GROUPS.get(group, group)}/{rest}"


def meaning(tag: str) -> str:
    """A sentence on the values of a tag; "" where its name says all."""
    group, _, name = tag.partition("/")
    score = name.removesuffix(FLOOR)
    if group == "scores" and name != score:
        return f"The {score} of real images: a perfect generator reaches it."
    if group == "scores" and score in SCORES:
        entry = SCORES[score]
        return f"{entry.meaning[0].upper()}{entry.meaning[1:]}. Best: {entry.better}."
    if group == "penalties":
        return f"The penalty {name}, without its weight, mean over the tick."
    if group == "slopes":
        return f"Norm of the gradient of the {name}, mean over the tick."
    signal = SIGNALS.get(f"signal/{name}", "") if group == "signals" else ""
    return _MEANINGS.get(tag) or (f"Signal of the doctor: {signal}." if signal else "")


def values(row: Mapping[str, Any], floors: Mapping[str, float | None]) -> dict[str, float]:
    """The numbers of a line of the log, by name, with the floor beside each score."""
    found = {
        name: float(value)
        for name, value in row.items()
        if name not in _LEFT_OUT and isinstance(value, (int, float))
    }
    for name, floor in floors.items():
        if f"score/{name}" in found and floor is not None:
            found[f"score/{name}{FLOOR}"] = float(floor)
    return found
