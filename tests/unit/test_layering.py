"""Imports point down and in no circle, files stay short: the structure that docs/tour.md draws."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ganvas"
TOUR = ROOT / "docs" / "tour.md"
FLOORS = (
    "errors", "base", "images", "recipes", "stats", "reports", "config", "storage", "features",
    "gan", "pretrained", "data", "sampling", "doctor", "serve", "evaluation", "exporting",
    "training", "kits", "tuning", "cluster", "studio", "cli", "__main__",
)  # fmt: skip
"""From the ground up: each imports only from what stands before it. The package's own `__init__`,
which names everything, has no floor."""


@functools.cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every file of the package by its dotted name within it, parsed."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        words = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(words[:-1] if words[-1] == "__init__" else words)
        found[name] = path, ast.parse(path.read_text())
    return found


def imports(name: str) -> Iterator[str]:
    """What a module imports of the package, wherever in it, for types alone too."""
    path, tree = modules()[name]
    package = list(path.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base += node.module.split(".") if node.module else []
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ganvas":
            base = node.module.split(".")[1:]
        elif isinstance(node, ast.Import):
            yield from (one.name[7:] for one in node.names if one.name.startswith("ganvas."))
            continue
        else:
            continue
        for one in node.names:
            inner = ".".join([*base, one.name])
            yield inner if inner in modules() else ".".join(base)


@functools.cache
def arrows() -> dict[str, set[str]]:
    return {name: set(imports(name)) - {"", name} for name in modules() if name}


def floor(name: str) -> int:
    return FLOORS.index(name.partition(".")[0])


def test_every_folder_has_a_floor():
    there = {name.partition(".")[0] for name in arrows()} | {"recipes"}
    assert there == set(FLOORS)


def test_imports_point_down():
    wrong = [
        f"{name} imports {other}"
        for name, others in arrows().items()
        for other in sorted(others)
        if floor(other) > floor(name)
    ]
    assert not wrong


def test_no_import_is_part_of_a_circle():
    """A package's own `__init__` names what lies in it: it counts as what it imports."""
    left = {name: set(others) for name, others in arrows().items()}
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    assert not {name: sorted(others & set(left)) for name, others in left.items()}


def test_files_are_short():
    lines = {name: path.read_text().count("\n") for name, (path, _) in modules().items()}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_functions_are_short():
    functions = {
        f"{name}:{node.lineno} {node.name}": node.end_lineno - node.lineno
        for name, (_, tree) in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in functions.items() if lines > 60} == {}


def test_only_images_converts():
    """The number 127.5 stands in one file."""
    found = {
        name
        for name, (_, tree) in modules().items()
        if any(getattr(node, "value", 0) == 127.5 for node in ast.walk(tree))
    }
    assert found == {"images"}


BEGIN, END = "<!-- floors -->\n", "<!-- end of floors -->"


def drawn() -> str:
    """The floors from the top down, each with those that it stands on, as Markdown."""
    below = {name: set() for name in FLOORS}
    for name, others in arrows().items():
        below[FLOORS[floor(name)]] |= {FLOORS[floor(other)] for other in others}
    below["config"].add("recipes")  # data, not imported but read
    lines = ["| folder | imports |", "|---|---|"]
    for name in reversed(FLOORS):
        used = ", ".join(sorted(below[name] - {name}, key=FLOORS.index)) or "–"
        lines.append(f"| `{name}` | {used} |")
    return "\n".join(lines) + "\n"


def test_the_tour_draws_the_floors():
    """`python tests/unit/test_layering.py` writes them anew."""
    assert TOUR.read_text().partition(BEGIN)[2].partition(END)[0] == drawn()


def test_the_tour_names_what_is_there():
    """Each row: a file or a folder of the package, and names that are in it."""
    wrong = []
    for line in TOUR.read_text().partition(END)[2].splitlines():
        if not line.startswith("| `"):
            continue
        place, says = line.split("|")[1:3]
        path = SOURCE / place.strip().strip("`")
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        if not path.exists():
            wrong.append(f"{place}: no such file")
            continue
        words = {word for file in files if file.suffix == ".py" for word in words_of(file)}
        words |= {file.stem for file in files}
        wrong += [f"{place}: {name}" for name in re.findall(r"`([\w.]+)`", says)
                  if not set(name.split(".")) <= words]  # fmt: skip
    assert not wrong


def words_of(path: Path) -> set[str]:
    return set(re.findall(r"\w+", path.read_text()))


if __name__ == "__main__":
    before, _, rest = TOUR.read_text().partition(BEGIN)
    TOUR.write_text(before + BEGIN + drawn() + END + rest.partition(END)[2])
