"""Imports point down, files stay short: the structure that docs/tour.md draws."""

import ast
import functools
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "ganvas"
FLOORS = {
    "errors": -1, "workers": -0.5, "lazy": -1, "wire": -1, "logs": -1, "files": -0.5,
    "remote": -0.5,
    "config": 0, "build": 0, "runs": 0, "seeds": 0, "images": 0, "plan": 0, "layers": 0,
    "augment": 0, "manifest": 0, "accounting": 0, "mirror": 0.5,
    "replicas": 2.5, "losses": 1, "penalties": 1, "optimizers": 1, "networks": 1, "data": 1,
    "distributed": 1,
    "gan": 2, "sampler": 2, "doctor": 2,
    "private": 2.5,
    "evaluation": 3, "assembly": 3,
    "callbacks": 4, "exporting": 4,
    "play": 5, "healing": 5, "training": 5, "rehearsal": 5,
    "kits": 7, "tuning": 7, "scale": 7, "serve": 7,
    "cli": 8, "__main__": 9,
}  # fmt: skip
SAME_FLOOR = {
    ("plan", "config"), ("augment", "seeds"), ("runs", "config"), ("penalties", "losses"),
    ("training", "play"), ("training", "healing"), ("healing", "play"), ("rehearsal", "training"),
}  # fmt: skip


@functools.cache
def trees() -> dict[Path, ast.Module]:
    """Every file of the package, parsed."""
    return {path: ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def place(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports(path: Path):
    """Names of the places in ganvas that a file imports."""
    package = ["ganvas", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(trees()[path]):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            words = [*base, *(node.module.split(".") if node.module else [])]
            if words[:1] == ["ganvas"]:
                yield from [words[1]] if len(words) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                words = alias.name.split(".")
                if words[0] == "ganvas" and len(words) > 1:
                    yield words[1]


def test_every_file_has_a_floor():
    """One that has none is added to docs/tour.md and to FLOORS."""
    assert {place(path) for path in trees()} - {"__init__"} <= set(FLOORS)


def test_imports_point_down():
    wrong = []
    for path in trees():
        here = place(path)
        if here == "__init__":
            continue
        for there in sorted(set(imports(path)) - {here, "__version__"}):
            if FLOORS[there] >= FLOORS[here] and (here, there) not in SAME_FLOOR:
                wrong.append(f"{path.relative_to(SOURCE)} imports {there}")
    assert not wrong


def test_files_are_short():
    lines = {str(path.relative_to(SOURCE)): path.read_text().count("\n") for path in trees()}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_functions_are_short():
    functions = {
        f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}": node.end_lineno - node.lineno
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in functions.items() if lines > 60} == {}


def test_only_images_converts():
    """The number 127.5 stands in one file."""
    found = {
        path.name
        for path, tree in trees().items()
        if any(getattr(node, "value", 0) == 127.5 for node in ast.walk(tree))
    }
    assert found == {"images.py"}
