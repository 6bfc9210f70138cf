"""Repositories of a model hub (hf://USER/NAME@REVISION/PATH), copied into the cache by commit.

A revision is resolved to its commit once in a process, so that all parts of a command read the same
files. Only files that ganvas reads are copied: no code and no pickle. The hub's client finds the
user's token in its own places; ganvas neither reads nor passes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..base import extras
from ..base.cache import cache_folder
from ..base.files import disk_errors, in_turn, inside
from ..base.progress import stage
from ..errors import GanvasError, UsageError

SCHEMES = ("hf",)
ADDRESS = re.compile(
    r"hf://(?P<kind>datasets/|models/)?(?P<name>(?!(datasets|models|spaces|buckets)/)[\w.-]+/[\w.-]+)"
    r"(@(?P<revision>[\w.-]+))?(/(?P<path>.+))?"
)
COMMIT = re.compile("[0-9a-f]{40}")
SUFFIXES = frozenset({
    ".json", ".jsonl", ".toml", ".txt", ".md", ".csv", ".tsv", ".npz", ".npy", ".keras", ".tflite",
    ".onnx", ".pb", ".index", ".config", ".safetensors", ".tfrecord", ".zip", ".tar", ".tgz", ".gz",
})  # fmt: skip
"""Of files that are copied, beside images and the parts of a SavedModel's variables."""
NAMES = frozenset({"tf_serving_warmup_requests"})
"""Of files without a suffix that an exported model has."""
VARIABLES = re.compile(r".*\.data-\d{5}-of-\d{5}")
MOST_GB = 20.0
MOST_FILES = 1_000_000
LIMIT = "GANVAS_HUB_GB"


@dataclass(frozen=True)
class Place:
    """What an address names.

    Attributes:
        kind: "model" or "dataset".
        name: USER/NAME.
        revision: a branch, a tag or a commit; None: the hub's main branch.
        path: a folder or file within the repository; "" is all of it.
    """

    kind: str
    name: str
    revision: str | None
    path: str

    def address(self, commit: str | None = None) -> str:
        """The address of the repository, or of the path at a commit."""
        kind = "datasets/" if self.kind == "dataset" else ""
        below = f"/{self.path}" if commit and self.path else ""
        return f"hf://{kind}{self.name}" + (f"@{commit}" if commit else "") + below


def is_hub(address: str | None) -> bool:
    """Whether an address (see `remote.address`) is one of a model hub."""
    return (address or "").partition("://")[0] in SCHEMES


def parse(address: str) -> Place:
    """Raises: UsageError: an address of another form."""
    found = ADDRESS.fullmatch(address)
    if not found or ".." in PurePosixPath(found["path"] or "").parts:
        raise UsageError(
            f"{address} is no address of a repository: give hf://USER/NAME for a model or "
            "hf://datasets/USER/NAME for images; @REVISION and /PATH may follow"
        )
    kind = "dataset" if found["kind"] == "datasets/" else "model"
    return Place(kind, found["name"], found["revision"], found["path"] or "")


_commits: dict[tuple[str, str, str | None], str] = {}


def folder(address: str) -> Path:
    """The files of a repository that ganvas reads, in the cache: those of one commit, complete.

    Raises: UsageError: no such repository, no network, too large, or nothing that ganvas reads.
    """
    place = parse(address)
    key = place.kind, place.name, place.revision
    commit = _commits.get(key) or place.revision or ""
    final = _folder(place, commit)
    if not (COMMIT.fullmatch(commit) and final.is_dir()):
        commit, final = _fetched(place, address)
    _commits[key] = commit
    return inside(final, place.path) if place.path else final


def pinned(address: str) -> str:
    """The same address at the commit that its revision is now."""
    place = parse(address)
    folder(address)
    return place.address(_commits[place.kind, place.name, place.revision])


def _folder(place: Place, commit: str) -> Path:
    cache = cache_folder()
    if cache is None:
        raise UsageError(f"{place.address()} needs a folder for its copy: set GANVAS_CACHE to one")
    return cache / "hub" / f"{place.kind}--{place.name.replace('/', '--')}" / commit


def _fetched(place: Place, address: str) -> tuple[str, Path]:
    """Ask the hub for the commit and its files, and copy them, unless they are there."""
    extras.check("hub", address)
    import huggingface_hub

    with access(address):
        about = huggingface_hub.HfApi().repo_info(
            place.name, repo_type=place.kind, revision=place.revision, files_metadata=True
        )
        commit = str(about.sha)
        files = {one.rfilename: one for one in about.siblings or ()}
    if not COMMIT.fullmatch(commit):
        raise UsageError(f"{address}: the hub names no commit: give another @REVISION")
    final = _folder(place, commit)
    sizes = _wanted(address, {name: one.size for name, one in files.items()})
    part = final.with_name(f".{commit}.part")
    with disk_errors(final):
        part.mkdir(parents=True, exist_ok=True)
        with in_turn(final.with_name(f".{commit}.lock"), f"waits for another copy of {address}"):
            if not final.is_dir():
                _copy(place, address, commit, part, sizes)
                part.rename(final)
    return commit, final


