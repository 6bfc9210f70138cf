"""Extras: what each installs, and the one sentence about a package that is not installed."""

from __future__ import annotations

import importlib.util
import sys

from ..errors import MissingExtra

PACKAGES = {
    "edge": (
        "ai_edge_litert", "grpc", "grpc_health", "grpc_reflection", "orjson", "prometheus_client",
        "starlette", "uvicorn",
    ),
    "train": ("tensorflow", "keras", "scipy", "matplotlib", "tensorboard", "h5py"),
    "studio": ("starlette", "uvicorn", "grpc", "tensorflow", "keras"),
    "onnx": ("onnxruntime", "onnx", "tf2onnx"),
    "c2pa": ("c2pa",),
    "cluster": ("ray",),
    "dicom": ("pydicom",),
    "film": ("imageio_ffmpeg",),
    "hub": ("huggingface_hub", "safetensors"),
    "mlflow": ("mlflow",),
    "otel": ("opentelemetry",),
    "privacy": ("dp_accounting",),
    "tfds": ("tensorflow_datasets",),
    "trackio": ("trackio",),
    "tune": ("optuna",),
    "vector": ("vtracer",),
    "wandb": ("wandb",),
}  # fmt: skip
"""Modules by extra, see pyproject.toml. The first extra that has a module is the one to install."""


def installed(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module that a program has made has no specification
        return sys.modules.get(module) is not None


def check(extra: str, what: str, otherwise: str = "") -> None:
    """Refuse before anything else is done.

    Args:
        what: needs the extra, such as "ganvas tune".
        otherwise: another way, such as "omit --svg".

    Raises: MissingExtra: a module of the extra is not installed.
    """
    for module in PACKAGES[extra]:
        if not installed(module):
            raise missing(extra, module, what, otherwise)


def missing(extra: str, module: str, what: str, otherwise: str = "") -> MissingExtra:
    """The error about a module that is not installed; see `check`."""
    hint = f", or {otherwise}" if otherwise else ""
    return MissingExtra(
        f"{what} needs {module}, which is not installed: pip install 'ganvas[{extra}]'{hint}",
        name=module,
    )


def explain(error: ImportError, what: str, otherwise: str = "") -> None:
    """Explain a failed import, or name another `what` in an error that has been explained; see
    `check`.

    Raises: MissingExtra: an extra has the module, and it is not installed.
    """
    module = (error.name or "").partition(".")[0]
    extra = next((one for one, modules in PACKAGES.items() if module in modules), None)
    if extra and not installed(module):
        raise missing(extra, module, what, otherwise) from error
