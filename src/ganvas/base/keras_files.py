"""The one reader of Keras files. A file is checked before Keras sees it: reading executes nothing,
reads nothing outside the file, and allocates no more than the file holds."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf

from ..errors import GanvasError, ModelError
from .arrays import check_archive, check_expansion
from .building import building
from .compat.keras import initial_shape
from .keras_objects import check_config

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
LARGEST_CONFIG = 2**24
LARGEST = 2**31
"""Most bytes of config.json (16 MiB), and of all members unpacked (2 GiB)."""
_MOST_TEXTS = 2**17
"""Texts in a file of weights."""
_SPARE = 2**20
"""Weights that a model may have besides those of its file, such as the counters of Dropout."""


def read_keras(path: Path, own: Mapping[str, Any] | None = None) -> keras.Model:
    """A model from a .keras or .h5 file; it is not compiled.

    Args:
        own: classes by registered name, besides those that are registered with Keras.

    Raises: ModelError: no Keras file, a damaged one, or one that names anything but layers that
        are known here and only compute.
    """
    own = own or {}
    try:
        config, weights = _checked(path) if path.suffix == ".keras" else _checked_h5(path)
        check_config(config, own)
        with building(), limited(weights), warnings.catch_warnings():
            warnings.filterwarnings("error", "Skipping nested container")  # weights stay random
            return keras.saving.load_model(path, own, compile=False, safe_mode=True)
    except OSError as error:
        why = error.strerror or str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be read ({why}): give a Keras file") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise ModelError(
            f"{path} is damaged ({error or 'it ends too early'}): restore it from a copy, or save "
            "it again"
        ) from error
    except GanvasError:
        raise
    except Exception as error:  # Keras raises nearly anything on files that are not its own
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{path} is not read: {why}") from error


def _checked(path: Path) -> tuple[Any, int]:
    """The configuration in a .keras file, and its number of weights. Raises: ValueError."""
    with zipfile.ZipFile(path) as archive:
        check_archive(archive)
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        if strange := sorted(set(sizes) ^ set(MEMBERS)):
            raise ValueError(f"it holds {', '.join(MEMBERS)}, and not others: {strange[0]!r}")
        if sizes["config.json"] > LARGEST_CONFIG or sum(sizes.values()) > LARGEST:
            raise ValueError("its config.json may have 16 MiB, and all of it 2 GiB, unpacked")
        config = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
        with h5py.File(io.BytesIO(weights), "r") as file:
            _check_heaps(file, weights)
            return config, _count(file, len(weights))


def _checked_h5(path: Path) -> tuple[Any, int]:
    """The configuration in an .h5 file, and its number of weights. Raises: ValueError."""
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError("it may have 2 GiB")
    with h5py.File(path, "r") as file:
        _check_heaps(file, path.read_bytes())
        config = file.attrs.get("model_config", b"null")
        if len(config) > LARGEST_CONFIG:
            raise ValueError("its model_config may have 16 MiB")
        return json.loads(config), _count(file, size)


def _check_heaps(file: h5py.File, content: bytes) -> None:
    """Check the global heaps of an HDF5 file, which hold its texts: HDF5 1.14 reads one that has a
    free space of 0 bytes for ever. Raises: ValueError.

    Source: HDF5 File Format Specification 3.0, section III.E.
    """
    if file.id.get_create_plist().get_sizes() != (8, 8):
        raise ValueError("its addresses or lengths have no 8 bytes")
    left = _MOST_TEXTS
    for heap in re.finditer(rb"GCOL\x01", content):
        at = heap.end() + 11
        end = min(len(content), heap.start() + int.from_bytes(content[at - 8 : at], "little"))
        while at + 16 <= end:
            number, size = struct.unpack_from("<H6xQ", content, at)
            at += 16 + -(-size // 8) * 8 if number else size
            left -= 1
            if left < 0 or not (number or size):
                raise ValueError("its texts are damaged")


def _count(file: h5py.File, size: int) -> int:
    """The number of weights in an HDF5 file, which may be in it only.

    Raises: ValueError: a link out of the file, or arrays that are larger than what is stored.
    """
    elements = unpacked = 0
    groups, seen = [file["/"]], set()
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"its weights '{name}' are a link to another place")
            item = group[name]
            if isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                groups += [] if address in seen else [item]
                seen.add(address)
                continue
            if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
                raise ValueError(f"its weights '{name}' are in another file")
            if item.dtype.kind not in "biufV" or item.dtype.hasobject:
                raise ValueError(f"its weights '{name}' are no numbers, but {item.dtype}")
            chunk = math.prod(item.chunks or ()) * item.dtype.itemsize
            check_expansion(name, max(item.nbytes, chunk), item.id.get_storage_size())
            elements, unpacked = elements + item.size, unpacked + item.nbytes
    check_expansion("all of it", unpacked, size)
    return elements


@contextlib.contextmanager
def limited(weights: int) -> Iterator[None]:
    """Within this, hardly more than so many numbers can be allocated as variables. They are counted
    before they are allocated.

    Raises: ValueError: more are asked for.
    """
    left = weights + _SPARE

    def create(make: Any, **options: Any) -> tf.Variable:
        nonlocal left
        left -= math.prod(_shape(options))
        if left < 0:
            raise ValueError("its configuration asks for more weights than its file holds")
        return make(**options)

    with tf.variable_creator_scope(create):
        yield


def _shape(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of a variable that is about to be made; an initialiser is traced, not run."""
    value = options.get("initial_value")
    if (known := initial_shape(value)) is not None:
        return known
    if callable(value):
        traced = tf.function(value, autograph=False).get_concrete_function()
        shape = traced.output_shapes
    else:
        shape = tf.convert_to_tensor(value).shape
    if not shape.is_fully_defined():
        raise ValueError("it has weights of an unknown shape")
    return tuple(shape)
