"""Models to serve, their versions, and batching: TensorFlow Serving's configuration files.

models.config is the text form of ModelServerConfig, a batching file that of BatchingParameters.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from ..base.printing import is_plain
from ..errors import UsageError
from ..storage import manifest, remote
from .messages import BatchingParameters, ModelServerConfig
from .status import Declined, invalid


@dataclass(frozen=True)
class Entry:
    """One model: a folder whose sub-folders 1, 2, ... are versions of it.

    Args:
        latest: serve this many of the highest versions; 0: all of them.
        specific: serve these versions and no others.
        labels: names for versions, such as {"stable": 1}.
        address: of a remote model, of which `folder` is a copy; see `entry_of`.
        roots: folders in which all files of a version must lie, links resolved; empty: anywhere.
    """

    name: str
    folder: Path
    latest: int = 1
    specific: tuple[int, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    address: str = ""
    roots: tuple[Path, ...] = ()

    @property
    def place(self) -> str:
        """The address or the folder, for messages."""
        return self.address or str(self.folder)

    def fetch(self) -> None:
        """Copy wanted, complete versions of a remote model, each once, and remove other copies: a
        loaded version does not need its files.

        Raises: OSError: it cannot be read now.
        """
        if not self.address:
            return
        try:
            there = manifest.versions(self.address)
            here, wanted = manifest.numbered(self.folder), set(self.wanted(list(there)))
            for number in wanted - set(here):
                part = self.folder / f".part-{number}"
                shutil.rmtree(part, ignore_errors=True)
                remote.Store(f"{self.address}/{number}").copy(part)
                part.rename(self.folder / str(number))
        except UsageError as error:
            raise OSError(str(error)) from error
        for number in set(here) - wanted if there else ():
            shutil.rmtree(here[number])

    def wanted(self, found: list[int]) -> list[int]:
        """The versions to serve of those found, lowest first."""
        if self.specific:
            return sorted(set(found) & set(self.specific))
        return sorted(found)[-self.latest :] if self.latest else sorted(found)


def entry_of(name: str, place: str | Path, **policy: Any) -> Entry:
    """An entry for a folder, or for an address, which is copied."""
    address = remote.address(place) or ""
    folder = _copy_of(address) if address else manifest.place_of(place).absolute()
    return Entry(name, folder, address=address, **policy)


_copies: dict[str, Path] = {}
"""Address of a model -> folder of its copies, while the model is served."""


def _copy_of(address: str) -> Path:
    if address not in _copies:
        _copies[address] = remote.temporary(address)
    return _copies[address]


def free(addresses: Collection[str]) -> None:
    """Remove the copies of these remote models."""
    for address in addresses:
        if address in _copies:
            remote.forget(_copies.pop(address))


def read_models(path: str | Path, schemes: Collection[str] = ()) -> list[Entry]:
    """The models of a models.config.

    Args:
        schemes: of addresses that the file may name, such as "gs".

    Raises: UsageError: not a models.config, or one that cannot be served.
    """
    message = ModelServerConfig()
    _read_text(path, message, "a models.config of TensorFlow Serving")
    if not message.WhichOneof("config"):  # for example while it is being written
        raise UsageError(f"{path} lists no model: add one")
    try:
        return entries(message, schemes)
    except Declined as error:
        raise UsageError(f"{path}: {error.message}: change that entry") from error


def entries(config: Any, schemes: Collection[str] = ()) -> list[Entry]:
    """The models of a ModelServerConfig.

    Args:
        schemes: of addresses that it may name.

    Raises: Declined: INVALID_ARGUMENT, with TensorFlow Serving's messages; PERMISSION_DENIED:
        another scheme.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise Declined("FAILED_PRECONDITION", "only a model_config_list can be served")
    before = set(_copies)
    try:
        found = [_entry(model, schemes) for model in config.model_config_list.config]
        names = [entry.name for entry in found]
        for name in names:
            if names.count(name) > 1:
                raise invalid(f"Illegal to list model {name} multiple times in config list")
    except Declined:
        free(set(_copies) - before)
        raise
    return found


