"""What a server serves, as a client sees it: models, their signatures, and tensors of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TensorInfo:
    """An input or output: name of its dtype, and its shape; -1 is a free side."""

    dtype: str
    shape: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"dtype": self.dtype, "shape": list(self.shape)}


@dataclass(frozen=True)
class SignatureInfo:
    """Inputs and outputs of a signature by name."""

    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]

    @classmethod
    def read(cls, sides: Mapping[str, Any]) -> SignatureInfo:
        """From {"inputs": {name: {"dtype", "shape"}}, "outputs": ...}."""
        inputs, outputs = (
            {name: TensorInfo(one["dtype"], tuple(one["shape"])) for name, one in side.items()}
            for side in (sides["inputs"], sides["outputs"])
        )
        return cls(inputs, outputs)

    def to_dict(self) -> dict[str, Any]:
        return {
            "inputs": {name: info.to_dict() for name, info in self.inputs.items()},
            "outputs": {name: info.to_dict() for name, info in self.outputs.items()},
        }


@dataclass(frozen=True)
class ServedModel:
    """A model of a server.

    Attributes:
        versions: available ones, in descending order.
        labels: label of a version -> its number.
        signatures: by name, of the newest version.
        names: of the classes by index, of the newest version; empty without classes.
    """

    name: str
    versions: tuple[int, ...]
    labels: Mapping[str, int]
    signatures: Mapping[str, SignatureInfo]
    names: tuple[str, ...] = ()

    @classmethod
    def read(cls, listed: Mapping[str, Any]) -> ServedModel:
        """From an entry of /v1/models."""
        signatures = {k: SignatureInfo.read(v) for k, v in listed["signatures"].items()}
        return cls(
            listed["name"],
            tuple(listed["versions"]),
            dict(listed["labels"]),
            signatures,
            tuple(listed.get("names", ())),
        )

    def to_dict(self) -> dict[str, Any]:
        """The entry of /v1/models."""
        return {
            "name": self.name,
            "versions": list(self.versions),
            "labels": dict(self.labels),
            "names": list(self.names),
            "signatures": {name: one.to_dict() for name, one in self.signatures.items()},
        }
