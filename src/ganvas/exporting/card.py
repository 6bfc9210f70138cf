"""MODEL_CARD.md: the facts of the manifest as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..reports.language import Name
from ..reports.page import Block, Items, Page, Section, Table, Text
from ..reports.tables import number
from .child import ROUNDS
from .quantizers import AI_EDGE, WITHOUT

UNDECIDED = (
    "The recipe sets no bounds for the scores (a gate), so nothing decides whether this is good "
    "enough for a purpose."
)

LIKENESS = (
    "Its images resemble the training images, with their gaps and their bias.",
    "An image may be a near-copy of a training image: ganvas evaluate counts them.",
)


def card(facts: Mapping[str, Any], folder: Path, lang: str = "") -> str:
    """The card of a version, as Markdown, in a language."""
    passed = facts["gate"]["passed"]
    verdict = {
        True: "It passes the gate of its recipe.",
        False: "It FAILS the gate of its recipe and was published with --unvalidated.",
        None: _measured(facts),
    }
    return Page(
        title=f"{folder.resolve().parent.name}, version {folder.name}",
        verdict=verdict[passed],
        tone="",
        reasons=facts["gate"]["failed"] if passed is not None else [UNDECIDED],
        lines=[
            f"A generator of images, {size(facts['shape'])}, from the run {facts['run']} with the "
            f"recipe {facts['recipe']}."
        ],
        sections=[
            Section("Inputs and outputs", _interface(facts)),
            Section("Files", _files(facts)),
            *([Section("Which file to take", _choice(facts))] if "quantizers" in facts else []),
            Section("Scores", _scores(facts)),
            Section("Origin", [_origin(facts)]),
            Section("Limits", [Items(_limits(facts))]),
        ],
        footer="manifest.json contains these numbers and the sha256 of every file.",
    ).markdown(lang)


def _measured(facts: Mapping[str, Any]) -> str:
    """The score of the generator that comes first, where no bounds decide."""
    files = facts["artefacts"].values()
    measured = [s for file in files for s in file.get("scores", {}).items()]
    for name in ("kid", "frechet"):
        for found, score in measured:
            if found == name and score["model"]["value"] is not None:
                floor = score["model"].get("floor")
                real = "" if floor is None else f" where real images get {number(floor)}"
                return f"The generator's {name} is {number(score['model']['value'])}{real}."
    return f"Not judged: {facts['judged_without'] or 'there are no scores'}."


def _interface(facts: Mapping[str, Any]) -> list[Block]:
    label = facts["conditional"]
    rows = [
        ("serving_default", f"z float32 [N, {facts['noise_size']}], standard normal"
         + (", label int32 [N]" if label else ""),
         f"images float32 [N, {', '.join(map(str, facts['shape']))}] in [-1, 1]"),
        ("generate", f"num_images int32 (1 to {facts['most_images']}), seed int32 [2], "
         "truncation float32 (above 0 to 2; 1 is as in training)"
         + (", label int32 (-1: with the frequencies of training)" if label else ""),
         "image_bytes, PNG files [N]; the k-th depends on seed and k alone"),
    ]  # fmt: skip
    blocks: list[Block] = [Table(("signature", "inputs", "outputs"), rows, "lll", "SavedModel")]
    blocks.append(
        Text(
            "LiteRT files have the inputs and outputs of serving_default, for one image at a time. "
            "In model_int8.tflite, z and images are int8, with the scale and zero point that the "
            "file contains."
        )
    )
    if facts["names"]:
        names = (f"{index}: {name}" for index, name in enumerate(facts["names"]))
        blocks.append(Text("Labels: " + ", ".join(names)))
    elif label:
        count = len(facts["class_shares"])
        blocks.append(Text(f"Labels are {count} groups of similar images, found by clustering."))
    return blocks


def _files(facts: Mapping[str, Any]) -> list[Block]:
    rows = []
    for name, found in facts["artefacts"].items():
        rows.append((
            name, found.get("quantizer", ""), f"{found['bytes'] / 1000:,.0f}",
            f"{found['psnr']:.1f}", f"{found['largest_error']:.2g}", milliseconds(found, "1"),
            milliseconds(found, "2"), number(found.get("time_over_float32")), _delegates(found),
        ))  # fmt: skip
    header = ("artefact", "by", "kB", "PSNR, dB", "largest error", "ms, 1 thread", "ms, 2 threads",
              "over float32", "delegates")  # fmt: skip
    caption = (
        "Each file was run after writing and compared with the generator; images are in [-1, 1]. "
        "Milliseconds of one image: median, and the lowest and highest of "
        f"{ROUNDS} rounds in which the files took turns; with one thread, of processor time"
    )
    blocks: list[Block] = [Table(header, rows, "llrrrrrrl", caption)]
    if any("delegates" in found for found in facts["artefacts"].values()):
        blocks.append(
            Text(
                "XNNPACK runs the parts of a file that it can take, each as one delegate; the "
                "operations outside are named. With one, data is not copied between parts."
            )
        )
    if facts["withheld"]:
        blocks.append(Text("Written, but not published:"))
        blocks.append(
            Items([f"{name}: {'; '.join(why)}" for name, why in facts["withheld"].items()])
        )
    if facts.get("quantizers", {}).get(AI_EDGE, "") is None:
        blocks.append(Text(WITHOUT.replace("`", "")))
    return blocks


def milliseconds(found: Mapping[str, Any], threads: str) -> str:
    """Median and spread of an artefact's latency."""
    middle = found.get("latency_ms", {}).get(threads)
    low, high = found.get("spread_ms", {}).get(threads, (None, None))
    return number(middle) + (f" ({low:.3g} to {high:.3g})" if low is not None else "")


