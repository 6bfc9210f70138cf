"""From a name to images: folder, file, shards, built-in set, or another library's set."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from ganvas.base import extras, plug_ins
from ganvas.config import Config
from ganvas.data import npz
from ganvas.data.archives import located
from ganvas.data.arrays import from_arrays
from ganvas.data.base import Images
from ganvas.data.datasets import WHERE, from_dataset
from ganvas.data.folder import Announce, from_archive, from_folder
from ganvas.data.groups import group
from ganvas.data.mirror import mirrored_alike
from ganvas.data.mnist import mnist
from ganvas.data.naming import ACCEPTED, check_named, part_of
from ganvas.data.options import Options
from ganvas.data.shards import Shards, is_prepared
from ganvas.errors import DataError, GanvasError, no_such
from ganvas.images import refit
from ganvas.storage import hub, remote
from ganvas.storage.run import GROUPS, Run


def load(data: Any, options: Options | None = None, announce: Announce | None = None) -> Images:
    """Images from a path, a name or arrays.

    Args:
        data: one of `ACCEPTED`, an array or a list of images, (images, labels), or a
            `tf.data.Dataset` of either.
        options: how they are read.
        announce: called as soon as they are known, see `folder.Announce`.

    Raises: DataError: no images, or images that cannot be trained on.
    """
    options = options or Options()
    data = _near(data)
    images = _find(data, options, announce)
    if announce and not _has_files(data):
        announce(images)
    images = _as_known(_grouped(images), options.known)
    if options.flip == "auto":
        images.options = replace(images.options, flip=mirrored_alike(images))
    if options.balanced and not images.classes:
        raise DataError(
            "data.balanced needs classes, and the images have none: sort them into sub-folders, "
            "or set data.balanced=false"
        )
    return images


def _grouped(images: Images) -> Images:
    """The same images; groups are their labels, if they have none and groups are wanted."""
    if images.options.clusters and not images.classes:
        group(images)
    return images


def _as_known(images: Images, known: str) -> Images:
    """The images with the holdout of the run whose fingerprint is `known`, if an older version
    began it: these regarded no classes, and at first files instead of their pixels."""
    if not known or images.fingerprint == known:
        return images
    for hashes in (images.hashes, images.file_hashes):
        older = _grouped(images.held_out_by(hashes))
        if older.fingerprint == known:
            return older
    return images


def called(data: Any) -> str:
    """The name of images in a message: their path or name, or "the array"."""
    if isinstance(data, tf.data.Dataset):
        return WHERE
    return str(data) if isinstance(data, (str, os.PathLike)) else "the array"


def lasting_name(data: Any) -> str:
    """The name of images in a recipe: they are found by it from any folder. Empty for arrays."""
    if not isinstance(data, (str, os.PathLike)) or not os.fspath(data):
        return ""
    name = remote.address(data) or str(remote.path(data))
    if hub.is_hub(name):
        return hub.pinned(name)
    path, file = Path(name), name.partition(":")[0]
    if path.exists() or located(path) or file.endswith((".npz", ".npy")):
        return str(path.absolute())
    return name


def options_of(config: Config, run: Run | None = None) -> Options:
    """The options of a recipe; for the images of a run also their fingerprint and its groups."""
    values = config.data.model_dump(exclude={"source"})
    if run is not None:
        known = (run.info.get("data") or {}).get("fingerprint") or ""
        values |= {"known": known, "groups_file": str(run.folder / GROUPS)}
    return Options(**values, private=config.privacy.on)


def options_for_others(config: Config, labels: str | None = None) -> Options:
    """The options of a recipe for other images than those that it was trained on: all are used.

    Args:
        config: of a run; its levels are for them, too, unless it was trained on arrays.
        labels: a CSV file of their labels; that of the recipe is not for them.
    """
    options = options_of(config)
    own = labels or (True if isinstance(options.labels, str) else options.labels)
    levels = options.levels if config.data.source else "auto"
    return replace(
        options, labels=own, levels=levels, holdout=0, judged=True, balanced=False, clusters=0
    )


def _near(data: Any) -> Any:
    """The same data; of a repository of a model hub, the folder or file of its copy."""
    address = remote.address(data)
    return str(hub.folder(address)) if address and hub.is_hub(address) else data


def _find(data: Any, options: Options, announce: Announce | None) -> Images:
    if isinstance(options.labels, str) and not _has_files(data):
        raise DataError(
            f"labels from a file ({options.labels}) work with a folder of images, got "
            f"{called(data)}: give the labels with the images, or set data.labels=true"
        )
    if isinstance(data, tf.data.Dataset):
        return from_dataset(data, options)
    if isinstance(data, tuple) and len(data) == 2 and not _is_image(data[0]):
        return from_arrays(data[0], data[1], options)
    if isinstance(data, Image.Image):
        raise DataError("the data is one image; a GAN needs many: give a list of images")
    if isinstance(data, (list, tuple)) or hasattr(data, "__array__"):
        return from_arrays(data, None, options)
    if not isinstance(data, (str, os.PathLike)):
        raise DataError(
            f"images must be {ACCEPTED} or arrays, got {type(data).__name__}: {_advice(data)}"
        )
    if not os.fspath(data):
        raise DataError("the name of the images is empty: name a folder or file")
    if address := remote.address(data):
        return _from_store(address, options)
    check_named(data)
    path = remote.path(data)
    source = str(path)
    if path.is_dir():
        packed = is_prepared(path)
        return Shards(path, options) if packed else from_folder(path, options, announce)
    if archive := located(path):
        return from_archive(*archive, options, announce)
    name, colon, part = source.rpartition(":")
    named = bool(colon) and name.endswith((".npz", ".npy"))
    file = Path(name if named else source)
    if file.suffix in (".npz", ".npy"):
        return _from_file(file, part if named else "train", named, options)
    library, _, rest = source.partition(":")
    if library == "mnist":
        return from_arrays(*mnist(part_of(source, rest or "train")), options, source)
    if library == "keras":
        return _from_keras(rest, source, options)
    if library in plug_ins.found("source"):
        return _from_plug_in(library, rest, source, options)
    return _from_tfds(rest, source, options)


def _advice(data: Any) -> str:
    """What to give in place of another object."""
    if isinstance(data, Mapping):
        return f"give (images, labels) of its entries ({', '.join(map(str, [*data][:4]))})"
    if isinstance(data, Iterable):  # a generator, a DataLoader
        return "collect its images in one array or list, and give that"
    return "give one of them"


def _has_files(data: Any) -> bool:
    """Whether the images are files, in a folder or an archive."""
    if not isinstance(data, (str, os.PathLike)) or remote.address(data):
        return False
    path = remote.path(data)
    return bool(located(path)) or (path.is_dir() and not is_prepared(path))


def _is_image(one: Any) -> bool:
    """Whether this is one image, not many: a tuple of two images is a list of images."""
    if isinstance(one, Image.Image):
        return True
    shape: Sequence[int] = getattr(one, "shape", ())
    return len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4 < min(shape[:2]))


def _from_store(address: str, options: Options) -> Images:
    """Packed images, read from the store; or a file of arrays, which is copied first."""
    name, colon, part = address.rpartition(":")
    file = name if colon and name.endswith(".npz") else address
    if file.endswith((".npz", ".npy")):
        above, _, name = file.rpartition("/")
        near = remote.temporary(above) / name
        try:
            remote.Store(above).get(name, near)
        except FileNotFoundError as error:
            raise DataError(f"{file} does not exist: check the address") from error
        named = file != address
        return _from_file(near, part if named else "train", named, options)
    try:
        return Shards(address, options)
    except FileNotFoundError as error:
        raise DataError(
            f"{address} is not a folder made by `ganvas prepare`; remote storage is read from such "
            "a folder, a .npz or a .npy file: run `ganvas prepare DATA --to ADDRESS`"
        ) from error


def _from_file(file: Path, part: str, named: bool, options: Options) -> Images:
    part = part_of(f"{file}:{part}", part)
    images, labels, sentences = npz.read(file, part, named)
    return from_arrays(images, labels, options, str(file), sentences=sentences)


def _from_keras(name: str, source: str, options: Options) -> Images:
    import keras

    name, _, part = name.partition(":")
    module = getattr(keras.datasets, name, None)
    if module is None or not hasattr(module, "load_data"):
        known = [n for n in dir(keras.datasets) if hasattr(getattr(keras.datasets, n), "load_data")]
        raise DataError(no_such("Keras data set", name, known))
    try:
        parts = dict(zip(("train", "test"), module.load_data(), strict=True))
    except Exception as error:  # Keras raises a bare Exception when a download fails
        why = str(error).splitlines()[0]
        raise DataError(f"{source} cannot be downloaded ({why}): give a folder or file") from error
    images, labels = parts["test" if part_of(source, part or "train") == "test" else "train"]
    return from_arrays(np.asarray(images), np.asarray(labels), options, source)


def _from_plug_in(library: str, name: str, source: str, options: Options) -> Images:
    """Images of another package's function: `Images`, an array, or (images, labels)."""
    function = plug_ins.load("source", library)
    try:
        images = function(name, options)
    except GanvasError:
        raise
    except Exception as error:  # of a stranger's code
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        owner = plug_ins.described(plug_ins.found("source")[library][0])
        raise DataError(f"{source} cannot be loaded by {owner} ({why}): check its name") from error
    if isinstance(images, Images):
        return images
    pair = isinstance(images, tuple) and len(images) == 2 and not _is_image(images[0])
    pixels, labels = images if pair else (images, None)
    return from_arrays(pixels, labels, options, source)


def _from_tfds(name: str, source: str, options: Options) -> Images:
    extras.check("tfds", source)
    import tensorflow_datasets as tfds

    name, _, part = name.partition(":")
    try:
        data, about = tfds.load(name, split=part or "train", with_info=True)
        rows = list(tfds.as_numpy(data))
    except Exception as error:  # the library's own errors, and those of its downloads
        why = str(error).splitlines()[0]
        raise DataError(f"{source} cannot be loaded ({why}): check its name") from error
    if "image" not in rows[0] or rows[0]["image"].ndim != 3:
        raise DataError(f"{source} has no images: write what you want to a folder, and give that")
    sizes = Counter(row["image"].shape[:2] for row in rows)
    size = options.size_of(sizes) if len(sizes) > 1 else next(iter(sizes))
    channels = rows[0]["image"].shape[2]
    images = np.stack([refit(row["image"], size, channels, options.fit) for row in rows])
    labels = np.array([row["label"] for row in rows]) if "label" in rows[0] else None
    names = about.features["label"].names if labels is not None else ()
    return from_arrays(images, labels, options, source, names)