def _entry(model: Any, schemes: Collection[str]) -> Entry:
    if not model.name or set("/:") & set(model.name):
        raise invalid(f"model name '{model.name}' must be a word without '/' and ':'")
    if not is_plain(model.name):
        raise invalid(f"model name {model.name!r} must not contain control characters")
    if model.model_platform != "tensorflow" and model.model_type != 1:
        raise invalid(f'model {model.name}: model_platform must be "tensorflow"')
    if not model.base_path.isprintable():
        raise invalid(f"model {model.name}: base_path holds characters that are not printable")
    if not (Path(model.base_path).is_absolute() or "://" in model.base_path):
        raise invalid(
            f"Expected model {model.name} to have an absolute path or URI; "
            f"got base_path()={model.base_path}"
        )
    if remote.address(model.base_path):
        try:
            remote.trusted(model.base_path, schemes)
        except UsageError as error:
            message = f"model {model.name}: {error}, or start the server with --allow-scheme"
            raise Declined("PERMISSION_DENIED", message) from error
    policy, latest, specific = model.model_version_policy, 1, ()
    match policy.WhichOneof("policy_choice"):
        case "all":
            latest = 0
        case "latest":
            latest = max(1, policy.latest.num_versions)
        case "specific":
            specific = tuple(policy.specific.versions)
    labels = dict(model.version_labels)
    policies = {"latest": latest, "specific": specific, "labels": labels}
    return entry_of(model.name, model.base_path, **policies)


@dataclass(frozen=True)
class Batching:
    """How requests are combined into batches.

    Args:
        size: maximum number of images in a batch.
        wait: maximum time for which a batch waits for more requests, in microseconds.
        threads: number of batches computed at once.
        queue: maximum number of waiting batches; more are refused as UNAVAILABLE.
        allowed: sizes to which batches are padded; empty: no padding.
        split: whether a request larger than a batch is split instead of refused.
    """

    size: int
    wait: int
    threads: int
    queue: int
    allowed: tuple[int, ...]
    split: bool


def read_batching(path: str | Path, cores: int) -> Batching:
    """Raises: UsageError: not a batching file, or with values that are not supported."""
    message = BatchingParameters()
    _read_text(path, message, "a batching file of TensorFlow Serving")

    def value(name: str, default: int) -> int:
        return getattr(message, name).value if message.HasField(name) else default

    batching = Batching(
        size=value("max_batch_size", 1000),
        wait=value("batch_timeout_micros", 0),
        threads=value("num_batch_threads", cores),
        queue=value("max_enqueued_batches", 10),
        allowed=tuple(message.allowed_batch_sizes),
        split=bool(value("enable_large_batch_splitting", False)),
    )
    if message.pad_variable_length_inputs or message.HasField("max_execution_batch_size"):
        raise UsageError(
            f"{path}: pad_variable_length_inputs and max_execution_batch_size are not supported: "
            "remove them"
        )
    if min(batching.size, batching.threads, batching.queue) < 1 or batching.wait < 0:
        raise UsageError(f"{path}: sizes and threads must be >= 1, and batch_timeout_micros >= 0")
    sizes = list(batching.allowed)
    if sizes and (sizes != sorted(set(sizes)) or sizes[-1] != batching.size):
        raise UsageError(
            f"{path}: allowed_batch_sizes must increase to max_batch_size = {batching.size}, got "
            f"{sizes}"
        )
    return batching


def _read_text(path: str | Path, message: Any, what: str) -> None:
    try:
        text_format.Parse(Path(path).read_text("utf-8"), message)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): give {what}") from error
    except (text_format.ParseError, ValueError) as error:  # of a number that is out of range
        raise UsageError(f"{path} is not {what} ({error}): correct that line") from error
