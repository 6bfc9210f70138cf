"""What is said about the images before the work begins, if progress is reported. Needs no
TensorFlow."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..base.messages import log
from ..base.printing import on_one_line
from ..base.progress import say
from .findings import FEW, Report
from .listing import Listing
from .naming import check_labels, check_named
from .walk import IMAGE, NO_IMAGE

if TYPE_CHECKING:
    from ..config import Config

_WIDTH = 80
_INDENT = 11
_CLASSES = 6  # that are named
_REASONS = 6


def header(source: Listing, more: Mapping[str, str] | None = None) -> list[str]:
    """Aligned lines of at most 80 columns: images, classes, form, layout, what is left out.

    Args:
        source: the images.
        more: further lines, such as the recipe and the run folder: name -> text.
    """
    return [*_lines(_found(source)), *_lines(_settled(source, more))]


def show(source: Listing, more: Mapping[str, str] | None = None) -> None:
    """Write the header, and the warnings of the checkup, one per line."""
    show_found(source)
    show_used(source, more)


def show_request(config: Config, data: Any = None, run: str = "", *, networks: str = "") -> None:
    """Write what was asked for, which is known before anything is read. Written once: a command
    calls this before it imports TensorFlow, and then the function that does the work. Images that
    cannot be there are refused first.

    Args:
        data: the images, if they are not those of the recipe.
        run: the folder of a run that is resumed.
        networks: how networks that the caller gave are used.
    """
    name = config.data.source if data is None else data
    check_named(name)
    check_labels(config.data.labels)
    known = isinstance(name, (str, os.PathLike)) and os.fspath(name)
    rows = {
        "data": os.fspath(name) if known else _unnamed(name),
        "recipe": _recipe(config),
        "networks": networks,
        "run": run,
    }
    for line in _lines(rows.items()):
        say(line, once=True)


def _unnamed(data: Any) -> str:
    return "a tf.data set" if hasattr(data, "element_spec") else "arrays"


def show_recipe(config: Config, why: str) -> None:
    """Write which recipe was chosen, and why."""
    _write(_lines([("recipe", f"{_recipe(config)}: {why}")]))


def _recipe(config: Config) -> str:
    """The name of a recipe and its length, as far as they are known."""
    train = config.train
    length = f"{train.epochs:g} epochs" if train.epochs else f"{train.kimg:g} kimg"
    if train.minutes:
        length = f"{train.minutes:g} minute{'s' * (train.minutes != 1)}"
    if config.recipe != "auto":
        return f"{config.recipe}, {length}"
    return "auto: the images decide" + (f", {length}" if train.minutes or train.epochs else "")


def show_found(source: Listing) -> None:
    """Write the first part of the header: what is known before the images are decoded."""
    _write(_lines(_found(source)))


def show_used(source: Listing, more: Mapping[str, str] | None = None) -> None:
    """Write the second part of the header, and the warnings."""
    _write(_lines(_settled(source, more)))
    for warning in source.report.warnings:
        log.warning(warning)


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _lines(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [line for name, text in rows if text for line in _wrapped(name, text)]


def _found(source: Listing) -> Iterator[tuple[str, str]]:
    report = source.report
    found = report.found + sum(one["count"] for one in report.left_out if one["what"] == IMAGE)
    yield "images", f"{report.found:,}" + (f" of {found:,} found" if found > report.found else "")
    yield "classes", _classes(source)
    yield "form", _form(source)
    yield "levels", _levels(report)
    for number, sentence in enumerate(report.layout):
        yield "" if number else "read", sentence
    yield "left out", left_out(report.left_out)


def _settled(source: Listing, more: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    yield "used", _used(source)
    yield "groups", _groups(source.report.groups)
    yield from (more or {}).items()


def _groups(found: Mapping[str, Any]) -> str:
    """The groups of images without labels, or why there are none."""
    if not found or not found["count"]:
        return f"none: {found['why']}" if found else ""
    sizes = f"{found['smallest']:,} to {found['largest']:,} images each"
    by = "features and pixels" if found["by"] == "both" else found["by"]
    return f"{found['count']:,} of similar {by}, {sizes}"


def _used(source: Listing) -> str:
    report, held = source.report, source.held_count
    text = f"{source.count:,} to train on, {held:,} held out" if held else f"all {report.used:,}"
    if source.options.holdout and not held:
        text += f", none held out{' (fewer than 200)' * (report.used < FEW)}"
    if report.unreadable:
        text += f"; {len(report.unreadable):,} unreadable, such as {report.unreadable[0]['path']}"
    return text


def _classes(source: Listing) -> str:
    """The classes with their counts; or why there are none."""
    counts = source.report.classes
    if not source.names or not counts:
        return f"none: {source.report.no_classes or 'no labels'}"
    shown = [f"{name} ({counts[name]:,})" for name in list(counts)[:_CLASSES]]
    more = len(counts) - len(shown)
    text = f"{len(counts):,}: {', '.join(shown)}" + (f" and {more:,} more" if more else "")
    single = [name for name, count in counts.items() if count == 1]
    if single:
        some = ", ".join(single[:3]) + " ..." * (len(single) > 3)
        text += f"; with one image: {some}"
    return text


def _form(source: Listing) -> str:
    sizes = source.report.sizes
    text = "x".join(map(str, source.shape))
    if not sizes:
        return text
    small, large, common = (
        "x".join(map(str, sizes[key])) for key in ("smallest", "largest", "most_common")
    )
    if small == large == "x".join(map(str, source.shape[:2])):
        return text
    found = small if small == large else f"{small} to {large}, mostly {common}"
    return f"{text} from {found} (height x width)"


def _levels(report: Report) -> str:
    """The values that become black and white, of grey images with more than 8 bits."""
    if not report.wide:
        return ""
    low, high = (0, 65535) if isinstance(report.levels, str) else report.levels
    return f"{low:g} to {high:g}, of {report.wide:,} images with more than 8 bits"


def left_out(kinds: Iterable[Mapping[str, Any]]) -> str:
    """What is not used, with the number of each kind: images, files with a reason, other files.

    Args:
        kinds: as in `Report.left_out`.
    """
    some = sorted(kinds, key=lambda one: (one["what"] != IMAGE, one["why"] == NO_IMAGE))
    parts = [_kind(one) for one in some[:_REASONS]]
    more = len(some) - _REASONS
    return "; ".join(parts) + (f"; and {more} other kinds" if more > 0 else "")


def _kind(one: Mapping[str, Any]) -> str:
    what, why, count = one["what"], one["why"], one["count"]
    if what == IMAGE:
        return f"{count:,} {why}"
    of_suffix = what.startswith((".", "without"))
    text = ("file" if of_suffix else what) + "s" * (count != 1)
    text = f"{what} {text}" if what.startswith(".") else f"{text} {what}" if of_suffix else text
    return f"{count:,} {text}" + (f" ({why})" if why != NO_IMAGE else "")


def _wrapped(name: str, text: str) -> list[str]:
    """One row; only words that are longer than a line, such as paths, are not broken."""
    text = on_one_line(text)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=name.ljust(_INDENT), subsequent_indent=" " * _INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
