"""Requests of the page as commands of ganvas. Every value is checked here: a text of a request
never becomes an option."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..config import recipe_names
from ..data.archives import SUFFIXES
from ..exporting.formats import FORMATS
from ..serve.status import Declined
from ..storage import manifest
from ..storage.run import Run
from .workspace import BUNDLED, Workspace, one_name

Body = Mapping[str, Any]
MOST_MINUTES = 7 * 24 * 60


class Order(NamedTuple):
    """What `Jobs.start` takes."""

    kind: str
    words: list[str]
    about: dict[str, Any]
    serves: bool = False


def dry_run(workspace: Workspace, body: Body) -> Order:
    """`ganvas train --dry-run`: what a run would be, and how long it would take."""
    data, words = _training(workspace, body)
    return Order("dry-run", ["train", *words, "--dry-run", "--json"], {"data": data})


def train(workspace: Workspace, body: Body) -> Order:
    """`ganvas train` into runs/NAME; the name is that of the images unless one is given."""
    data, words = _training(workspace, body)
    name = workspace.free("runs", str(body.get("name") or "")[:80] or _stem(data))
    heal = ["--heal"] if body.get("heal", True) else []
    return Order(
        "train", ["train", *words, *heal, "--run", f"runs/{name}"], {"data": data, "run": name}
    )


def resume(workspace: Workspace, body: Body) -> Order:
    """`ganvas resume`; with `kimg` to another length."""
    name = _run(workspace, body)
    longer = [f"--set=train.kimg={_number(body, 'kimg', 0.001, 1e6):g}"] if body.get("kimg") else []
    return Order("resume", ["resume", f"runs/{name}", *longer], {"run": name})


def evaluate(workspace: Workspace, body: Body) -> Order:
    """`ganvas evaluate`: scores with intervals, and the report."""
    name = _run(workspace, body)
    count = int(_number(body, "images", 10, 50_000)) if body.get("images") else 2_000
    words = ["evaluate", f"runs/{name}", "-n", str(count), "--json"]
    return Order("evaluate", words, {"run": name})


def export(workspace: Workspace, body: Body) -> Order:
    """`ganvas export` into models/NAME/N."""
    name = _run(workspace, body)
    wanted = body.get("formats") or ["saved_model", "litert"]
    formats = [str(one) for one in wanted] if isinstance(wanted, list) else []
    if not formats or not set(formats) <= set(FORMATS):
        raise _wrong("formats", wanted, f"a list of {', '.join(FORMATS)}")
    words = ["export", f"runs/{name}", "--to", f"models/{name}", "--formats", ",".join(formats)]
    unvalidated = ["--unvalidated"] if body.get("unvalidated") else []
    workspace.made("models")
    return Order("export", [*words, *unvalidated, "--json"], {"run": name, "model": name})


def serve(workspace: Workspace, body: Body) -> Order:
    """`ganvas serve` on free ports of this machine."""
    name = _model(workspace, body)
    words = ["serve", f"models/{name}", "--rest-port", "0", "--grpc-port", "0"]
    return Order("serve", words, {"model": name}, serves=True)


def fit_detector(workspace: Workspace, body: Body) -> Order:
    """`ganvas defects fit`: a detector from images of good parts."""
    data = workspace.images(body.get("data"))
    name = workspace.free("models", str(body.get("name") or "")[:80] or f"{_stem(data)}-detector")
    words = ["defects", "fit", data, "--out", f"models/{name}", "--with-gan", "no"]
    size = [f"--size={int(_number(body, 'size', 16, 1024))}"] if body.get("size") else []
    return Order("fit", [*words, *size], {"data": data, "model": name})


def score_defects(workspace: Workspace, body: Body) -> Order:
    """`ganvas defects score`: verdicts and heat-maps into scores/NAME."""
    model, data = _model(workspace, body), workspace.images(body.get("data"))
    name = workspace.free("scores", f"{model}-{_stem(data)}"[:80])
    words = ["defects", "score", f"models/{model}", data, "--out", f"scores/{name}", "--json"]
    return Order("score", words, {"model": model, "data": data, "scores": name})


ORDERS: Mapping[str, Callable[[Workspace, Body], Order]] = {
    "dry-run": dry_run,
    "train": train,
    "resume": resume,
    "evaluate": evaluate,
    "export": export,
    "serve": serve,
    "fit": fit_detector,
    "score": score_defects,
}


def _training(workspace: Workspace, body: Body) -> tuple[str, list[str]]:
    """The images, and the words for `ganvas train` that stand for the choices of the page."""
    data = workspace.images(body.get("data"))
    recipe = body.get("recipe") or "auto"
    if recipe not in ("auto", *recipe_names()):
        raise _wrong("recipe", recipe, "auto or a recipe of the list")
    words = [data] if data in BUNDLED and recipe == "auto" else [data, "--recipe", str(recipe)]
    if body.get("minutes") is not None:
        words += ["--minutes", f"{_number(body, 'minutes', 0.1, MOST_MINUTES):g}"]
    elif body.get("kimg") is not None:
        words += ["--kimg", f"{_number(body, 'kimg', 0.001, 1e6):g}"]
    if body.get("size"):
        words += ["--size", str(int(_number(body, "size", 16, 256)))]
    if body.get("seed"):
        words += ["--seed", str(int(_number(body, "seed", 0, 2**31 - 1)))]
    if body.get("labels") is False:
        words += ["--set", "data.labels=false"]
    return data, words


def _number(body: Body, key: str, least: float, most: float) -> float:
    value: Any = body.get(key)
    number = float(value) if type(value) is float or type(value) is int else math.nan
    if not least <= number <= most:  # also of NaN
        raise _wrong(key, value, f"a number from {least:g} to {most:g}")
    return number


def _run(workspace: Workspace, body: Body) -> str:
    name = one_name(body.get("run"))
    Run.open(workspace.existing("runs", name))
    return name


def _model(workspace: Workspace, body: Body) -> str:
    name = one_name(body.get("model"))
    manifest.locate(workspace.existing("models", name))
    return name


def _stem(data: str) -> str:
    """A name from that of the images: uploads/cats.npz -> cats."""
    last = data.rpartition("/")[2]
    suffixes = (one for one in (*SUFFIXES, ".npz", ".npy") if last.lower().endswith(one))
    return last[: -len(next(suffixes, "")) or None] or "images"


def _wrong(key: str, value: Any, accepted: str) -> Declined:
    return Declined("INVALID_ARGUMENT", f"{key} must be {accepted}, got {value!r}")
