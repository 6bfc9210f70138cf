"""`export`: check the gate, write files, check each of them, describe them, publish."""

from __future__ import annotations

import contextlib
import datetime
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from ..base.progress import stage
from ..config import Config
from ..data import Images, load as load_images, options_for_others, options_of
from ..errors import Advice, DataError, Refused, UsageError
from ..evaluation.subject import measured
from ..reports.language import chosen
from ..sampling.sampler import Sampler, load
from ..serve.signatures import MOST
from ..storage import manifest, remote
from ..storage.run import Run
from . import artefacts, deployment, drift as reference, litert, quantizers
from .artefacts import Maker
from .candidates import Trials, workplace
from .card import card
from .child import Child
from .formats import DEFAULT, check
from .parity import Parity
from .publish import check_free, publishing

PRIVATE = "its privacy bound does not allow another use of the training images"
UNREAD = "the run's real images can no longer be read"
"""Without their path, which may be private: the manifest is published."""


def export(
    run: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    formats: Iterable[str] = DEFAULT,
    version: int | None = None,
    unvalidated: bool = False,
    model: str = "best",
    data: Any = None,
    deploy: bool = False,
    drift: bool = False,
    lang: str = "",
) -> Path | str:
    """Write a run's generator as a version of a model, DIR/N/, checked and described.

    After writing, each file is run and compared with the generator. A file below the bounds in
    `[export]` of the recipe is not published; the manifest contains the reason.

    Args:
        to: DIR, the folder of the versions and of files for TensorFlow Serving. At an address such
            as gs://B/MODEL, a complete version is uploaded, the manifest last.
        formats: of "saved_model", "litert", "onnx".
        version: N; None: the next free one.
        unvalidated: publish even if the run's gate fails.
        model: of the run: "best" or "last".
        data: real images for scores; None: the held-out images of the run.
        deploy: also write DIR/deploy: an image of `ganvas serve`, and manifests for Docker Compose,
            Kubernetes, KServe, Prometheus and Grafana. Existing files stay.
        drift: also write what `ganvas serve --drift` compares served images with.
        lang: language of the model card, "en" or "zh"; "": by GANVAS_LANG, else en.

    Returns: DIR/N, or its address.
    Raises:
        Refused: the gate fails, or no file is good enough.
        UsageError: a wrong format, or the version exists already.
        RunError: the run has no generator.
    """
    if address := remote.address(remote.writable(to)):
        options = {"unvalidated": unvalidated, "model": model, "data": data, "deploy": deploy,
                   "drift": drift, "lang": lang}  # fmt: skip
        return _export_there(run, address, version, formats=check(formats), **options)
    names, old, folder, lang = check(formats), Run.open(run), remote.path(to), chosen(lang)
    check_free(folder, version)
    with contextlib.ExitStack() as open_things:
        child = open_things.enter_context(Child()) if "litert" in names else None
        sampler, config = load(old, model), old.config
        gate = _gate(old, config, data, model, unvalidated)
        source, why = _source(config, data, old)
        parity = Parity(sampler, source, config.export, config.scores.features)
        part, final = open_things.enter_context(publishing(folder, version))
        facts = _origin(old, sampler) | {"gate": gate, "judged_without": why}
        facts |= _tried(part, names, sampler, parity, child)
        if drift:
            facts["drift"] = reference.write(part, sampler, source)
        (part / "MODEL_CARD.md").write_text(card(facts, final, lang), encoding="utf-8")
        manifest.write(part, facts)
    deployment.write(folder, _deployed(deploy))
    return final


def _deployed(deploy: bool) -> tuple[str, ...]:
    return deployment.FILES + (deployment.SERVER if deploy else ())


def _export_there(run: Any, address: str, version: int | None, **options: Any) -> str:
    """Export into a local folder, and upload the version."""
    number, store = check_free(address, version), remote.Store(address)
    folder = remote.temporary(address)
    made = export(run, folder, version=number, **options)
    check_free(address, number)  # another process may have used it meanwhile
    there = f"{address}/{number}"
    remote.Store(there).publish(Path(made), last=manifest.NAME)
    known = store.files()
    for name in _deployed(options["deploy"]):
        if name not in known:
            store.put(folder / name, name)
    return there


