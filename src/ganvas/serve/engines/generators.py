"""A version of a generator computed from one exported file, without TensorFlow.

Its signatures are those of the SavedModel that `ganvas export` writes, with the same noise from
(seed, number); images are the same within a grey level, because another library rounds otherwise.
Images are drawn one at a time, so that their bytes do not depend on the others of a request.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ... import images
from ...base import philox
from ...base.logs import held_back_stderr
from ...errors import Diverged, ModelError
from ...images import fast_png
from ...storage.facts import check_facts
from ..background import within
from ..messages import SignatureDef
from ..scheduler import Remaining, Steps
from ..signatures import (
    CHUNK,
    DEFAULT,
    FURTHEST,
    GENERATE,
    GENERATE_FROM,
    MOST,
    WRONG_FIRST,
    WRONG_NUMBER,
    WRONG_TRUNCATION,
    wrong_label,
)
from ..status import Declined, invalid
from .base import WARM_UP_SECONDS, Servable, Signature, definitions_of, verify

Sides = dict[str, tuple[int, ...]]
"""Shapes of inputs or outputs by name."""


@dataclass(frozen=True)
class Generator:
    """What the manifest says of a generator.

    Attributes:
        shape: of an image, (height, width, channels).
        shares: frequency of each class in training; empty without labels.
    """

    noise_size: int
    shape: tuple[int, ...]
    shares: tuple[float, ...]

    @property
    def conditional(self) -> bool:
        return bool(self.shares)

    @classmethod
    def of(cls, facts: Mapping[str, Any], file: str, fault: ModelError) -> Generator:
        """Raises: Declined: the fault: the manifest is not one of a generator with this file."""
        try:
            if file not in (facts.get("artefacts") or ()):
                raise fault
            known = check_facts(facts, fault)
            shares = tuple(known["class_shares"]) if facts["conditional"] else ()
            return cls(int(facts["noise_size"]), tuple(map(int, known["shape"])), shares)
        except (KeyError, TypeError, ValueError) as error:
            raise Declined("DATA_LOSS", str(fault)) from error
        except ModelError as error:
            raise Declined("FAILED_PRECONDITION", str(error)) from error


class GeneratorServable(Servable):
    """A generator that is drawn from a file.

    Args:
        folder: with manifest.json and the file, with a SavedModel or without.

    Raises: Declined: no such file, changed files, or a file that does not draw such images.
    """

    file: ClassVar[str]
    """Its name in the folder."""
    format: ClassVar[str]
    """Of the file, for `ganvas export --formats`."""

    def __init__(self, name: str, version: int, folder: Path):
        fault = ModelError(
            f"{folder} has no verified {self.file}: export it with --formats {self.format}, or "
            "serve it with --engine tensorflow"
        )
        self._generator = Generator.of(verify(folder), self.file, fault)
        saved = (folder / "saved_model.pb").is_file()
        super().__init__(
            name, version, folder,
            definitions_of(folder) if saved else declared(self._generator),
        )  # fmt: skip
        own = declared(self._generator)
        self._signatures = {
            key: Signature(definition)
            for key, definition in self.definitions.items()
            if key in (DEFAULT, GENERATE, GENERATE_FROM) and _fits(definition, own[key])
        }
        within(WARM_UP_SECONDS, lambda: self._warm_up(folder / self.file))

    @abc.abstractmethod
    def _open(self, path: Path) -> tuple[Sides, Sides]:
        """Read the file; returns the shapes of its inputs and outputs, -1 for a free side.

        Raises: ModelError, ValueError: it cannot be run.
        """

    @abc.abstractmethod
    def _run(self, made: np.ndarray, z: np.ndarray, label: np.ndarray | None) -> None:
        """Draw images [N, H, W, C] into `made`."""

    def find(self, name: str) -> Signature | None:
        return self._signatures.get(name or DEFAULT)

    def steps(self, name: str, arrays: Mapping[str, np.ndarray]) -> Steps[dict[str, np.ndarray]]:
        signature = self._signatures[name or DEFAULT]
        signature.check(arrays)
        if not signature.draws:
            return {"images": (yield from self._predicted(arrays))}
        self._check_drawing(arrays)
        first = int(arrays.get("first", np.int32(0)))
        last = first + int(arrays["num_images"])
        files: list[bytes] = []
        for start in range(first, last, CHUNK):
            yield Remaining((last - start) * self.pixels, last - first > CHUNK)
            files += self._drawn(arrays, range(start, min(start + CHUNK, last)))
        found = np.empty(len(files), object)
        found[:] = files
        return {"image_bytes": found}

    def _predicted(self, arrays: Mapping[str, np.ndarray]) -> Steps[np.ndarray]:
        """Images of given noise, at most CHUNK at a time."""
        z, label = arrays["z"], arrays.get("label")
        if label is not None:
            if len(label) != len(z):
                raise invalid(f"z has {len(z)} rows, and label {len(label)}: send one for each")
            wrong = label[(label < 0) | (label >= len(self._generator.shares))]
            if wrong.size:
                last = len(self._generator.shares) - 1
                raise invalid(f"label must be 0 to {last}, got {wrong[0]}")
        made = np.empty((len(z), *self._generator.shape), np.float32)
        for start in range(0, len(z), CHUNK):
            yield Remaining((len(z) - start) * self.pixels, len(z) > CHUNK)
            rows = slice(start, start + CHUNK)
            self._run(made[rows], z[rows], None if label is None else label[rows])
        return made

    def _drawn(self, arrays: Mapping[str, np.ndarray], numbers: range) -> Iterator[bytes]:
        """PNG files of the images of these numbers; see `exporting/saved_model.py`."""
        first, second = arrays["seed"].tolist()
        seeds = [philox.fold_in((first, second), number) for number in numbers]
        noise = philox.normal(self._generator.noise_size, [philox.fold_in(s, 0) for s in seeds])
        made = np.empty((len(numbers), *self._generator.shape), np.float32)
        label = self._labels(seeds, int(arrays["label"])) if self._generator.conditional else None
        self._run(made, arrays["truncation"].astype(np.float32) * noise, label)
        try:
            return fast_png.encoded(images.to_uint8(made))
        except Diverged as error:
            raise Declined("INTERNAL", str(error)) from error

    def _labels(self, seeds: Sequence[philox.Seed], label: int) -> np.ndarray:
        if label >= 0:
            return np.full(len(seeds), label, np.int32)
        edges = np.cumsum(self._generator.shares)[:-1].astype(np.float32)
        drawn = np.array([philox.uniform(philox.fold_in(seed, 1)) for seed in seeds])
        return np.searchsorted(edges, drawn, side="right").astype(np.int32)

    def _check_drawing(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raises: Declined: INVALID_ARGUMENT, with the sentences of the SavedModel."""
        classes = len(self._generator.shares)
        ranges: Sequence[tuple[str, str, Callable[[Any], bool]]] = (
            ("first", WRONG_FIRST, lambda value: 0 <= value <= FURTHEST),
            ("num_images", WRONG_NUMBER, lambda value: 1 <= value <= MOST),
            ("truncation", WRONG_TRUNCATION, lambda value: 0 < value <= 2),
            ("label", wrong_label(classes), lambda value: -1 <= value < classes),
        )
        for alias, sentence, accepts in ranges:
            if alias in arrays and not accepts(arrays[alias].item()):
                got = sentence.format(f"{arrays[alias].item():g}")
                raise invalid(f"assertion failed: [{got}]")  # TensorFlow's words

    def _warm_up(self, path: Path) -> None:
        """Draw an image. Raises: Declined: DATA_LOSS: it is not one of the manifest's shape."""
        own = self._generator
        wanted = {"z": (1, own.noise_size)} | ({"label": (1,)} if own.conditional else {})
        try:
            with held_back_stderr():  # where LiteRT says what it computes by
                given, drawn = map(_of_one, self._open(path))
        except (ModelError, ValueError) as error:
            raise Declined("DATA_LOSS", str(error)) from error
        if given != wanted or drawn != {"images": (1, *own.shape)}:
            raise Declined(
                "DATA_LOSS",
                f"{path} is not the generator of its manifest: export it again",
            )
        label = np.zeros(1, np.int32) if own.conditional else None
        self._run(np.empty((1, *own.shape), np.float32), np.zeros(wanted["z"], np.float32), label)


