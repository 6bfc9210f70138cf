"""Files for TensorFlow Serving next to the versions, and for containers of `ganvas serve` in
deploy/; existing files are not changed."""

from __future__ import annotations

import contextlib
import re
import string
from collections.abc import Iterable
from importlib import metadata, resources
from pathlib import Path

from ..base.files import write_file
from ..base.names import distinct

FILES = (
    "models.config", "batching.config", "monitoring.config", "docker-compose.yml",
    "kubernetes.yaml",
)  # fmt: skip
SERVER = tuple(
    f"deploy/{name}" for name in (
        "Dockerfile", "compose.yaml", "kubernetes.yaml", "monitoring.yaml", "grafana.json",
        "inference-service.yaml",
    )
)  # fmt: skip
LONGEST = 40
"""Characters of a DNS label here: Kubernetes accepts 63, and adds its own to the names of pods."""


def write(folder: Path, files: Iterable[str] = FILES) -> None:
    """Write those of `files` that are missing, for a model with the name of its folder.

    If models.config exists, they are for the model that it names.
    """
    title = folder.resolve().name
    values = {"name": _served(folder / "models.config") or model_name(title),
              "label": dns_label(title), "version": metadata.version("ganvas")}  # fmt: skip
    templates = resources.files(__package__) / "templates"
    for file in files:
        if not (folder / file).exists():
            (folder / file).parent.mkdir(exist_ok=True)
            text = string.Template((templates / file).read_text("utf-8")).substitute(values)
            write_file(folder / file, text)


def model_name(title: str) -> str:
    """The name of a model in models.config, in paths and in URLs: ASCII letters, digits, `.`, `_`
    and `-`. If it differs from the folder's name, it ends with a digest of that."""
    name = re.sub("[^A-Za-z0-9._-]+", "-", title)
    return distinct(name if name == title else name.strip("-.") or "model", title)


def dns_label(title: str) -> str:
    """A name as Kubernetes accepts it for a Service: lower-case letters, digits and dashes, at most
    40, a letter first. If it differs from the folder's name, it ends with a digest of that."""
    label = re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")
    label = label if label[:1].isalpha() else f"model-{label}".strip("-")
    return distinct(label, title, most=LONGEST)


def _served(config: Path) -> str | None:
    """The model of a models.config that `write` has made; None: no such file, or another one."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        lines = r'name: "([A-Za-z0-9._-]+)"\s+base_path: "/models/\1"'
        found = re.findall(lines, config.read_text("utf-8"))
        return found[0] if len(found) == 1 else None
    return None
