"""Installations of their own, from the package registry: the light base, `edge`, then `train`."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ganvas

ROOT = Path(__file__).parents[2]
LOOK = """
import contextlib, importlib.util, io, json
from ganvas import *
import ganvas
absent = ("keras", "matplotlib", "optuna", "ray", "scipy", "tensorflow", "uvicorn", "vtracer")
assert not [name for name in absent if importlib.util.find_spec(name)]
with contextlib.redirect_stdout(io.StringIO()):
    help(ganvas)
assert all(hasattr(ganvas, name) for name in ganvas.__all__)
refusals = {}
for name, call in {
    "train": lambda: ganvas.train,
    "cluster": lambda: ganvas.cluster.train("mnist", "quick", workers=2, run="r"),
    "edge": lambda: ganvas.Client("grpc://127.0.0.1:1", "m").generate(1),
}.items():
    try:
        call()
    except ganvas.MissingExtra as error:
        refusals[name] = str(error)
print(json.dumps(refusals))
"""
WITH_TENSORFLOW = """
import ganvas
for call in (
    lambda: ganvas.tune("mnist", trials=1),
    lambda: ganvas.train("mnist", "dp", run="p"),
    lambda: ganvas.kits.patterns.make_logos("mnist", "l", svg=True),
):
    try:
        call()
    except ganvas.MissingExtra as error:
        print(error)
"""


OWN = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
"""The environment of its processes."""


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


def install(venv, extra=""):
    """Returns: the size of the venv in MB."""
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{ROOT}{extra}"], check=True, env=OWN)
    files = (path for path in venv.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{extra or 'base'}: {size:.0f} MB")
    return size


def run(venv, *words, **options):
    return subprocess.run(
        [venv / "bin/python", *map(str, words)],
        capture_output=True, text=True, env=OWN, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An exported generator without labels: a LiteRT and an ONNX file."""
    import keras

    from ganvas.exporting import litert, onnx
    from ganvas.gan.networks import DCGAN
    from ganvas.storage import manifest

    folder = tmp_path_factory.mktemp("models") / "bars" / "1"
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    generator = DCGAN(noise=10, width=4, max_width=8).generator((16, 16, 3))
    content = litert.convert(generator, "float32", np.zeros((1, 10)), None)
    (folder / manifest.FLOAT32).write_bytes(content)
    onnx.convert(generator, folder / manifest.ONNX)
    manifest.write(folder, {
        "noise_size": 10, "shape": [16, 16, 3], "conditional": False, "names": [],
        "class_shares": [], "artefacts": {manifest.FLOAT32: {}, manifest.ONNX: {}},
    })  # fmt: skip
    return folder.parent


@pytest.mark.proof
def test_the_base(venv, model, tmp_path):
    assert install(venv) < 250
    done = run(venv, "-c", LOOK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for extra in ("train", "cluster", "edge"):
        assert f"ganvas[{extra}]" in done.stdout, done.stdout
    assert run(venv, "-m", "ganvas", "info").returncode == 0
    for words, extra in ((["train", "mnist"], "train"), (["serve", model], "edge"),
                         (["sample", model], "edge")):  # fmt: skip
        done = run(venv, "-m", "ganvas", *words, cwd=tmp_path)
        assert done.returncode == 2 and f"'ganvas[{extra}]'" in done.stderr, done.stderr


@pytest.mark.proof
def test_the_edge(venv, model, tmp_path):
    assert install(venv, "[edge]") < 400
    done = run(venv, "-m", "ganvas", "sample", model, "-n", "4", "--out", "four", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run(venv, "-m", "ganvas", "bench", model, "--seconds", "0.01").returncode == 0
    assert served(venv, model, "litert") < 200


@pytest.mark.proof
def test_onnx(venv, model):
    install(venv, "[edge,onnx]")
    assert served(venv, model, "onnx") < 300


def served(venv, model, engine):
    """Images by both protocols. Returns: resident megabytes of the server."""
    words = ["serve", model, "--engine", engine, "--rest-port", "0", "--grpc-port", "0"]
    began = time.perf_counter()
    with subprocess.Popen(
        [venv / "bin/python", "-m", "ganvas", *words], stdout=subprocess.PIPE, text=True,
        env=OWN,
    ) as process:  # fmt: skip
        urls = re.search(r"(http://\S+) and (grpc://\S+)", process.stdout.readline())
        ready, (_, seconds) = time.perf_counter() - began, used(process.pid)
        try:
            for url in urls.groups():
                with ganvas.Client(url, "bars") as client:
                    assert client.generate(4, seed=1).shape == (4, 16, 16, 3)
            megabytes, _ = used(process.pid)
        finally:
            process.terminate()
        assert process.wait(60) == 0
    print(f"{engine}: ready after {ready:.2f} s, CPU {seconds:.2f} s, {megabytes:.0f} MB")
    return megabytes


def used(pid):
    """Resident megabytes, and seconds of the processor."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return resident, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.proof
def test_training(venv, tmp_path):
    install(venv, "[train]")
    done = run(venv, "-c", WITH_TENSORFLOW, cwd=tmp_path)
    for extra in ("tune", "privacy", "vector"):
        assert f"ganvas[{extra}]" in done.stdout, done.stdout + done.stderr
    words = ["train", "mnist", "--set", "train.kimg=1", "--run", "run"]
    assert run(venv, "-m", "ganvas", *words, cwd=tmp_path).returncode == 0
