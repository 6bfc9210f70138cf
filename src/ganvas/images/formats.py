"""Which files are images: by the installed Pillow and its plug-ins."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, features

REFUSED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"})
"""Formats of Pillow that are no pictures, that it cannot decode, or for which it starts another
program (EPS: Ghostscript)."""
_COMMON = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
"""Formats that are tried first, in this order: the others cost 20 microseconds."""
_CODECS = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}
"""Formats that are registered even if their codec is missing."""
DICOM = (".dcm", ".dicom")
HINTS = {
    ".avif": "pip install --upgrade pillow", ".avifs": "pip install --upgrade pillow",
    ".heic": "pip install pillow-heif", ".heif": "pip install pillow-heif",
    ".hif": "pip install pillow-heif", ".jxl": "pip install pillow-jxl-plugin",
    ".jp2": "pip install --upgrade pillow", ".webp": "pip install --upgrade pillow",
    **dict.fromkeys(DICOM, "pip install 'ganvas[dicom]'"),
}  # fmt: skip
"""Suffixes that may need another package -> how to install it."""
_PICTURES = {
    (".nef", ".cr2", ".cr3", ".crw", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw"):
        "raw photographs: convert them to TIFF or JPEG files",
    (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"):
        "videos: save their frames as PNG files",
    (".svg", ".svgz", ".wmf", ".emf", ".eps", ".ai"): "drawings: save them as PNG files",
    (".pdf", ".ps"): "documents: save their pages as PNG files",
    (".pkl", ".pickle"): "Python objects, which are not read because this could run code; for "
        "CIFAR give keras:cifar10, else save the images by numpy.savez",
    (".npy", ".npz"): "arrays: give such a file itself, or save its images as PNG files",
}  # fmt: skip
"""Files of pictures that are not read -> what to do."""
_ADVICE = {suffix: why for suffixes, why in _PICTURES.items() for suffix in suffixes}
_HEAD = 132
_MAGIC = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"qoif",
    b"P4\n", b"P5\n", b"P6\n", b"P4 ", b"P5 ", b"P6 ", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51",
)  # fmt: skip
_BRANDS = {b"avif": ".avif", b"avis": ".avif", b"heic": ".heic", b"heix": ".heic",
           b"heif": ".heic", b"hevc": ".heic", b"mif1": ".heic", b"msf1": ".heic"}  # fmt: skip
_OTHERS = {
    b"%PDF": "a PDF document", b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive",
    b"version https://git-lfs": "a pointer of Git LFS: run git lfs pull",
    b"<!DOCTYPE": "a web page", b"<!doctype": "a web page", b"<html": "a web page",
    b"<svg": "an SVG drawing", b"%!PS": "PostScript, not an image",
}  # fmt: skip


class Known(NamedTuple):
    """What can be read: formats by Pillow's names, and suffixes in lower case."""

    formats: tuple[str, ...]
    suffixes: frozenset[str]


@functools.cache
def known() -> Known:
    """What this installation can read. Plug-ins that are installed are registered."""
    Image.init()
    _plug_in("pillow_heif", lambda module: module.register_heif_opener())
    _plug_in("pillow_jxl")  # its import registers it
    codecs = {name: codec for name, codec in _CODECS.items() if name in Image.OPEN}
    missing = {name for name, codec in codecs.items() if not features.check(codec)}
    formats = tuple(
        name
        for name in dict.fromkeys((*_COMMON, *Image.ID))
        if name in Image.OPEN and name not in REFUSED and name not in missing
    )
    of = Image.registered_extensions()
    suffixes = {suffix for suffix, name in of.items() if name in formats}
    suffixes.update([".mpo"] if "JPEG" in formats else [])  # a JPEG file with another one in it
    if importlib.util.find_spec("pydicom"):
        suffixes.update(DICOM)
    return Known(formats, frozenset(suffixes))


def _plug_in(name: str, register: Callable[[Any], object] = lambda module: None) -> None:
    # A plug-in that is broken must not keep others from reading PNG files.
    with contextlib.suppress(Exception):
        if importlib.util.find_spec(name):
            register(importlib.import_module(name))


def suffix_of(name: str) -> str:
    """The suffix in lower case; empty without one. A number, as in `IM.0001`, is none."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a million names
    return "" if suffix[1:].isdecimal() else suffix


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an image that can be read, by its suffix; without one by its content.

    Raises: OSError: the file has no suffix and cannot be read.
    """
    suffix = suffix_of(os.fspath(path))
    return suffix in known().suffixes if suffix else looks_like_one(head(path))


def head(path: str | os.PathLike[str]) -> bytes:
    """The first bytes of a file."""
    with Path(path).open("rb") as file:
        return file.read(_HEAD)


def is_dicom(start: bytes) -> bool:
    return start[128:132] == b"DICM"


def looks_like_one(start: bytes) -> bool:
    """Whether the first bytes of a file are those of an image that can be read. Formats without
    an unmistakable beginning, such as TGA, are not recognised."""
    suffixes = known().suffixes
    if is_dicom(start):
        return DICOM[0] in suffixes
    if brand := _brand(start):
        return brand in suffixes
    return start.startswith(_MAGIC) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def advice(path: str | os.PathLike[str]) -> str:
    """How a file of pictures can be read that is not read here, by its suffix, without one by its
    content; empty for other files.

    Raises: OSError: the file has no suffix and cannot be read.
    """
    suffix = suffix_of(os.fspath(path))
    if not suffix:
        start = head(path)
        pickled = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")
        suffix = DICOM[0] if is_dicom(start) else ".pkl" if pickled else _brand(start)
    return HINTS.get(suffix) or _ADVICE.get(suffix, "")


def what_it_is(start: bytes) -> str:
    """What a file is that cannot be opened as an image; empty if it is not known."""
    suffix = DICOM[0] if is_dicom(start) else _brand(start)
    if suffix and suffix not in known().suffixes:
        return f"{suffix[1:].upper()}, which needs {HINTS[suffix]}"
    if looks_like_one(start):
        return "damaged, or of a kind that Pillow does not read"
    return next((what for magic, what in _OTHERS.items() if start.startswith(magic)), "")


def _brand(start: bytes) -> str:
    """The suffix for the brand of an ISO media file, or of JPEG XL."""
    if start.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return ".jxl"
    return _BRANDS.get(start[8:12], "") if start[4:8] == b"ftyp" else ""