def _wanted(address: str, files: Mapping[str, int | None]) -> dict[str, int]:
    """The files to copy, and their bytes. Raises: UsageError: none, or too many or too large."""
    wanted = {name: int(size or 0) for name, size in files.items() if readable(name)}
    if not wanted:
        found = ", ".join(sorted(files)[:5]) or "nothing"
        raise UsageError(
            f"{address} holds no file that ganvas reads, but {found}: give a model of "
            "`ganvas push`, or images as files, .npz or shards"
        )
    for name in wanted:
        try:
            inside(Path(), name)
        except ValueError as error:
            raise UsageError(f"{address} cannot be copied: {error}") from error
    most = _most()
    total = sum(wanted.values()) / 1e9
    if total > most or len(wanted) > MOST_FILES:
        raise UsageError(
            f"{address} has {len(wanted):,} files of {total:.3g} GB, and at most {MOST_FILES:,} "
            f"files of {most:.3g} GB are copied: set {LIMIT} to a higher number if you want them"
        )
    return wanted


def _most() -> float:
    """GB that are copied at most."""
    said = os.environ.get(LIMIT) or MOST_GB
    try:
        return float(said)
    except ValueError as error:
        raise UsageError(f"{LIMIT} must be a number of GB, got {said!r}: correct it") from error


def readable(name: str) -> bool:
    """Whether a file of a repository is copied: no code, no pickle, nothing hidden."""
    from ..images import formats  # it needs Pillow, and most commands need no hub

    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts):
        return False
    suffix = path.suffix.lower()
    return (
        suffix in SUFFIXES
        or path.name in NAMES
        or suffix in formats.known().suffixes
        or bool(VARIABLES.fullmatch(path.name))
    )


def _copy(place: Place, address: str, commit: str, part: Path, sizes: Mapping[str, int]) -> None:
    """Copy the files of a commit into a folder. Raises: UsageError: one is not what was named."""
    import huggingface_hub

    # A name may hold the characters of a pattern.
    patterns = [re.sub(r"([*?\[])", r"[\1]", name) for name in sizes]
    with stage(f"copying {place.address()}"), access(address), _without_bars():
        huggingface_hub.snapshot_download(
            place.name, repo_type=place.kind, revision=commit, local_dir=part,
            allow_patterns=patterns,
        )  # fmt: skip
    shutil.rmtree(part / ".cache", ignore_errors=True)  # the client's own notes
    for name, size in sizes.items():
        file = part / name
        if file.is_symlink() or not file.is_file() or file.stat().st_size != size:
            raise UsageError(
                f"{address}: {name} arrived incomplete: try again, or name another @REVISION"
            )


@contextlib.contextmanager
def access(address: str) -> Iterator[None]:
    """Turn the various errors of the hub's client into UsageError."""
    try:
        yield
    except (GanvasError, KeyboardInterrupt):
        raise
    except Exception as error:
        why = next(filter(None, map(str.strip, str(error).splitlines())), "")
        raise UsageError(
            f"{address} cannot be reached ({type(error).__name__}: {why}): check its name, the "
            "network, and that you may use it (`hf auth login`)"
        ) from error


def names(address: str) -> list[str] | None:
    """The names of a repository's files on its main branch; None: there is no such repository."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    place = parse(address)
    with access(address):
        try:
            return list(HfApi().list_repo_files(place.name, repo_type=place.kind))
        except RepositoryNotFoundError:
            return None


def upload(address: str, source: Path, message: str, private: bool, gone: Sequence[str]) -> str:
    """Send a folder in one commit; the repository is made if there is none.

    Args:
        gone: patterns of files that are deleted in the same commit, if the folder lacks them.

    Returns: the commit.
    Raises: UsageError: no network, or no right to write.
    """
    from huggingface_hub import HfApi

    place = parse(address)
    with stage(f"sending to {address}"), access(address), _without_bars():
        api = HfApi()
        api.create_repo(place.name, repo_type=place.kind, private=private, exist_ok=True)
        made = api.upload_folder(
            repo_id=place.name, repo_type=place.kind, folder_path=source,
            commit_message=message, delete_patterns=list(gone) or None,
        )  # fmt: skip
    return str(made.oid)


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """Without the client's progress bars, which would be drawn over those of ganvas."""
    from huggingface_hub import utils

    if utils.are_progress_bars_disabled():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()
