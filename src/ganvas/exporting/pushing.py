"""`push`: an exported model, its card, samples and weights, in one commit to a hub."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base import extras
from ..base.own_files import SOFTWARE
from ..base.types import StrPath
from ..errors import UsageError
from ..images import write_png
from ..images.sheets import sheet
from ..sampling import litert_sampler
from ..storage import hub, manifest, remote
from ..storage.run import Run
from .hub_card import SAMPLES, WEIGHTS, About, check_license, hub_card, of_model, of_run

README = "README.md"
OWN = {README, ".gitattributes", SAMPLES, WEIGHTS}
"""Files at the top of a repository that a push writes, or that the hub makes itself."""


@dataclass(frozen=True)
class Pushed:
    """Attributes:
    address: of the repository at the new commit.
    files: names of the files that were sent.
    license: None: the card states none.
    """

    address: str
    files: tuple[str, ...]
    license: str | None

    def to_dict(self) -> dict[str, Any]:
        return {"address": self.address, "files": list(self.files), "license": self.license}


def push(
    subject: StrPath,
    to: str,
    *,
    license: str | None = None,
    private: bool = False,
    model: str = "best",
    **options: Any,
) -> Pushed:
    """Send a run's generator, or an exported model, to a repository of a hub, in one commit.

    The repository then holds one version, N/, as `export` wrote it; README.md, samples.png, and
    generator.safetensors. Versions that were pushed before stay in its history.

    Args:
        subject: a run, which is exported first, or an exported model.
        to: hf://USER/NAME; it is made if it does not exist.
        license: identifier of a licence, such as "apache-2.0"; None: none is stated.
        private: whether a new repository is private.
        model: of a run: "best" or "last".
        options: of `export`, for a run.

    Raises:
        UsageError: another address, a repository with files of others, no network, no right.
        Refused: the gate of the run fails.
    """
    check(to, license)
    extras.check("hub", "ganvas push")
    is_model = manifest.is_model(subject)
    run = None if is_model else Run.open(subject)
    gone = _replaced(to)
    with tempfile.TemporaryDirectory(prefix="ganvas-") as place:
        if run is None:
            version = manifest.locate(subject)
        else:
            from .release import export

            version = Path(export(run, Path(place, "model"), model=model, **options))
        about = of_model(version) if run is None else of_run(run, model)
        folder = Path(place, "repository")
        number = version.name if version.name.isdigit() else "1"
        shutil.copytree(version, folder / number)
        weights = _write_weights(folder, version, run, model)
        write_samples(folder / SAMPLES, version)
        name = hub.parse(to).name.partition("/")[2]
        text = hub_card(about, name, license, to, weights)
        (folder / README).write_text(text, encoding="utf-8")
        files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        commit = hub.upload(to, folder, f"{name}, version {number}", private, gone)
    return Pushed(hub.parse(to).address(commit), tuple(files), license)


def check(to: str, license: str | None) -> None:
    """Refuse wrong values before any work. Raises: UsageError."""
    check_license(license)
    if not hub.is_hub(remote.address(to)):
        raise UsageError(f"{to} is no address of a model hub: give hf://USER/NAME")
    place = hub.parse(to)
    if place.kind != "model" or place.revision or place.path:
        raise UsageError(f"{to} is not the address of a model alone: give hf://USER/NAME")


def _replaced(to: str) -> list[str]:
    """Patterns of the versions that a repository holds.

    Raises: UsageError: it holds files of others.
    """
    names = hub.names(to) or []
    versions = {name.partition("/")[0] for name in names if manifest.WHOLE.fullmatch(name)}
    others = [n for n in names if n.partition("/")[0] not in versions and n != ".gitattributes"]
    if others and not versions:
        raise UsageError(
            f"{to} holds other files ({others[0]}) and no model of ganvas: choose another name"
        )
    return [f"{version}/*" for version in sorted(versions)]


def about_of(subject: StrPath, model: str = "best") -> tuple[About, str]:
    """What a card says of a run or a model, and its name."""
    if manifest.is_model(subject):
        folder = manifest.locate(subject)
        name = folder.absolute().parent.name if folder.name.isdigit() else folder.name
        return of_model(folder), name
    run = Run.open(subject)
    return of_run(run, model), run.folder.absolute().name


def write_samples(path: Path, subject: StrPath, model: str = "best") -> None:
    """Write the grid of samples that a card shows: 36 images from seed 0."""
    sampler: Any = litert_sampler.load(subject) if model == "best" else None
    if sampler is None:
        from ..sampling.sampler import load

        sampler = load(subject, model)
    write_png(path, sheet(sampler.sample(36, seed=0)), SOFTWARE | {"seed": "0"}, synthetic=True)


def _write_weights(folder: Path, version: Path, run: Run | None, model: str) -> bool:
    """Write generator.safetensors; False: the version has no SavedModel, which holds the weights.

    The names are those of Keras for a run; an exported model has kept their order alone.
    """
    if not (version / "saved_model.pb").is_file():
        return False
    from safetensors.numpy import save_file

    save_file(_weights(version, run, model), os.fspath(folder / WEIGHTS))
    return True


def _weights(version: Path, run: Run | None, model: str) -> dict[str, np.ndarray]:
    if run is not None:
        from ..sampling.sampler import load

        generator: Any = load(run, model).generator  # of a run: a Keras model
        return {one.path: np.ascontiguousarray(one.numpy()) for one in generator.variables}
    import tensorflow as tf

    reader = tf.train.load_checkpoint((version / "variables" / "variables").as_posix())
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    names = [name for name in reader.get_variable_to_shape_map() if name.endswith(suffix)]
    weights = [name for name in names if name.startswith("weights/")]
    return {one.removesuffix(suffix): reader.get_tensor(one) for one in sorted(weights)}
