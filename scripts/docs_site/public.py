"""The public names of the package, and where each is defined: read from the source, which is not
imported, because TensorFlow takes seconds and need not be installed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "ganvas"


@dataclass(frozen=True)
class Name:
    """A public name.

    Attributes:
        package: "ganvas.kits.defects".
        name: "fit".
        home: the module that defines it: "ganvas.kits.defects.fitting".
    """

    package: str
    name: str
    home: str

    @property
    def full(self) -> str:
        return f"{self.package}.{self.name}"

    @property
    def defined(self) -> str:
        return f"{self.home}.{self.name}"


MODULES = ("ganvas.images", "ganvas.sampling.litert_sampler", "ganvas.storage.manifest",
           "ganvas.gan.losses", "ganvas.gan.penalties")  # fmt: skip
"""Modules that the guides use by themselves: all of their public names count."""


def packages() -> dict[str, list[Name]]:
    """The public names of each package and module, by its dotted name."""
    found = {}
    for init in sorted(SOURCE.rglob("__init__.py")):
        dotted = _dotted(init)
        if names := _exported(init, dotted):
            found[dotted] = names
    for dotted in MODULES:
        known = {one.defined for names in found.values() for one in names}
        found[dotted] = [
            Name(dotted, name, dotted)
            for name in _defined(file_of(dotted))
            if f"{dotted}.{name}" not in known
        ]
    return dict(sorted(found.items()))


def file_of(module: str) -> Path:
    """The source of a module."""
    at = SOURCE.parent.joinpath(*module.split("."))
    return at / "__init__.py" if at.is_dir() else at.with_suffix(".py")


def documented(one: Name) -> bool:
    """Whether the class or function has a docstring, or the variable one below it."""
    home, name = one.home, one.name
    while True:
        body = ast.parse(file_of(home).read_text()).body
        for node, below in zip(body, [*body[1:], None], strict=True):
            if getattr(node, "name", None) == name:
                return bool(ast.get_docstring(node))
            if name in _assigned(node):
                return isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        imported = _imports(file_of(home), home).get(name)
        if imported is None:
            return False
        home, name = imported


def summary_of(dotted: str) -> str:
    """The first paragraph of a package's docstring, in one line."""
    text = ast.get_docstring(ast.parse(file_of(dotted).read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _exported(init: Path, dotted: str) -> list[Name]:
    """Names in `_HOMES` of a package, or in its `__all__`."""
    for node in ast.parse(init.read_text()).body:
        if "_HOMES" in _assigned(node):
            homes = ast.literal_eval(node.value)  # type: ignore[attr-defined]
            pairs = [(name, f"{dotted}.{home}") for home, names in homes.items() for name in names]
            return [Name(dotted, name, home) for name, home in sorted(pairs)]
    for node in ast.parse(init.read_text()).body:
        if "__all__" in _assigned(node):
            names = sorted(ast.literal_eval(node.value))  # type: ignore[attr-defined]
            imported = _imports(init, dotted)
            return [Name(dotted, name, imported.get(name, (dotted, name))[0]) for name in names]
    return []


def _imports(file: Path, dotted: str) -> dict[str, tuple[str, str]]:
    """Local name -> (module, name) of each relative `from ... import` of a file, also of those for
    type checkers only, which name what is imported when first used."""
    package = dotted if file.name == "__init__.py" else dotted.rpartition(".")[0]
    found = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*base, node.module] if node.module else base)
            found |= {one.asname or one.name: (module, one.name) for one in node.names}
    return found


def _defined(file: Path) -> list[str]:
    """Public classes and functions of a module, in its order."""
    kinds = ast.ClassDef | ast.FunctionDef
    nodes = [node for node in ast.parse(file.read_text()).body if isinstance(node, kinds)]
    return [node.name for node in nodes if not node.name.startswith("_")]


def _assigned(node: ast.stmt) -> set[str]:
    """Names that a statement assigns."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {one.id for one in targets if isinstance(one, ast.Name)}


def _dotted(init: Path) -> str:
    return ".".join(init.parent.relative_to(SOURCE.parent).parts)