def _tried(
    folder: Path, formats: Sequence[str], sampler: Sampler, parity: Parity, child: Child | None
) -> dict[str, Any]:
    """Write the artefacts -> facts of those that were kept, and reasons against the others.

    Raises: Refused: no artefact is good enough.
    """
    kept: dict[str, Any] = {}
    withheld: dict[str, list[str]] = {}
    with workplace() as place:
        attempts = list(_attempts(formats, sampler, parity, child, Path(place)))
        with stage("writing and checking", len(attempts), "files") as writing:
            for name, attempt in attempts:
                found, faults, surplus = attempt(folder)
                if faults:
                    why = "; ".join(faults)
                    warnings.warn(f"{name} is not published: {why}", Advice, stacklevel=3)
                if faults or surplus:
                    withheld[name] = faults + surplus
                else:
                    kept[name] = found
                writing.advance()
    if not kept:
        raise Refused(
            f"no file of {', '.join(formats)} is good enough ({next(iter(withheld.values()))[0]}): "
            "nothing was published; see [export] of the recipe"
        )
    known = {"quantizers": quantizers.installed()} if "litert" in formats else {}
    return {"artefacts": kept, "withheld": withheld, **known}


def _attempts(
    formats: Sequence[str], sampler: Sampler, parity: Parity, child: Child | None, place: Path
) -> Iterator[tuple[str, Callable[[Path], tuple[dict[str, Any], list[str], list[str]]]]]:
    """Each artefact's name, and the function that writes it into a folder -> its facts, its faults,
    and why it is not worth publishing."""
    for one in formats:
        if child and one == "litert":
            trials = Trials(sampler, parity, child, place)
            for kind in litert.KINDS:
                yield litert.file_name(kind), partial(trials.attempt, kind)
        else:
            name, make = artefacts.maker(one, sampler)
            yield name, partial(_try, name=name, make=make, parity=parity)


def _gate(run: Run, config: Config, data: Any, model: str, unvalidated: bool) -> dict[str, Any]:
    """The verdict of the run's gate. Raises: Refused: it fails, without `unvalidated`."""
    demands = config.gate.model_dump(exclude_none=True)
    if not demands:
        return {"passed": None, "failed": [], "scores": {}}
    names = sorted({key.rpartition("_")[0] for key in demands})
    try:
        result = measured(run, data, metrics=names, model=model)
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


def _source(config: Config, data: Any, run: Run) -> tuple[Images | None, str | None]:
    """Real images for scores of a run; None and the reason if there are none."""
    if data is None and config.privacy.on:
        return None, PRIVATE
    place = data if data is not None else config.data.source
    if isinstance(place, str) and not place:
        return None, "the run was trained on arrays, which are not stored"
    # Balance is for training only; it does not change the held-out images.
    options = replace(options_of(config, run), balanced=False)
    if data is not None:
        return load_images(data, options_for_others(config)), None
    remote.trusted(place)
    try:
        return load_images(place, options), None
    except DataError:
        return None, UNREAD


def _try(
    folder: Path, name: str, make: Maker, parity: Parity
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Write an artefact and run it -> its facts, reasons against publishing it, and none why it is
    not worth it."""
    before = set(folder.rglob("*"))
    try:
        make(folder)
    except Refused as error:
        return {}, [str(error)], []
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
    return found, faults, []


def _origin(run: Run, sampler: Sampler) -> dict[str, Any]:
    """Origin of the generator, and its inputs and outputs."""
    info, path = run.info, sampler.file
    data: Mapping[str, Any] = info.get("data") or {}
    keys = ["fingerprint", "count", "shape"]
    if info.get("privacy"):  # with all images but one, the fingerprint would identify the last
        keys.remove("fingerprint")
    return {
        "run": run.folder.resolve().name,
        "model": path.name if path else "",
        "recipe": run.config.recipe,
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": {
            name: metadata.version(name)
            for name in ("ganvas", "tensorflow", "keras", "ai-edge-litert")
        },
        "data": {key: data[key] for key in keys if key in data},
        "privacy": info.get("privacy"),
        "best": run.best,
        "noise_size": int(sampler.noise_size),
        "shape": list(sampler.shape),
        "conditional": sampler.conditional,
        "names": sampler.names,
        "class_shares": [float(share) for share in sampler.frequencies],
        "most_images": MOST,
    }
