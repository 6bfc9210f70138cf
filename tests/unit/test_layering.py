"""Imports point down, files stay short: the structure that docs/tour.md draws."""

import ast
from pathlib import Path

import pytest

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
FILES = sorted(SOURCE.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports(path: Path):
    """Names of the places in ganvas that a file imports."""
    package = ["ganvas", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
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


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path):
    here = place(path)
    if here == "__init__":
        return
    assert here in FLOORS, f"{here} has no floor: add it to docs/tour.md and here"
    for there in set(imports(path)) - {here, "__version__"}:
        down = FLOORS[there] < FLOORS[here]
        assert down or (here, there) in SAME_FLOOR, f"{path.name} imports {there}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_short_files_and_functions(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno <= 60, node.name


def test_only_images_converts():
    """The number 127.5 stands in one file."""
    nodes = {path.name: ast.walk(ast.parse(path.read_text())) for path in FILES}
    found = {
        name for name, tree in nodes.items() if any(getattr(n, "value", 0) == 127.5 for n in tree)
    }
    assert found == {"images.py"}