def _delegates(found: Mapping[str, Any]) -> str:
    if "delegates" not in found:
        return ""
    outside = sorted(set(found["outside"]))
    return f"{found['delegates']}" + (f", outside: {', '.join(outside)}" if outside else "")


def _choice(facts: Mapping[str, Any]) -> list[Block]:
    """Which file to take on what."""
    files = {n: f for n, f in facts["artefacts"].items() if n.endswith(".tflite")}
    floats = {name: found for name, found in files.items() if name != "model_int8.tflite"}
    if not floats:
        return [Text("There is no LiteRT file with float input and output.")]
    fastest = min(floats, key=lambda name: floats[name]["latency_ms"]["1"])
    smallest = min(floats, key=lambda name: floats[name]["bytes"])
    exact = "model_float32.tflite"
    int8 = "model_int8.tflite" if "model_int8.tflite" in files else "none is published"

    def why(name: str, measure: str) -> str:
        size = f"{floats[name]['bytes'] / 1000:,.0f} kB"
        return f"{measure}: {milliseconds(floats[name], '1')} ms at one thread, {size}"

    rows = [
        ("processor of a server, a desktop, a phone or a small board", fastest,
         why(fastest, "the fastest with float input and output")),
        ("browser", smallest, why(smallest, "the smallest to load; int8 input is not accepted")),
        ("GPU of a phone", exact if exact in files else smallest,
         "GPU delegates compute in float; not measured here"),
        ("NPU, DSP or microcontroller", int8,
         "integers throughout, input and output too; not measured here"),
        ("the same images as the generator", exact if exact in files else "saved_model",
         "no quantisation"),
    ]  # fmt: skip
    return [Table(("on", "file", "because"), rows, "lll", "By what was measured at the export")]


def _scores(facts: Mapping[str, Any]) -> list[Block]:
    rows = []
    for artefact, found in facts["artefacts"].items():
        for name, one in found.get("scores", {}).items():
            change = one["change"]
            rows.append((
                Name(artefact), Name(name), number(one["model"]["value"]),
                number(one["file"]["value"]),
                f"{change['value']:+.3g}", f"{change['low']:+.3g} to {change['high']:+.3g}",
            ))  # fmt: skip
    if not rows:
        return [Text(f"No scores: {facts['judged_without']}.")]
    header = ("artefact", "score", "generator", "file", "change", "95 % interval")
    caption = "Scores of the generator and of each file, with the same noise and real images"
    return [Table(header, rows, "llrrrr", caption)]


def _origin(facts: Mapping[str, Any]) -> Table:
    data = facts["data"]
    rows = [
        ("run", Name(facts["run"])),
        ("generator", Name(facts["model"])),
        ("recipe", Name(facts["recipe"])),
        ("exported", facts["created"]),
        ("training images", f"{data['count']:,}" if "count" in data else "not known"),
        ("their fingerprint", data.get("fingerprint", "not known")),
        ("differential privacy", bound(facts.get("privacy"))),
        ("versions", ", ".join(f"{name} {value}" for name, value in facts["versions"].items())),
    ]
    return Table(("", ""), rows, "ll", "Origin of the generator")


def bound(spent: Mapping[str, Any] | None) -> str:
    if not spent:
        return "none"
    return f"epsilon {spent['epsilon']:.3g} at delta {spent['delta']:g} for each {spent['unit']}"


def _limits(facts: Mapping[str, Any]) -> list[str]:
    return [
        *LIKENESS,
        "Milliseconds were measured on the exporting machine; ganvas bench measures on yours.",
        "int8 files clip noise outside their ranges: use a truncation of 1 or less.",
    ]


def size(shape: list[int]) -> str:
    return f"{shape[0]}×{shape[1]} px with {shape[2]} channel{'s' * (shape[2] > 1)}"
