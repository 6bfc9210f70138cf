"""Sections of a report about the run itself: data, recipe, health, origin, limits."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ..data import header
from ..doctor import diagnose, paragraph, reached, verdict
from ..errors import RunError
from ..reports.language import Name
from ..reports.page import Block, Code, Items, Table, Text
from ..storage.run import Run
from .base import FEWEST_HELD, HELD_OUT, Score
from .result import Evaluation

MOST_CLASSES = 50
MOST_FILES = 10
_FEATURES = {
    "digits": "The features were trained on handwritten digits: use others for other images.",
    "general": "The features were trained on photographs: in drawings, scans or medical images "
    "they may miss what matters.",
}


def data_card(run: Run) -> list[Block]:
    """Source of the images, what was left out, and warnings of the checkup."""
    data, found = run.info.get("data") or {}, run.read_json("data.json")
    if not data:
        return []
    names = data.get("names") or []
    facts = [
        ("source", Name(data["source"])),
        ("training images", f"{data['count']:,}"),
        ("held-out images", held_out(run)),
        ("size", _shape(data["shape"])),
        ("classes", f"{len(names):,}" if names else "none: the images have no labels"),
        ("fingerprint", str(data["fingerprint"])),
        *_left_out(found),
    ]
    blocks: list[Block] = [_facts(facts, "Images of the run")]
    if found.get("warnings"):
        blocks += [Text("Warnings of the checkup:"), Items(found["warnings"])]
    if names:
        blocks.append(_class_table(names, data["class_counts"]))
    return blocks


def held_out(run: Run) -> str:
    """Number of held-out images; "not known" before the run has written it."""
    used, count = run.read_json("data.json").get("used"), (run.info.get("data") or {}).get("count")
    return "not known" if used is None or count is None else f"{used - count:,}"


def recipe(run: Run) -> list[Block]:
    """config.toml, with which the run can be repeated."""
    text = (run.folder / "config.toml").read_text("utf-8")
    return [
        Text("This file, the same images, versions and device reproduce the run."),
        Code("config.toml", text),
    ]


def health(run: Run) -> list[Block]:
    """Findings of the doctor, and fixes that were applied."""
    try:
        diagnosis = diagnose(run)
    except RunError:
        return []  # trained without signals
    blocks: list[Block] = [
        Text(f"{verdict(diagnosis).capitalize()}, {reached(diagnosis.progress)}.")
    ]
    blocks += [Code(one.failure, "\n".join(paragraph(one)), True) for one in diagnosis.findings]
    healed = run.info.get("healed") or []
    if healed:
        fixes = [f"{o['disease']} at {o['kimg']:g} kimg: {' '.join(o['cure'])}" for o in healed]
        blocks += [Text("Fixes applied during training:"), Items(fixes)]
    return blocks


def how_made(run: Run, results: Evaluation) -> list[Block]:
    """Command, versions, device, seed, parent run; and how the scores were computed."""
    info, rows = run.info, run.rows()
    versions = info.get("versions") or {}
    facts = [
        ("command", Name(info.get("command") or "")),
        ("started", moment(info.get("created"))),
        ("state", str(info.get("status") or "")),
        ("trained", f"{rows[-1]['kimg']:g} kimg in {_time(rows[-1]['seconds'])}" if rows else None),
        ("seed", str(info["seed"]) if "seed" in info else None),
        ("devices", ", ".join(info.get("devices") or ())),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("started from", Name(info.get("parent") or "")),
        ("weights initialised anew", ", ".join(info.get("started_anew") or ())),
        ("model scored", results.model),
        ("scored", f"{moment(results.evaluated)}, in {_time(results.seconds)}"),
        ("features", f"{results.features}, sha256 {results.features_sha256}"),
        ("images resized to", results.resize),
    ]
    return [
        _facts([(name, fact) for name, fact in facts if fact], "Origin of the run and its scores")
    ]


def limits(run: Run, results: Evaluation) -> list[Block]:
    """Limits of the scores, as far as they follow from the run."""
    n, info = results.n_fake, run.info
    sentences = [
        f"The scores are valid for {n:,} generated and {results.n_real:,} real images in the "
        f"features {results.features}: they cannot be compared with scores in other features, of "
        "other numbers of images, or from papers.",
        f"A fault that fewer than 1 in {max(2, n // 3):,} images show may be missed: among {n:,} "
        "images it does not occur with a probability of 5 % or more.",
        _FEATURES.get(results.features)
        or f"The features {results.features} only detect what they were trained to detect.",
        _same_source(run),
        ""
        if (info.get("data") or {}).get("names")
        else "The images have no labels: the frequency of each kind of image is measured through "
        "the features only.",
        _copies(info, results.scores),
        _selection(run, results),
        f"This is one run with one seed ({info['seed']}). Another seed gives another generator; "
        "the intervals do not include this variation."
        if "seed" in info
        else "",
        _unfinished(info),
        _floors(results.scores),
        _shrunk(run),
        "No gate is set: the report does not decide whether the images are good enough."
        if results.gate.passed is None
        else "",
    ]
    return [Items([sentence for sentence in sentences if sentence])]


def moment(written: Any) -> str:
    """2026-11-24T19:00:00+00:00 -> 2026-11-24 19:00 UTC; "" for nothing."""
    if not written:
        return ""
    then = datetime.datetime.fromisoformat(str(written))
    return f"{then:%Y-%m-%d %H:%M}" + (f" {then:%Z}" if then.tzinfo else "")


def _facts(facts: Sequence[tuple[str, str]], caption: str) -> Table:
    return Table(("", ""), facts, "ll", caption)


def _left_out(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts of the checkup that are not zero."""
    bad = found.get("unreadable") or []
    some = "; ".join(f"{one['path']} ({one['why']})" for one in bad[:MOST_FILES])
    some += f"; and {len(bad) - MOST_FILES:,} more" if len(bad) > MOST_FILES else ""
    sizes, kinds, ignored = found.get("sizes") or {}, found.get("left_out"), found.get("ignored")
    facts = [
        ("found", f"{found['found']:,}" if "found" in found else ""),
        ("left out as unreadable", f"{len(bad):,}: {some}" if bad else ""),
        ("left out", header.left_out(kinds) if kinds else ""),
        ("files that are not images", f"{found['ignored']:,}" if ignored and not kinds else ""),
        ("equal to an earlier image", f"{found['duplicates']:,}" if "duplicates" in found else ""),
        ("of a single colour", f"{found['constant']:,}" if found.get("constant") else ""),
        ("sizes as found", _sizes(sizes)),
    ]
    return [fact for fact in facts if fact[1]]


