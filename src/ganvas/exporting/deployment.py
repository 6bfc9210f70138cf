"""Files for TensorFlow Serving next to the versions; existing files are not changed."""

from __future__ import annotations

import re
import string
from importlib import resources
from pathlib import Path

from ..base.files import write_file

FILES = (
    "models.config", "batching.config", "monitoring.config", "docker-compose.yml",
    "kubernetes.yaml",
)  # fmt: skip


def write(folder: Path) -> None:
    """Write the missing files, for a model with the name of its folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name)
    values = {"name": name, "label": dns_label(name)}
    templates = resources.files(__package__) / "templates"
    for file in FILES:
        if not (folder / file).exists():
            text = string.Template((templates / file).read_text("utf-8")).substitute(values)
            write_file(folder / file, text)


def dns_label(name: str) -> str:
    """A name as Kubernetes accepts it for a Service: lower-case letters, digits and dashes, at most
    40, a letter first."""
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    label = label if label[:1].isalpha() else f"model-{label}"
    return label[:40].strip("-")
