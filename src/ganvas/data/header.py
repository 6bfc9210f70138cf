"""What is said about the images before the work begins. Needs no TensorFlow."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from .findings import FEW
from .listing import Listing

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
    return [*_lines(_found(source)), *_lines([("used", _used(source)), *(more or {}).items()])]


def show(source: Listing, more: Mapping[str, str] | None = None) -> None:
    """Write the header to standard error, and the warnings of the checkup, one per line."""
    show_found(source)
    show_used(source, more)


def show_found(source: Listing) -> None:
    """Write the first part of the header: what is known before the images are decoded."""
    _write(_lines(_found(source)))


def show_used(source: Listing, more: Mapping[str, str] | None = None) -> None:
    """Write the second part of the header, and the warnings."""
    lines = _lines([("used", _used(source)), *(more or {}).items()])
    _write([*lines, *(f"note: {one}" for one in source.report.warnings)])


def _write(lines: Iterable[str]) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _lines(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [line for name, text in rows if text for line in _wrapped(name, text)]


def _found(source: Listing) -> Iterator[tuple[str, str]]:
    report = source.report
    found = report.found + sum(report.left_out.values())
    yield "images", f"{report.found:,}" + (f" of {found:,} found" if found > report.found else "")
    yield "classes", _classes(source)
    yield "form", _form(source)
    for number, sentence in enumerate(report.layout):
        yield "" if number else "read", sentence
    yield "left out", _left_out(source)


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


def _left_out(source: Listing) -> str:
    """What is not used, with the number of each kind."""
    report = source.report
    parts = [f"{count:,} {reason}" for reason, count in report.left_out.items()]
    for suffix, count in report.suffixes.items():
        files = "file" if count == 1 else "files"
        parts.append(f"{count:,} {suffix} {files}" if suffix else f"{count:,} {files} of no suffix")
    more = len(parts) - _REASONS
    return "; ".join(parts[:_REASONS]) + (f"; and {more} other kinds" if more > 0 else "")


def _wrapped(name: str, text: str) -> list[str]:
    """One row; only words that are longer than a line, such as paths, are not broken."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=name.ljust(_INDENT), subsequent_indent=" " * _INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
