"""A page with the served models and example requests. It loads no other resources."""

from __future__ import annotations

import html as escaping
import json
import shlex
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..base.printing import on_one_line
from .answers import list_models
from .models import Models

_PATHS = {
    "/v1/models": ("get", "The models, their versions, labels and signatures."),
    "/v1/models/{name}": ("get", "State of every version."),
    "/v1/models/{name}/versions/{version}": ("get", "State of one version."),
    "/v1/models/{name}/metadata": ("get", "Signatures, as TensorFlow Serving writes them."),
    "/v1/models/{name}:predict": ("post", "Run a signature of the newest version."),
    "/v1/models/{name}/versions/{version}:predict": ("post", "Run a signature of a version."),
    "/v1/models/{name}/labels/{label}:predict": ("post", "Run a signature of a labelled version."),
    "/healthz": ("get", "200 while the process runs."),
    "/readyz": ("get", "200 if all models are available, 503 before and while stopping."),
    "/monitoring/prometheus/metrics": ("get", "Metrics for Prometheus."),
}
_BODY = {
    "type": "object",
    "description": "Rows (`instances`) or columns (`inputs`) of a signature's inputs.",
    "properties": {
        "signature_name": {"type": "string", "default": "serving_default"},
        "instances": {"type": "array", "items": {}},
        "inputs": {},
    },
}


MOST_SHOWN = 50
"""Classes that the page lists."""

_VALUES = {"float32": 1.0, "float64": 1.0, "bool": True, "string": {"b64": "YQ=="}}
"""Example values by dtype; for all others an integer."""


def openapi(models: Models) -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "ganvas serve", "version": __version__},
        "paths": {
            path: {verb: _operation(path, verb, what)} for path, (verb, what) in _PATHS.items()
        },
        "x-models": list_models(models)["models"],
    }


def _operation(path: str, verb: str, what: str) -> dict[str, Any]:
    names = [name for name in ("name", "version", "label") if f"{{{name}}}" in path]
    operation: dict[str, Any] = {
        "summary": what,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ],
        "responses": {"200": {"description": "OK"}, "default": {"description": '{"error": "..."}'}},
    }
    if verb == "post":
        content = {"application/json": {"schema": _BODY}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def html(models: Models) -> str:
    """The same as HTML."""
    lines = ["<h1>ganvas serve</h1><table>"]
    for path, (verb, what) in _PATHS.items():
        lines.append(f"<tr><td><code>{verb.upper()} {path}</code></td><td>{what}</td></tr>")
    lines.append("</table><p><a href=/openapi.json>openapi.json</a></p>")
    for model in list_models(models)["models"]:
        name, labels = _text(model["name"]), _text(str(model["labels"]))
        path, names = quote(model["name"], safe=""), model.get("names", [])
        classes = ", ".join(f"{i} {_text(one)}" for i, one in enumerate(names[:MOST_SHOWN]))
        more = ", ..." * (len(names) > MOST_SHOWN)
        classes = f", classes {classes}{more}" if classes else ""
        lines.append(
            f"<h2>{name}</h2><p>versions {model['versions']}, labels {labels}{classes}</p>"
        )
        for signature, sides in model["signatures"].items():
            body = escaping.escape(shlex.quote(json.dumps(_example(signature, sides["inputs"]))))
            lines.append(
                f"<h3>{_text(signature)}</h3>"
                f"<pre>{escaping.escape(json.dumps(sides, indent=1))}</pre>"
                f"<pre>curl -d {body} $URL/v1/models/{path}:predict</pre>"
            )
    style = "body{font:16px sans-serif;max-width:60em;margin:2em auto}td{padding:.2em 1em}"
    body = "\n".join(lines)
    return f"<!doctype html><title>ganvas serve</title><style>{style}</style>{body}\n"


def _text(text: str) -> str:
    return escaping.escape(on_one_line(text))


def _example(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
    def value(dtype: str, shape: list[int]) -> Any:
        if not shape:
            return _VALUES.get(dtype, 1)
        return [value(dtype, shape[1:]) for _ in range(max(1, shape[0]))]

    values = {alias: value(one["dtype"], one["shape"] or []) for alias, one in inputs.items()}
    return {"signature_name": signature, "inputs": values}
