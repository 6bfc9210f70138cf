"""Examples of plain Keras, and the same as runs of ganvas: both train, and little is changed."""

import difflib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "keras"
NAMES = ("conditional", "dcgan", "wgan_gp")
NEW = 10
"""Lines that a script of ganvas may have anew."""


def lines(name: str) -> list[str]:
    return (FOLDER / f"{name}.py").read_text().splitlines()


def changed(name: str) -> list[str]:
    """The changed and removed lines, as `diff` marks them, without those around."""
    found = difflib.unified_diff(lines(f"{name}_plain"), lines(name), n=0, lineterm="")
    return [line for line in found if not line.startswith(("+++", "---", "@@"))]


def test_every_example_is_a_pair():
    assert {path.stem for path in FOLDER.glob("*.py")} == {
        "drawn", *NAMES, *(f"{name}_plain" for name in NAMES)
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_ganvas_has_few_new_lines(name):
    new = [line for line in changed(name) if line.startswith("+") and line != "+"]
    gone = [line for line in changed(name) if line.startswith("-")]
    assert len(new) < NEW, new
    page = (ROOT / "docs" / "guides" / "keras.md").read_text()
    assert f"{name}.py); {len(new)} lines are new, {len(gone)} fall away" in page
    assert all(line[1:].strip() in page for line in new if line.startswith("+ "))


@pytest.mark.parametrize("form", ["{}_plain", "{}"])
@pytest.mark.parametrize("name", NAMES)
def test_it_trains(name, form, tmp_path, forked):
    script = FOLDER / f"{form.format(name)}.py"
    example = forked(tmp_path / "run", script=script, cwd=tmp_path, EPOCHS="1", IMAGES="64")
    _, errors = example.communicate()
    assert example.returncode == 0, errors
    assert list((tmp_path / "run").rglob("*.png"))
