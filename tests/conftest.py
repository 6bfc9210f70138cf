"""What every test shares: quiet TensorFlow, tiny images, tiny games, the command line."""

from __future__ import annotations

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import getpass
import json
import multiprocessing
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import refusals

# Not the user's; it stays, because features of real images take seconds.
os.environ.setdefault(
    "GANVAS_CACHE", str(Path(tempfile.gettempdir(), f"ganvas-tests-{getpass.getuser()}"))
)

FEW_STEPS = {
    "train.kimg": 0.512,
    "train.batch": 8,
    "train.tick_kimg": 0.128,
    "train.steps_per_execution": 2,
    "networks.width": 4,
    "networks.discriminator_width": 4,
    "networks.noise": 8,
    "networks.max_width": 8,
    "watch.tensorboard": False,
    "watch.signals": False,
    "scores.times": 0,
}
"""64 steps in 4 ticks of 16, of the recipe `quick`."""


def pytest_addoption(parser):
    parser.addoption("--write-sentences", action="store_true", help="see tests/refusals.py")


def pytest_configure(config):
    refusals.writing = config.getoption("--write-sentences")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Before -k and -m deselect tests."""
    if not any("::" in argument for argument in config.args):
        refusals.collected.update(item.nodeid for item in items)


def pytest_sessionfinish():
    refusals.write()


def draw(count: int, size: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, H, W] bars: class 0 lies, class 1 stands; with int labels [N]."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pictures = rng.integers(0, 40, (count, size, size))
    for picture, label, at in zip(pictures, labels, rng.integers(0, size - 4, count), strict=True):
        (picture if label == 0 else picture.T)[at : at + 4] += 200
    return pictures.astype(np.uint8), labels


@pytest.fixture(scope="session")
def grey() -> tuple[np.ndarray, np.ndarray]:
    """256 grey images of 16x16 in two classes."""
    return draw(256)


@pytest.fixture(scope="session")
def npz(grey, tmp_path_factory) -> Path:
    """The same, as a file."""
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=grey[0], y=grey[1])
    return path


@pytest.fixture(scope="session")
def sets() -> list[str]:
    """Words that make a run of 64 steps, from noise."""
    words = ["--recipe", "quick"]
    for key, value in FEW_STEPS.items():
        words += ["--set", f"{key}={str(value).lower()}"]
    return words


@pytest.fixture(scope="session")
def few_steps() -> dict:
    """The same, as values."""
    return dict(FEW_STEPS)


@pytest.fixture(scope="session")
def command() -> Callable[..., subprocess.CompletedProcess]:
    """Runs `python -m ganvas ...` to its end, in a new process, which takes seconds to import
    TensorFlow: where the start itself is tested. Elsewhere take `here`, or `forked`."""

    def run(*words, cwd: Path | None = None, timeout: float = 300):
        return subprocess.run(
            [sys.executable, "-m", "ganvas", *map(str, words)],
            cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return run


class Forked:
    """A process of its own, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, context, order: dict, place: Path):
        self._files = [place / "out", place / "err"]
        order |= {"out": str(self._files[0]), "err": str(self._files[1])}
        child = str(Path(__file__).with_name("forked.py"))
        self._process = context.Process(target=runpy.run_path, args=(child, {"order": order}))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    poll = returncode.fget

    def wait(self, timeout: float = 300) -> int:
        self._process.join(timeout)
        assert self.returncode is not None, f"still at work after {timeout} s"
        return self.returncode

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Standard output and standard error, when it has ended."""
        self.wait(timeout)
        out, err = (path.read_text() if path.exists() else "" for path in self._files)
        return out, err

    def shown(self) -> str:
        """Standard error so far."""
        return self._files[1].read_text() if self._files[1].exists() else ""

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@pytest.fixture(scope="session")
def forked(tmp_path_factory) -> Callable[..., Forked]:
    """(*words, script=None, cwd=None, **environment) -> `ganvas WORDS`, or a script, at work in a
    process of its own, forked from one that has TensorFlow imported and has not begun to use it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["ganvas.training.train", "ganvas.cli.app", "ganvas.evaluation.score_report"]
    )

    def start(*words, script: Path | None = None, cwd: Path | None = None, **environment):
        order = {
            "words": [str(word) for word in words],
            "script": str(script) if script else None,
            "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ) | environment,
        }
        return Forked(context, order, tmp_path_factory.mktemp("forked"))

    return start


@pytest.fixture
def here(
    capfd, monkeypatch, tmp_path_factory
) -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """The same in this process, where TensorFlow is loaded already, and in an empty folder; what it
    refuses is compared with sentences.json."""
    import keras

    from ganvas import cli
    from ganvas.__main__ import main
    from ganvas.errors import Advice

    def complain(sentence: str, code: int) -> int:
        refusals.check(sentence, sys.exception())
        return original(sentence, code)

    original = cli._print_error
    monkeypatch.setattr(cli, "_print_error", complain)
    empty = tmp_path_factory.mktemp("cwd")

    def run(*words, cwd: Path = empty):
        monkeypatch.chdir(cwd)
        capfd.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("default", Advice)  # a note, as for a user
            code = main([str(word) for word in words])
        return subprocess.CompletedProcess(words, code, *capfd.readouterr())

    yield run
    keras.config.enable_traceback_filtering()


@pytest.fixture(scope="session")
def make_gan() -> Callable[..., object]:
    """A compiled tiny GAN of 16x16 grey images; all options have defaults."""

    def make(loss=None, penalties=(), *, classes=0, seed=0, rate=1e-3, **options):
        import keras

        from ganvas.gan.losses import NonSaturating
        from ganvas.gan.model import GAN
        from ganvas.gan.networks import DCGAN
        from ganvas.gan.optimizers import Adam

        keras.utils.set_random_seed(seed)
        networks = DCGAN(noise=8, width=4, discriminator_width=4, max_width=8, embedding=4)
        gan = GAN(
            networks.generator((16, 16, 1), classes),
            networks.discriminator((16, 16, 1), classes),
            loss or NonSaturating(),
            penalties,
            seed=seed,
            **options,
        )
        gan.compile(Adam(rate, 0.5), Adam(rate, 0.5))
        return gan

    return make


@pytest.fixture(scope="session")
def batch(grey) -> Callable[[int], np.ndarray]:
    """The first n images as float32 [n, 16, 16, 1] in [-1, 1]."""

    def first(n: int) -> np.ndarray:
        return (grey[0][:n, ..., None] / 127.5 - 1).astype(np.float32)

    return first


@pytest.fixture(scope="session")
def cluster() -> Callable[[int], list[str]]:
    """(workers) -> what TF_CONFIG says to each of so many on this machine, on free ports."""

    def tasks(workers: int) -> list[str]:
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
        hosts = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
        for one in sockets:
            one.close()
        return [
            json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": i}})
            for i in range(workers)
        ]

    return tasks
