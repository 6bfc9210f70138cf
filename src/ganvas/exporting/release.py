"""What `ganvas export` does: judge the run, make files, try each, describe them, publish."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from ..config import Config
from ..data import Images, options_of
from ..data import load as load_images
from ..errors import Advice, DataError, Refused, UsageError
from ..evaluation import evaluate
from ..sampling.sampler import Sampler, load
from ..storage import manifest, remote
from ..storage.run import Run
from . import artefacts, deployment, litert, saved_model
from .artefacts import Maker
from .card import card
from .formats import DEFAULT, check
from .parity import Parity, clock
from .publish import check_free, publishing

PRIVATE = "its privacy bound covers no second look at the images it learnt from"
UNREAD = "the run's real images cannot be read any more"
"""Which ones, a model that is given away keeps to itself: it may be a private path."""


def export(
    run: str | os.PathLike,
    to: str | os.PathLike,
    *,
    formats: Iterable[str] = DEFAULT,
    version: int | None = None,
    unvalidated: bool = False,
    model: str = "best",
    data: Any = None,
) -> Path | str:
    """Write a run's generator as a version of a model, DIR/N/, checked and described.

    Each file is run after writing and held against the generator: what falls below the
    recipe's `[export]` bounds is left out, and the manifest says so.

    Args:
        to: DIR, which holds the versions; TensorFlow Serving's files are put beside them. At an
            address such as gs://B/MODEL, a version is sent when it is done, the manifest last.
        formats: of "saved_model", "litert", "onnx".
        version: N; None: the next free one.
        unvalidated: publish although the run's gate fails.
        model: of the run: "best" or "last".
        data: real images to judge by; None: those that the run held out.

    Returns: DIR/N, or its address.
    Raises: Refused: the gate fails, or no file is good enough. UsageError: a wrong format, a
        version that is taken, a run without a generator.
    """
    if address := remote.address(to):
        options = {"unvalidated": unvalidated, "model": model, "data": data}
        return _export_there(run, address, version, formats=check(formats), **options)
    names, old, folder = check(formats), Run.open(run), remote.path(to)
    check_free(folder, version)
    sampler, config = load(old, model), old.config
    gate = _gate(old, config, data, model, unvalidated)
    source, why = _source(config, data)
    parity = Parity(sampler, source, config.export, config.scores.features)
    with publishing(folder, version) as (part, final):
        facts = _origin(old, sampler, model) | {"gate": gate, "judged_without": why}
        facts |= _tried(part, names, sampler, parity)
        (part / "MODEL_CARD.md").write_text(card(facts, final), encoding="utf-8")
        manifest.write(part, facts)
    deployment.write(folder)
    return final


def _export_there(run: Any, address: str, version: int | None, **options: Any) -> str:
    """Export into a folder of this machine, and send the version that was made."""
    number, store = check_free(address, version), remote.Store(address)
    folder = remote.temporary(address)
    made = export(run, folder, version=number, **options)
    check_free(address, number)  # it took a while
    there = f"{address}/{number}"
    remote.Store(there).publish(Path(made), last=manifest.NAME)
    known = store.files()
    for name in deployment.FILES:
        if name not in known:
            store.put(folder / name, name)
    return there


def _tried(
    folder: Path, formats: Iterable[str], sampler: Sampler, parity: Parity
) -> dict[str, dict[str, Any]]:
    """Make the artefacts -> those that were kept, and those that were not, with the reasons.

    Raises: Refused: none is good enough.
    """
    kept: dict[str, Any] = {}
    withheld: dict[str, list[str]] = {}
    for name, make in artefacts.makers(formats, sampler):
        found, faults = _try(folder, name, make, parity)
        if faults:
            withheld[name] = faults
            warnings.warn(f"{name} is not published: {'; '.join(faults)}", Advice, stacklevel=3)
        else:
            kept[name] = found
    if not kept:
        raise Refused(
            f"no file of {', '.join(formats)} is good enough ({next(iter(withheld.values()))[0]}): "
            "nothing was published; see [export] of the recipe"
        )
    return {"artefacts": kept, "withheld": withheld}


def _gate(run: Run, config: Config, data: Any, model: str, unvalidated: bool) -> dict[str, Any]:
    """The verdict of the run's gate. Raises Refused: it fails, and that was not waived."""
    demands = config.gate.model_dump(exclude_none=True)
    if not demands:
        return {"passed": None, "failed": [], "scores": {}}
    names = sorted({key.rpartition("_")[0] for key in demands})
    try:
        result = evaluate(run, data, metrics=names, model=model)
    except UsageError:
        if not unvalidated:
            raise
        return {"passed": None, "failed": [UNREAD], "scores": {}}
    if not (result.gate.passed or unvalidated):
        raise Refused(
            f"{run.folder} fails its gate ({'; '.join(result.gate.failed)}): train it further, or "
            "use --unvalidated to publish it anyway"
        )
    scores = {name: score.to_dict() for name, score in result.scores.items()}
    return {**result.gate.to_dict(), "scores": scores}


