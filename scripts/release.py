"""Build the distributions, check them, and use the wheel in clean environments.

    python scripts/release.py [--to dist] [--no-training]

For each Python from 3.11 to 3.13 that runs here: `ganvas` without extras (help, pydoc, star
import, the sentence about a missing extra). On the first of them also `ganvas[train]` (a minute of
training, an export) and `ganvas[edge]` (draws and serves that model). Says what was used, and its
time.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LARGEST = 32 * 2**20
"""Bytes of a wheel: what is not downloaded twice must stay small."""
PYTHONS = ("3.11", "3.12", "3.13")
RELATIVE = re.compile(r"\]\((?!https?://|#|mailto:)([^)]+)\)")
TOOLS = ("build", "twine")
PORT = "18501"


def run(*command: object, fails: int = 0, where: Path | None = None) -> str:
    """The output of a command, which must end with the code `fails`."""
    words = [str(word) for word in command]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=where, env=clean())
    if ended.returncode != fails:
        sys.exit(f"{' '.join(words)}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout + ended.stderr


def clean() -> dict[str, str]:
    """The environment without what would hide a missing file of the wheel."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def built(to: Path, work: Path) -> Path:
    """The wheel; it is built from the source distribution, and both are checked."""
    tools = venv(sys.executable, work / "tools", *TOOLS)
    shutil.rmtree(to, ignore_errors=True)
    run(tools / "python", "-m", "build", "--outdir", to, ROOT)
    run(tools / "python", "-m", "twine", "check", "--strict", *to.iterdir())
    (wheel,) = to.glob("*.whl")
    if wheel.stat().st_size > LARGEST:
        sys.exit(f"{wheel.name} has {wheel.stat().st_size} bytes, at most {LARGEST} are accepted")
    with zipfile.ZipFile(wheel) as files:
        (about,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        relative = RELATIVE.findall(files.read(about).decode())
    if relative:
        sys.exit(f"{wheel.name}: the registry's page has relative links: {', '.join(relative)}")
    for file in sorted(to.iterdir()):
        print(f"{file.name}: {file.stat().st_size / 2**20:.1f} MB", flush=True)
    return wheel


def venv(python: str, folder: Path, *packages: str) -> Path:
    """The folder of programs of a new environment."""
    run(python, "-m", "venv", folder)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", *packages)
    return programs


def bare(programs: Path, work: Path) -> None:
    """What works without an extra, and the sentence where one is missing."""
    python, ganvas = programs / "python", programs / "ganvas"
    run(ganvas, "--help", where=work)
    run(ganvas, "train", "--help", where=work)
    run(python, "-m", "pydoc", "ganvas", where=work)
    run(python, "-c", "from ganvas import *", where=work)
    said = run(ganvas, "train", "mnist", fails=2, where=work)
    if "pip install 'ganvas[train]'" not in said or len(said.strip().splitlines()) != 1:
        sys.exit(f"ganvas train without TensorFlow must name its extra in one line, got: {said}")


def trained(programs: Path, work: Path) -> Path:
    """A model of a training of one minute."""
    ganvas = programs / "ganvas"
    where = work / "run"
    run(ganvas, "train", "mnist", "--minutes", "1", "--run", where, where=work)
    run(ganvas, "export", where, "--to", work / "model", where=work)
    return work / "model"


def served(programs: Path, model: Path, work: Path) -> None:
    """The model is drawn from, and served, without TensorFlow."""
    ganvas = programs / "ganvas"
    before = cpu()
    run(ganvas, "sample", model, "-n", "16", "--out", work / "sample.png", where=work)
    print(f"ganvas sample MODEL without TensorFlow: {cpu() - before:.2f} CPU seconds", flush=True)
    server = subprocess.Popen(
        [ganvas, "serve", model, "--rest-port", PORT, "--grpc-port", "0"],
        cwd=work, env=clean(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{PORT}/v1/models/model"
        for _ in range(100):
            try:
                status = json.load(urllib.request.urlopen(address, timeout=5))
                break
            except OSError:
                time.sleep(0.3)
        else:
            sys.exit("ganvas serve did not answer within 30 seconds")
        if status["model_version_status"][0]["state"] != "AVAILABLE":
            sys.exit(f"ganvas serve has no version available: {status}")
    finally:
        server.terminate()
        server.wait()


def cpu() -> float:
    """CPU seconds of the processes that have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def pythons() -> list[str]:
    """The interpreters from 3.11 to 3.13 that run here, that of this script first."""
    found = [sys.executable]
    for version in PYTHONS:
        name = shutil.which(f"python{version}")
        own = version == ".".join(map(str, sys.version_info[:2]))
        if name and not own and not subprocess.run([name, "-V"], capture_output=True).returncode:
            found.append(name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="folder of distributions")
    parser.add_argument("--no-training", action="store_true", help="only ganvas without extras")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        wheel = built(options.to, work)
        for number, python in enumerate(pythons()):
            begun = time.monotonic()
            bare(venv(python, work / f"bare{number}", str(wheel)), work)
            print(f"bare, {python}: {time.monotonic() - begun:.0f} s", flush=True)
        if not options.no_training:
            begun = time.monotonic()
            model = trained(venv(sys.executable, work / "train", f"{wheel}[train]"), work)
            print(f"ganvas[train]: {time.monotonic() - begun:.0f} s", flush=True)
            begun = time.monotonic()
            served(venv(sys.executable, work / "edge", f"{wheel}[edge]"), model, work)
            print(f"ganvas[edge]: {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
