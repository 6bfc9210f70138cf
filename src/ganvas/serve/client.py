"""A client of a served model: over REST with the standard library, over gRPC with the extra."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from .. import images
from ..base.classes import class_index
from ..errors import UsageError
from .listing import ServedModel, SignatureInfo
from .wires import Grpc, Rest


class Client:
    """A client of a generator served by `ganvas serve` or TensorFlow Serving.

    Args:
        url: http://HOST:PORT, https://..., grpc://HOST:PORT or grpcs://....
        model: its name; None: the only model of the server.
        version: a number; None: the newest.
        token: the content of the server's --token-file.
        timeout: seconds to wait for a response.
        certificate: PEM file to trust, for a server with a self-signed certificate.

    Raises: UsageError: another URL, or gRPC without the extra.

    Each call raises Declined, with the server's message and a `code` such as "NOT_FOUND".

    Example:
        with ganvas.Client("http://127.0.0.1:8501") as client:
            client.generate(16, seed=3)  # uint8 [16, H, W, C]
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        version: int | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        certificate: str | None = None,
    ):
        place = urlsplit(url)
        kinds: dict[str, Any] = {"http": Rest, "https": Rest, "grpc": Grpc, "grpcs": Grpc}
        try:
            port = place.port
        except ValueError:  # not a number, or not a port
            port = None
        if place.scheme not in kinds or not place.hostname or not port:
            raise UsageError(
                f"the URL must be http://HOST:PORT or grpc://HOST:PORT (https, grpcs for TLS), got "
                f"'{url}'"
            )
        secure = place.scheme.endswith("s")
        trust = (certificate,) if secure else None
        self._wire = kinds[place.scheme](place.hostname, port, trust, token, timeout)
        self._name = model
        self._version = version
        self._inputs: dict[str, Any] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def generate(
        self, n: int, label: int | str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> np.ndarray:
        """Images drawn by the server; the same seed gives the same images.

        Args:
            label: a class by index or name; None: with the frequencies of training.
            truncation: below 1, more typical, less varied.

        Returns: uint8 [n, H, W, C].
        """
        files = self._files(n, label, seed, truncation)
        return np.stack([images.read(file) for file in files])

    def pictures(
        self, n: int, label: int | str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> list[Image.Image]:
        """The same as `generate`, as Pillow images."""
        files = self._files(n, label, seed, truncation)
        return [Image.open(io.BytesIO(file), formats=["PNG"]) for file in files]

    def _files(
        self, n: int, label: int | str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> list[bytes]:
        """The same as PNG files."""
        if n < 1:
            raise UsageError(f"n must be >= 1, got {n}")
        inputs: dict[str, Any] = {
            "num_images": np.int32(n),
            "seed": np.array([seed % 2**31, seed // 2**31 % 2**31], np.int32),
            "truncation": np.float32(truncation),
        }
        if self._takes_label("generate"):
            inputs["label"] = np.int32(-1 if label is None else self._index(label))
        elif label is not None:
            raise UsageError(f"this generator has no classes, got label {label}: omit it")
        return self._call("generate", inputs, "image_bytes")

    def predict(
        self, z: np.ndarray, label: int | str | Sequence[int | str] | None = None
    ) -> np.ndarray:
        """Images of given noise.

        Args:
            z: [N, Z].
            label: a class by index or name, or one for each row; for conditional models.

        Returns: float32 [N, H, W, C] in [-1, 1].
        """
        inputs = {"z": np.asarray(z, np.float32)}
        if label is not None:
            one = isinstance(label, str) or np.ndim(label) == 0
            found = self._index(label) if one else [self._index(each) for each in label]  # type: ignore[arg-type, union-attr]
            inputs["label"] = np.broadcast_to(np.asarray(found, np.int32), len(inputs["z"]))
        return np.asarray(self._call("serving_default", inputs, "images"), np.float32)

    def ask(self, signature: str = "serving_default", **inputs: Any) -> dict[str, np.ndarray]:
        """Call any signature of any model, such as a defect detector's
        `ask(image=images)["score"]`.

        Args:
            inputs: arrays by name of input.

        Returns: arrays by name of output.
        """
        given = {name: np.asarray(value) for name, value in inputs.items()}
        outputs = self._wire.predict(self._model(), self._version, signature, given)
        if isinstance(outputs, dict):
            return {name: np.asarray(value) for name, value in outputs.items()}
        (name,) = self.metadata()[signature].outputs
        return {name: np.asarray(outputs)}

    def models(self) -> list[ServedModel]:
        """The models of the server. TensorFlow Serving has no such list."""
        return [ServedModel.read(one) for one in self._wire.models()]

    @property
    def names(self) -> list[str]:
        """The names of the classes, by index; empty without classes, and from TensorFlow
        Serving."""
        return self._wire.names(self._model(), self._version)

    def metadata(self) -> dict[str, SignatureInfo]:
        """Signatures of the model, by name."""
        found = self._wire.metadata(self._model(), self._version)
        return {name: SignatureInfo.read(sides) for name, sides in found.items()}

    def _call(self, signature: str, inputs: Mapping[str, Any], output: str) -> Any:
        outputs = self._wire.predict(self._model(), self._version, signature, inputs)
        return outputs[output] if isinstance(outputs, dict) else outputs

    def _model(self) -> str:
        if self._name is None:
            names = [model.name for model in self.models()]
            if len(names) != 1:
                served = f"several models ({', '.join(names)})" if names else "no model"
                raise UsageError(f"the server serves {served}: pass model=NAME to ganvas.Client")
            self._name = names[0]
        return self._name

    def _index(self, label: int | str) -> int:
        """The index of a class. An integer is checked by the server."""
        if not isinstance(label, str):
            return int(label)
        names = self.names
        if not names and not label.isdecimal():
            raise UsageError(f"the server has no names of classes, got '{label}': give an index")
        return class_index(label, names) if names else int(label)

    def _takes_label(self, signature: str) -> bool:
        if not self._inputs:
            self._inputs = {name: one.inputs for name, one in self.metadata().items()}
        return "label" in self._inputs.get(signature, {})
