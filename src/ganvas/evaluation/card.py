"""What a report says of the run itself: its data, its recipe, how it was made, what limits it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ..doctor import examine_run, paragraph, verdict
from ..errors import RunError
from ..reports.page import Block, Code, Items, Table, Text
from ..storage.run import Run

MOST_CLASSES = 50
MOST_FILES = 10
_FEATURES = {
    "digits": "The features were learnt from handwritten digits: of other images they see little.",
    "general": "The features were learnt from photographs: on drawings, scans or medical images "
    "they may overlook what matters there.",
}


def data_card(run: Run) -> list[Block]:
    """Where the images came from, what was left out, what speaks against them."""
    data, found = run.info.get("data") or {}, run.read_json("data.json")
    if not data:
        return []
    names = data.get("names") or []
    facts = [
        ("source", str(data["source"])),
        ("images to learn from", f"{data['count']:,}"),
        ("held out, never learnt from", held_out(run)),
        ("size", _shape(data["shape"])),
        ("classes", f"{len(names):,}" if names else "none: the images have no labels"),
        ("fingerprint", str(data["fingerprint"])),
        *_left_out(found),
    ]
    blocks: list[Block] = [_facts(facts, "What the run learnt from")]
    if found.get("warnings"):
        blocks += [Text("The checkup warned:"), Items(found["warnings"])]
    if names:
        blocks.append(_class_table(names, data["class_counts"]))
    return blocks


def held_out(run: Run) -> str:
    """How many images were kept from training; "not known" before the run has written it."""
    used, count = run.read_json("data.json").get("used"), (run.info.get("data") or {}).get("count")
    return "not known" if used is None or count is None else f"{used - count:,}"


def recipe(run: Run) -> list[Block]:
    """config.toml, from which the run can be made again."""
    text = (run.folder / "config.toml").read_text("utf-8")
    return [
        Text("With this file, the same images, versions and device, the run can be made again."),
        Code("config.toml", text),
    ]


def health(run: Run) -> list[Block]:
    """What the doctor says, and which cures the run took."""
    try:
        findings = examine_run(run)
    except RunError:
        return []  # trained without signals
    blocks: list[Block] = [Text(verdict(findings).capitalize() + ".")]
    blocks += [Code(one.disease, "\n".join(paragraph(one))) for one in findings]
    healed = run.info.get("healed") or []
    if healed:
        cures = [f"{o['disease']} at {o['kimg']:g} kimg: {' '.join(o['cure'])}" for o in healed]
        blocks += [Text("Cures it took while it trained:"), Items(cures)]
    return blocks


def how_made(run: Run, results: Mapping[str, Any]) -> list[Block]:
    """Command, versions, device, seed, parent; and how it was scored."""
    info, rows = run.info, run.rows()
    versions = info.get("versions") or {}
    facts = [
        ("command", info.get("command")),
        ("begun", moment(info.get("created"))),
        ("state", info.get("status")),
        ("trained", f"{rows[-1]['kimg']:g} kimg in {_time(rows[-1]['seconds'])}" if rows else None),
        ("seed", str(info["seed"]) if "seed" in info else None),
        ("devices", ", ".join(info.get("devices") or ())),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("started from", info.get("parent")),
        ("weights started anew", ", ".join(info.get("started_anew") or ())),
        ("model scored", results["model"]),
        ("scored", f"{moment(results['evaluated'])}, in {_time(results['seconds'])}"),
        ("features", f"{results['features']}, sha256 {results['features_sha256']}"),
        ("images brought to", results["resize"]),
    ]
    return [_facts([(name, str(fact)) for name, fact in facts if fact], "How the run was made")]


def limits(run: Run, results: Mapping[str, Any]) -> list[Block]:
    """What the numbers do not say, as far as the run and its scores show it."""
    n, info = results["n_fake"], run.info
    sentences = [
        f"The scores hold for {n:,} generated and {results['n_real']:,} real images, as the "
        f"features {results['features']} see them: numbers by other features, of other counts or "
        "from papers do not compare.",
        f"What fewer than 1 in {max(2, n // 3):,} images show may be missed altogether: {n:,} "
        "images leave a 5 % chance of that.",
        _FEATURES.get(results["features"])
        or f"The features {results['features']} see what they were taught to see, no more.",
        _same_source(run),
        ""
        if (info.get("data") or {}).get("names")
        else "The images have no labels: whether each "
        "kind of image is made as often as it should be is seen through the features alone.",
        _copies(info, results),
        _selection(run, results),
        f"One run with one seed ({info['seed']}): another seed gives another generator, and the "
        "intervals do not cover that."
        if "seed" in info
        else "",
        _unfinished(info),
        _floors(results["scores"]),
        _shrunk(run),
        "No gate is set, so nothing here says whether the images are good enough for their purpose."
        if results["gate"]["passed"] is None
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
    """Lines of the checkup, those that have something to say."""
    bad = found.get("unreadable") or []
    some = "; ".join(f"{one['path']} ({one['why']})" for one in bad[:MOST_FILES])
    some += f"; and {len(bad) - MOST_FILES:,} more" if len(bad) > MOST_FILES else ""
    sizes = found.get("sizes") or {}
    facts = [
        ("found", f"{found['found']:,}" if "found" in found else ""),
        ("left out as unreadable", f"{len(bad):,}: {some}" if bad else ""),
        ("files that are no images", f"{found['ignored']:,}" if found.get("ignored") else ""),
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
    rows = [(name, f"{count:,}") for name, count in zip(names, counts, strict=True)]
    caption = "Images of each class to learn from"
    if len(rows) > MOST_CLASSES:
        caption += f" (the first {MOST_CLASSES} of {len(rows):,} classes)"
    return Table(("class", "images"), rows[:MOST_CLASSES], "lr", caption)


def _same_source(run: Run) -> str:
    if held_out(run) == "0":
        return (
            "No image was held out: unless other images were given to compare with, the run has "
            "learnt from them, which flatters it."
        )
    return (
        "Held-out images come from the same source as those it learnt from: nothing here speaks "
        "for other cameras, years or places."
    )


def _copies(info: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    score = results["scores"].get("near_copies")
    if score is None or score["value"] is None:
        why = f" ({score['why']})" if score and score.get("why") else ""
        return f"Copies of training images were not looked for{why}."
    parent = info.get("parent")
    more = f"; those that {parent} learnt from before are not among them" if parent else ""
    return (
        "Copies are looked for among the images that this run learnt from, whole and at no more "
        f"than 32 pixels a side{more}. Mirrored, cut or recoloured copies are not found, and no "
        "copy found is no proof of privacy."
    )


def _selection(run: Run, results: Mapping[str, Any]) -> str:
    best = run.best
    if not best or not str(results["model"]).endswith(str(best.get("model"))):
        return ""
    times = sum(f"score/{best['by']}" in row for row in run.rows())
    return (
        f"The model was chosen as the best of {times} by {best['by']} on held-out images: scored "
        "on the same images again, it looks slightly better than it is."
    )


def _unfinished(info: Mapping[str, Any]) -> str:
    status = info.get("status", "finished")
    return "" if status == "finished" else f"The run is not finished, its state is: {status}."


def _floors(scores: Mapping[str, Any]) -> str:
    bare = [n for n, s in scores.items() if s["value"] is not None and s["floor"] is None]
    if not bare:
        return ""
    return f"Nothing says what real images would score in place of the fakes: {', '.join(bare)}."


def _shrunk(run: Run) -> str:
    shape = (run.info.get("data") or {}).get("shape")
    large = (run.read_json("data.json").get("sizes") or {}).get("largest")
    if not shape or not large or max(large) <= max(shape[:2]):
        return ""
    return (
        f"The images were brought to {_shape(shape[:2])} pixels from up to {_shape(large)}: what "
        "that took from them is neither learnt nor missed."
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
