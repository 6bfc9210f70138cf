"""The notebooks in examples/notebooks run, and their stored outputs are small and clean.

`python tests/unit/test_notebooks.py` runs them at full length and writes their outputs anew.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
LARGEST = 300_000
"""Bytes of a file."""
QUICK = "keras_model.ipynb"
"""It runs with every change; the others take longer."""


def executed(path: Path, folder: Path):
    """The notebook, run in a folder, in which it may write."""
    found = nbformat.read(path, 4)
    options = {"timeout": 600, "record_timing": False, "resources": {"metadata": {"path": folder}}}
    hidden = ("PYTEST_CURRENT_TEST", "TF_CPP_MIN_LOG_LEVEL")  # with them less is written
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    nbclient.NotebookClient(found, **options).execute(env=environment)
    return found


def cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def written(notebook) -> list[str]:
    """What was written to standard error."""
    outputs = [output for cell in cells(notebook) for output in cell.outputs]
    return [one.text for one in outputs if one.get("name") == "stderr"]


def test_there_are_three():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_stored_outputs(name):
    path = FOLDER / name
    notebook = nbformat.read(path, 4)
    assert path.stat().st_size <= LARGEST
    assert [cell.execution_count for cell in cells(notebook)] == list(
        range(1, len(cells(notebook)) + 1)
    )
    assert written(notebook) == []
    pictures = re.findall(r"image/png|data:image/png;base64", path.read_text())
    assert len(pictures) >= 2
    assert not re.search(r"/(tmp|root|home|work)/", path.read_text())


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == QUICK else pytest.mark.proof) for name in NOTEBOOKS],
)
def test_it_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KIMG", "0.2")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert written(executed(FOLDER / name, tmp_path)) == []


if __name__ == "__main__":
    for name in sys.argv[1:] or NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(executed(FOLDER / name, folder), FOLDER / name)
