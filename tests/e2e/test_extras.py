"""The package without its extras: everything imports, and what needs one says which."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOOK = """
import contextlib, importlib.util, io, json
from ganvas import *
import ganvas
absent = ("optuna", "ray", "tensorflow_serving", "uvicorn", "vtracer", "dp_accounting", "tf2onnx")
assert not [name for name in absent if importlib.util.find_spec(name)]
with contextlib.redirect_stdout(io.StringIO()):
    help(ganvas)
assert all(hasattr(ganvas, name) for name in ganvas.__all__)
refusals = {}
for name, call in {
    "tune": lambda: ganvas.tune("mnist", trials=1),
    "cluster": lambda: ganvas.cluster.train("mnist", "quick", workers=2, run="r"),
    "serve": lambda: ganvas.Client("grpc://127.0.0.1:1", "m").generate(1),
    "privacy": lambda: ganvas.train("mnist", "dp", run="p"),
    "vector": lambda: ganvas.kits.patterns.make_logos("mnist", "l", svg=True),
}.items():
    try:
        call()
    except ganvas.UsageError as error:
        refusals[name] = str(error)
print(json.dumps(refusals))
"""


@pytest.mark.proof
def test_without_extras(tmp_path):
    """A venv of its own, from the package registry: minutes."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = venv / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, ROOT], check=True)
    done = subprocess.run([python, "-c", LOOK], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for extra in ("tune", "cluster", "serve", "privacy", "vector"):
        assert f"ganvas[{extra}]" in done.stdout, done.stdout
    words = [python, "-m", "ganvas", "train", "mnist", "--set", "train.kimg=1", "--run", "run"]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True).returncode == 0
