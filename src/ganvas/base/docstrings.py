"""What classes say of themselves, read from their source: nothing is imported and nothing runs."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Value:
    """A field of a class, or an argument of its constructor.

    Attributes:
        kind: its annotation, as written: "float | None".
        required: whether it has no default.
        default: a literal; None if there is none.
        meaning: its description, in one line; "" if there is none.
    """

    name: str
    kind: str
    default: Any
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class ClassSource:
    """A class as its source describes it.

    Attributes:
        bases: names of its base classes.
        docstring: cleaned of its indentation.
        fields: annotated names in its body; their meaning is the docstring below each.
        arguments: of its own constructor, without `self`; of a dataclass, its fields; None if it
            inherits its constructor. Their meaning is in the docstring's `Args:`.
    """

    bases: tuple[str, ...]
    docstring: str
    fields: tuple[Value, ...]
    arguments: tuple[Value, ...] | None


def classes(source: str) -> dict[str, ClassSource]:
    """The classes in a module's source, by name."""
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return {node.name: _class(node) for node in nodes}


def names(source: str, variable: str) -> dict[str, str]:
    """A literal table of classes, such as LOSSES: key -> name of the class."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(getattr(target, "id", "") == variable for target in targets):
            table = node.value  # type: ignore[attr-defined]
            pairs = zip(table.keys, table.values, strict=True)
            return {key.value: value.id for key, value in pairs}
    raise KeyError(variable)


def summary(text: str) -> str:
    """The first sentence of a docstring, in one line."""
    first = _one_line(text.partition("\n\n")[0])
    return re.split(r"(?<=\.) ", first)[0]


def described(docstring: str) -> dict[str, str]:
    """The arguments in a docstring's `Args:`, each in one line. Several may share a description:
    `height, width: of the map.`"""
    block = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    for entry in re.split(r"^    (?=\S)", block[1] if block else "", flags=re.MULTILINE)[1:]:
        shared, _, meaning = _joined_names(entry).partition(": ")
        found |= dict.fromkeys(re.split(r",\s*", shared), _one_line(meaning))
    return found


def source_of(docstring: str) -> str:
    """The `Source:` of a docstring, in one line; "" if there is none."""
    found = re.search(r"^(?:.*?)Source: (.*?)(?=^\S|^$|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return _one_line(found[1]) if found else ""


def _joined_names(entry: str) -> str:
    """The list of names before the first colon may be longer than a line."""
    names, colon, rest = entry.partition(":")
    return _one_line(names) + colon + " " + rest.strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _class(node: ast.ClassDef) -> ClassSource:
    docstring = inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
    fields = tuple(_fields(node))
    meanings = described(docstring)
    own = next((n for n in node.body if getattr(n, "name", "") == "__init__"), None)
    arguments = None
    if isinstance(own, ast.FunctionDef):
        arguments = tuple(_arguments(own, meanings))
    elif any(getattr(decorator, "id", "") == "dataclass" for decorator in node.decorator_list):
        arguments = tuple(
            Value(one.name, one.kind, one.default, meanings.get(one.name, "")) for one in fields
        )
    bases = tuple(base.id for base in node.bases if isinstance(base, ast.Name))
    return ClassSource(bases, docstring, fields, arguments)


def _fields(node: ast.ClassDef) -> list[Value]:
    fields = []
    for statement, below in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        text = below.value if isinstance(below, ast.Expr) else None
        meaning = text.value if isinstance(text, ast.Constant) else ""
        fields.append(
            Value(
                statement.target.id,
                ast.unparse(statement.annotation),
                _literal(statement.value),
                _one_line(str(meaning)),
            )
        )
    return fields


def _arguments(function: ast.FunctionDef, meanings: dict[str, str]) -> list[Value]:
    taken = function.args.args[1:]
    defaults = [None] * (len(taken) - len(function.args.defaults)) + [*function.args.defaults]
    return [
        Value(
            one.arg,
            ast.unparse(one.annotation) if one.annotation else "",
            _literal(default),
            meanings.get(one.arg, ""),
            required=default is None,
        )
        for one, default in zip(taken, defaults, strict=True)
    ]


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
