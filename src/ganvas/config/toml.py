"""Values as TOML writes them, on one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w


def toml_value(value: Any) -> str:
    """A value on one line; tables are inline."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {toml_value(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def toml_line(key: str, value: Any) -> str:
    """`key = value`; a key with dots is quoted."""
    return f"{_key(key)} = {toml_value(value)}"


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).removesuffix(" = 0\n")