def _source(config: Config, data: Any) -> tuple[Images | None, str | None]:
    """Real images to score by; None, and why, where there are none at hand."""
    if data is None and config.privacy.on:
        return None, PRIVATE
    word = data if data is not None else config.data.source
    if isinstance(word, str) and not word:
        return None, "the run was trained on arrays, which are not kept"
    # Groups and balance are for learning; the images held out are the same without.
    options = replace(options_of(config), balanced=False, clusters=0)
    if data is not None:
        return load_images(data, replace(options, holdout=0, judged=True)), None
    try:
        return load_images(word, options), None
    except DataError:
        return None, UNREAD


def _try(folder: Path, name: str, make: Maker, parity: Parity) -> tuple[dict[str, Any], list[str]]:
    """Make an artefact and run it -> what was found, and what speaks against it."""
    before = set(folder.rglob("*"))
    try:
        make(folder)
    except Refused as error:
        return {}, [str(error)]
    own = [path for path in folder.rglob("*") if path not in before and path.is_file()]
    found = {"bytes": sum(path.stat().st_size for path in own)}
    found |= parity.examine(artefacts.opened(folder, name, os.cpu_count() or 1))
    faults = parity.faults(found)
    if faults:
        for path in own:
            path.unlink()
        emptied = [path for path in folder.rglob("*") if path not in before and path.is_dir()]
        for path in sorted(emptied, reverse=True):
            path.rmdir()
    elif name.endswith(".tflite"):
        found |= _speed(folder / name, parity)
    return found, faults


def _speed(path: Path, parity: Parity) -> dict[str, Any]:
    """Median milliseconds of one image by threads, and whether one delegate takes all of it."""
    labels = None if parity.labels is None else parity.labels[:1]
    files = {threads: litert.LiteRT(path, threads) for threads in (1, 2)}
    latency = {
        str(threads): round(float(_median(lambda file=file: file(parity.noise[:1], labels))), 4)
        for threads, file in files.items()
    }
    return {"latency_ms": latency, "one_delegate": files[1].whole}


def _median(call) -> float:
    times = sorted(clock(call))
    return times[len(times) // 2]


def _origin(run: Run, sampler: Sampler, model: str) -> dict[str, Any]:
    """Where the generator comes from, and what it takes and gives."""
    info, path = run.info, run.model(model)
    data: Mapping[str, Any] = info.get("data") or {}
    told = ["fingerprint", "count", "shape"]
    if info.get("privacy"):  # who has all images but one would know the last by it
        told.remove("fingerprint")
    return {
        "run": run.folder.resolve().name,
        "model": path.name if path else "",
        "recipe": run.config.recipe,
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {
            name: metadata.version(name)
            for name in ("ganvas", "tensorflow", "keras", "ai-edge-litert")
        },
        "data": {key: data[key] for key in told if key in data},
        "privacy": info.get("privacy"),
        "best": run.best,
        "noise_size": int(sampler.noise_size),
        "shape": list(sampler.shape),
        "conditional": sampler.conditional,
        "names": sampler.names,
        "class_shares": [float(share) for share in sampler.frequencies],
        "most_images": saved_model.MOST,
    }