def _of_one(sides: Sides) -> Sides:
    """Shapes for one image: a free first side is 1."""
    return {
        name: ((1, *shape[1:]) if shape[:1] == (-1,) else shape) for name, shape in sides.items()
    }


Infos = dict[str, tuple[int, list[int]]]
"""Inputs or outputs: number of the type, and shape."""


def declared(generator: Generator) -> dict[str, Any]:
    """The SignatureDefs that `ganvas export` writes into a SavedModel, for a version without
    one."""
    floats, int32, text = 1, 3, 7
    z: Infos = {"z": (floats, [-1, generator.noise_size])}
    drawing: Infos = {"num_images": (int32, []), "seed": (int32, [2]), "truncation": (floats, [])}
    if generator.conditional:
        z["label"], drawing["label"] = (int32, [-1]), (int32, [])
    files: Infos = {"image_bytes": (text, [-1])}
    found = {}
    # In the order in which TensorFlow numbers its functions.
    sides: list[tuple[str, Infos, Infos]] = [
        (GENERATE, drawing, files),
        (GENERATE_FROM, {"first": (int32, []), **drawing}, files),
        (DEFAULT, z, {"images": (floats, [-1, *generator.shape])}),
    ]
    for number, (name, inputs, outputs) in enumerate(sides):
        found[name] = SignatureDef(method_name="tensorflow/serving/predict")
        for alias, kind in inputs.items():
            _describe(found[name].inputs[alias], f"{name}_{alias}:0", *kind)
        call = f"StatefulPartitionedCall_{number}:0" if number else "StatefulPartitionedCall:0"
        for alias, kind in outputs.items():
            _describe(found[name].outputs[alias], call, *kind)
    nothing = SignatureDef()
    nothing.outputs["__saved_model_init_op"].name = "NoOp"
    nothing.outputs["__saved_model_init_op"].tensor_shape.unknown_rank = True
    return {**found, "__saved_model_init_op": nothing}


def _describe(info: Any, name: str, number: int, sides: Sequence[int]) -> None:
    info.name, info.dtype = name, number
    info.tensor_shape.SetInParent()
    for side in sides:
        info.tensor_shape.dim.add(size=side)


def _fits(definition: Any, own: Any) -> bool:
    """Whether the inputs and outputs of a SavedModel's signature are those that are drawn here."""
    return all(
        {alias: (info.dtype, info.tensor_shape.SerializeToString()) for alias, info in one.items()}
        == {alias: (i.dtype, i.tensor_shape.SerializeToString()) for alias, i in other.items()}
        for one, other in ((definition.inputs, own.inputs), (definition.outputs, own.outputs))
    )