def _sizes(sizes: Mapping[str, Sequence[int]]) -> str:
    if not sizes:
        return ""
    small, large, common = (_shape(sizes[key]) for key in ("smallest", "largest", "most_common"))
    return small if small == large else f"{small} to {large}, mostly {common}"


def _shape(shape: Sequence[int]) -> str:
    """[height, width] or [height, width, channels] -> "width × height, grey"."""
    kinds = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}
    return f"{shape[1]} × {shape[0]}" + "".join(f", {kinds[c]}" for c in shape[2:])


def _class_table(names: Sequence[str], counts: Sequence[int]) -> Table:
    rows = [(Name(name), f"{count:,}") for name, count in zip(names, counts, strict=True)]
    caption = "Training images of each class"
    if len(rows) > MOST_CLASSES:
        caption += f" (the first {MOST_CLASSES} of {len(rows):,} classes)"
    return Table(("class", "images"), rows[:MOST_CLASSES], "lr", caption)


def _same_source(run: Run) -> str:
    count = held_out(run)
    if count.isdigit() and int(count) < FEWEST_HELD:
        few = "No image was" if count == "0" else f"Only {count} images were"
        return (
            f"{few} held out: unless other images were given by --data, the scores were computed "
            "with training images, which makes them too good."
        )
    return (
        "Held-out images come from the same source as the training images: the scores do not "
        "apply to other cameras, years or places."
    )


def _copies(info: Mapping[str, Any], scores: Mapping[str, Score]) -> str:
    score = scores.get("near_copies")
    if score is None or score.value is None:
        why = f" ({score.why})" if score and score.why else ""
        return f"Copies of training images were not searched for{why}."
    parent = info.get("parent")
    others = f"; the images of {parent}, from which it began, are not included"
    more = others if parent else ""
    return (
        "Copies are searched for among the training images of this run, as whole images of at most "
        f"32 pixels a side{more}. Mirrored, cropped or recoloured copies are not found. If no copy "
        "is found, this does not prove privacy."
    )


def _selection(run: Run, results: Evaluation) -> str:
    best = run.best
    if not best or not results.model.endswith(str(best.get("model"))):
        return ""
    times = sum(f"score/{best['by']}" in row for row in run.rows())
    if best.get("against", HELD_OUT) != HELD_OUT:
        return f"The model was selected as the best of {times} {best.get('selection', '')}."
    return (
        f"The model was selected as the best of {times} by {best['by']} on held-out images: its "
        "scores on the same images are slightly too good."
    )


def _unfinished(info: Mapping[str, Any]) -> str:
    status = info.get("status", "finished")
    return "" if status == "finished" else f"The run is not finished; its status is: {status}."


def _floors(scores: Mapping[str, Score]) -> str:
    bare = [n for n, s in scores.items() if s.value is not None and s.floor is None]
    return f"These scores have no floor: {', '.join(bare)}." if bare else ""


def _shrunk(run: Run) -> str:
    shape = (run.info.get("data") or {}).get("shape")
    large = (run.read_json("data.json").get("sizes") or {}).get("largest")
    if not shape or not large or max(large) <= max(shape[:2]):
        return ""
    return (
        f"The images were reduced to {_shape(shape[:2])} pixels from up to {_shape(large)}: the "
        "scores do not measure the detail that was lost."
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
