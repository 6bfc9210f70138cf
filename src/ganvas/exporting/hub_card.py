"""The card of a model for a hub: README.md, with the metadata that the hub reads.

The metadata is YAML, whose values are written as JSON: JSON is YAML, and quotes all text.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.files import read_object
from ..base.types import StrPath
from ..errors import ModelError, UsageError
from ..evaluation.score_report import EVALUATION
from ..reports.page import Block, Code, Items, Page, Picture, Section, Table, Text
from ..reports.tables import number
from ..storage import manifest
from ..storage.facts import check_facts
from ..storage.run import Run
from .card import LIKENESS, bound, size

TASK = "unconditional-image-generation"
SAMPLES = "samples.png"
WEIGHTS = "generator.safetensors"
TITLES = {
    "kid": "KID", "frechet": "Fréchet distance", "coverage": "Coverage", "precision": "Precision",
    "recall": "Recall", "near_copies": "Near-copies", "duplicates": "Duplicates",
}  # fmt: skip
"""Of the scores that a card shows."""
UNKNOWN = "its author states no licence: ask before you use it"
UNSCORED = "the scores of this generator were not measured: see `ganvas evaluate`"
PRIVATE = "its privacy bound does not allow another use of the training images"


@dataclass(frozen=True)
class About:
    """What a card says of a generator.

    Attributes:
        data: of the training images: "count", "fingerprint", "shape".
        scores: by name: "value", "low", "high", "floor"; empty if there are none.
        judged: how they were measured, or why there are none.
        verdict: what the images are, in a sentence; "" if nothing was measured.
    """

    recipe: str
    shape: list[int]
    names: list[str]
    conditional: bool
    data: Mapping[str, Any]
    privacy: Mapping[str, Any] | None
    scores: Mapping[str, Mapping[str, float | None]]
    judged: str
    verdict: str = ""


def of_model(folder: StrPath) -> About:
    """Of an exported model: its manifest has the scores of the export.

    Raises: ModelError: the manifest is damaged, or not one of `ganvas export`.
    """
    damaged = ModelError(f"{folder} is no exported generator: export a run with `ganvas export`")
    facts = check_facts(manifest.verify(folder), damaged)
    try:
        return _of_facts(facts)
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged from error


def _of_facts(facts: Mapping[str, Any]) -> About:
    found: dict[str, Any] = {}
    for file in facts["artefacts"].values():
        for name, one in file.get("scores", {}).items():
            found.setdefault(name, one["model"])
    return About(
        recipe=facts["recipe"], shape=facts["shape"], names=facts["names"],
        conditional=facts["conditional"], data=facts["data"], privacy=facts["privacy"],
        scores=_clean(found),
        judged="Measured by `ganvas export`." if found else facts["judged_without"] or UNSCORED,
    )  # fmt: skip


def of_run(run: Run, model: str = "best") -> About:
    """Of a run: the scores are those of `ganvas evaluate`, if it judged the same generator."""
    info, images, found = run.info, run.images, {}
    with contextlib.suppress(OSError, ValueError):
        found = read_object(run.folder / EVALUATION)
    file = next(iter(run.candidates(model)), None)
    same = file is not None and Path(str(found.get("model"))).name == file.name
    private = info.get("privacy")
    data: Mapping[str, Any] = info.get("data") or {}
    keys = ("count", "shape") if private else ("count", "shape", "fingerprint")
    scores = _clean(found.get("scores")) if same and not private else {}
    judged = (
        f"Measured by `ganvas evaluate` on {found.get('n_fake')} generated and "
        f"{found.get('n_real')} real images, with the features {found.get('features')}."
    )
    return About(
        recipe=run.config.recipe, shape=[*images["shape"]], names=[*images["names"]],
        conditional=bool(images["class_shares"]), data={k: data[k] for k in keys if k in data},
        privacy=private, scores=scores, judged=judged if scores else PRIVATE if private else
        UNSCORED, verdict=str(found.get("headline") or "") if scores else "",
    )  # fmt: skip


def _clean(scores: Any) -> dict[str, dict[str, float | None]]:
    """The scores that are shown, and that are numbers."""
    found: dict[str, dict[str, float | None]] = {}
    for name in TITLES:
        one = scores.get(name) if isinstance(scores, Mapping) else None
        if isinstance(one, Mapping) and _number(one.get("value")) is not None:
            found[name] = {key: _number(one.get(key)) for key in ("value", "low", "high", "floor")}
    return found


def _number(value: Any) -> float | None:
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None


def check_license(name: str | None) -> None:
    """Raises: UsageError: it cannot be the name of a licence on a hub."""
    if name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]{0,63}", name):
        raise UsageError(
            f"--license {name} is no identifier: give one that the hub knows, such as apache-2.0, "
            "cc-by-4.0 or other"
        )


def hub_card(
    about: About, name: str, license: str | None = None, address: str = "", weights: bool = False
) -> str:
    """README.md for a hub.

    Args:
        name: of the model.
        license: identifier of its licence; None: none is stated, and the card says so.
        address: where it is pushed to; "": unknown yet.
        weights: whether generator.safetensors is beside it.
    """
    check_license(license)
    kind = "A class-conditional generator" if about.conditional else "A generator"
    page = Page(
        title=name,
        verdict=about.verdict or _measured(about),
        tone="",
        reasons=[],
        lines=[
            f"{kind} of images, {size(about.shape)}, made by ganvas with the recipe "
            f"{about.recipe}.",
            f"Licence: {license or UNKNOWN}.",
        ],
        sections=[
            Section("Samples", [_picture(about)]),
            Section("Use", _use(address or "hf://USER/NAME", weights)),
            Section("Scores", _scores(about)),
            Section("Origin", [_origin(about)]),
            Section("Limits", [Items(LIKENESS)]),
        ],
        footer="Made by ganvas. Files of generated images say in their metadata that they are "
        "synthetic.",
    )
    return f"{_metadata(about, name, license)}\n{page.markdown()}"


def _measured(about: About) -> str:
    """The first score, where no evaluation has a sentence."""
    for name, one in about.scores.items():
        floor = one["floor"]
        real = "" if floor is None else f" where real images get {number(floor)}"
        return f"{TITLES[name]} {number(one['value'])}{real}."
    return "Its scores were not measured."


def _metadata(about: About, name: str, license: str | None) -> str:
    values: dict[str, Any] = {"library_name": "ganvas", "pipeline_tag": TASK}
    values |= {"license": license} if license else {}
    values["tags"] = ["gan", "image-generation", "ganvas", "tensorflow", "keras"]
    values["tags"] += ["class-conditional"] if about.conditional else []
    values["tags"] += ["differential-privacy"] if about.privacy else []
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items()]
    if about.scores:
        metrics = [
            {"type": score, "name": f"{TITLES[score]}{_interval(one)}", "value": one["value"]}
            for score, one in about.scores.items()
        ]
        count = about.data.get("count")
        result = {
            "task": {"type": TASK, "name": "Image generation"},
            "dataset": {
                "type": "images",
                "name": f"{count} training images" if count else "training images",
            },
            "metrics": metrics,
        }
        index = json.dumps([{"name": name, "results": [result]}], indent=2, ensure_ascii=True)
        lines.append(f"model-index: {index}")
    return "\n".join(["---", *lines, "---", ""])


def _interval(one: Mapping[str, float | None]) -> str:
    low, high = one.get("low"), one.get("high")
    if low is None or high is None:
        return ""
    return f" (95 % interval {number(low)} to {number(high)})"


def _picture(about: About) -> Block:
    import numpy as np

    shown = np.zeros((1, 1, 1), np.uint8)  # only HTML holds pixels
    return Picture(shown, "generated images", "Generated images, drawn at random, not chosen.",
                   link=SAMPLES)  # fmt: skip


def _use(address: str, weights: bool) -> list[Block]:
    blocks: list[Block] = [
        Code("In Python, after pip install 'ganvas[hub,train]'",
             f'import ganvas\n\npictures = ganvas.load("{address}").sample(16)  '
             "# uint8 [16, H, W, C]", language="python"),
        Code("On the command line", f"ganvas sample {address} --out grid.png", language="sh"),
    ]  # fmt: skip
    if weights:
        blocks.append(
            Text(
                f"{WEIGHTS} holds the weights alone, as arrays by name, for other libraries. The "
                "folder with the number of the version holds the model: its manifest lists every "
                "file with its sha256, and MODEL_CARD.md describes inputs and outputs."
            )
        )
    return blocks


def _scores(about: About) -> list[Block]:
    if not about.scores:
        return [Text(f"No scores: {about.judged.replace('`', '')}.")]
    rows = [
        (TITLES[name], number(one["value"]),
         f"{number(one['low'])} to {number(one['high'])}", number(one["floor"]))
        for name, one in about.scores.items()
    ]  # fmt: skip
    header = ("score", "value", "95 % interval", "real images get")
    absent = [name for name in ("kid", "coverage", "precision", "recall")
              if name not in about.scores]  # fmt: skip
    blocks: list[Block] = [Table(header, rows, "lrrr", about.judged.replace("`", ""))]
    if absent:
        blocks.append(Text(f"Not measured: {', '.join(TITLES[one] for one in absent)}."))
    return blocks


def _origin(about: About) -> Table:
    count = about.data.get("count")
    rows = [
        ("recipe", about.recipe),
        ("training images", f"{count:,}" if isinstance(count, int) else "not known"),
        ("their fingerprint", str(about.data.get("fingerprint", "not known"))),
        ("classes", ", ".join(about.names[:50]) + ", ..." * (len(about.names) > 50)
         or "none with a name"),
        ("differential privacy", bound(about.privacy)),
    ]  # fmt: skip
    return Table(("", ""), rows, "ll", "Origin of the generator")
