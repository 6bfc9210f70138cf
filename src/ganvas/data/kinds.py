"""What a file is that is no set of images, and what to give in its place."""

from __future__ import annotations

from pathlib import Path

from ganvas.errors import DataError
from ganvas.images import is_image, probe
from ganvas.images.formats import HINTS, suffix_of

ACCEPTED = (
    "a folder of images, a .zip or .tar of one, FILE.npz[:PART], FILE.npy, a folder made by "
    "`ganvas prepare`, mnist, mnist:test, keras:NAME or tfds:NAME"
)
_ARRAYS = "write the images as files into a folder, or as one uint8 array by numpy.savez"
_PAGES = "save its pages as PNG files, and give their folder"
_FRAMES = "save its frames as PNG files, and give their folder"
_UNPACK = "unpack it, and give the folder"
_KINDS = {
    ("tfrecord", "tfrecords"): ("a TFRecord file", "give the folder that `ganvas prepare` made, "
                                "or write the images as files into a folder"),
    ("h5", "hdf5", "hdf"): ("an HDF5 file", _ARRAYS), ("mat",): ("a MATLAB file", _ARRAYS),
    ("parquet", "arrow", "feather"): ("a table of columns", _ARRAYS),
    ("csv", "tsv", "json", "jsonl", "txt", "xml"): ("a text file", "give the folder of the images"),
    ("pkl", "pickle", "pt", "pth", "joblib"): ("a file of Python objects", _ARRAYS),
    ("nef", "cr2", "cr3", "crw", "arw", "dng", "raf", "orf", "rw2", "pef", "srw"): (
        "a raw photograph", "convert such files to TIFF or JPEG, and give their folder"),
    ("pdf", "ps", "eps"): ("a document", _PAGES),
    ("svg", "wmf", "emf"): ("a drawing", "save it as PNG, and give a folder of images"),
    ("mp4", "avi", "mov", "mkv", "webm", "mpg", "mpeg"): ("a video", _FRAMES),
    ("rar", "7z", "zst", "gz", "bz2", "xz"): ("a packed file", _UNPACK),
    ("lmdb", "mdb"): ("a database", _ARRAYS),
}  # fmt: skip


def advice(suffix: str) -> str:
    """What files of this suffix are, and what to give in their place; empty if it is not known."""
    for suffixes, (what, instead) in _KINDS.items():
        if suffix[1:] in suffixes:
            return f"{what}, which is not read: {instead}"
    return ""


def refuse(file: Path) -> DataError:
    """The error for a single file that is given as a set of images."""
    suffix = suffix_of(file.name)
    hint = HINTS.get(suffix)
    if not file.is_file():
        return DataError(f"{file} is a pipe, socket or device: give a folder of images")
    if is_image(file):
        try:
            head = probe(file)
        except DataError as error:
            return DataError(f"{error}; give a folder of images")
        if head.several:
            return DataError(f"{file} is one file of several frames or pages: {_PAGES}")
        return DataError(
            f"{file} is one image of {head.height}×{head.width} px (height × width); a GAN learns "
            "from many: give their folder"
        )
    if hint:
        return DataError(f"{file} is one image, which needs {hint}: give a folder of images")
    if what := advice(suffix):
        return DataError(f"{file} is {what}")
    return DataError(
        f"{file} is a file of a kind that is not read; accepted are folders of images, .zip, .tar, "
        ".tar.gz, .npz and .npy files: give one of them"
    )
