"""What users may import, and how long they wait for it."""

import importlib
import pkgutil
import subprocess
import sys
import time

import pytest

import ganvas

PUBLIC = [
    "AUGMENTS", "Advice", "Augment", "Client", "ConfigError", "Config", "Critique", "DataError",
    "Diverged", "GAN", "GanvasError", "Images", "LOSSES", "Loss", "ModelError", "NETWORKS",
    "Networks", "Options", "PENALTIES", "Penalty", "Refused", "Run", "RunError", "Sampler",
    "UsageError", "bench", "evaluate", "export", "load", "load_game", "prepare", "rehearse",
    "resume", "train", "tune",
]  # fmt: skip


def test_names():
    assert sorted(ganvas.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        value = getattr(ganvas, name)
        assert name.isupper() or value.__doc__, name
    assert callable(ganvas.train)


def test_unknown_name():
    with pytest.raises(AttributeError, match="nothing"):
        getattr(ganvas, "nothing")  # noqa: B009


UNIT = "-c", "import typer, pydantic.types"


def units(*arguments):
    """How many times as long as importing the command line's two libraries: processors differ by
    more than any bound in seconds leaves. Each the best of three, in turns: machines are noisy."""
    times = {UNIT: [], arguments: []}
    for _ in range(3):
        for words, spent in times.items():
            began = time.perf_counter()
            done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
            spent.append(time.perf_counter() - began)
    return min(times[arguments]) / min(times[UNIT]), done


def test_import_is_quick_and_leaves_tensorflow_alone():
    code = "import sys, ganvas; sys.exit('tensorflow' in sys.modules)"
    spent, done = units("-c", code)
    assert done.returncode == 0
    assert spent < 1


def test_help_is_quick():
    spent, done = units("-m", "ganvas", "--help")
    assert done.returncode == 0
    assert "train" in done.stdout
    assert spent < 2


def test_wrong_words_are_answered_quickly_in_one_line():
    spent, done = units("-m", "ganvas", "train", "mnist", "--speed", "9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert spent < 2.5


@pytest.mark.parametrize(
    "name",
    ["ganvas", *(f"ganvas.{p}" for p in ("data", "evaluation", "exporting")),
     *(f"ganvas.kits.{kit}" for kit in ("defects", "patterns", "privacy", "rare_class"))],
)  # fmt: skip
def test_no_public_name_is_a_module_beside_it(name):
    """Whoever imports the module first would get it in place of the function."""
    package = importlib.import_module(name)
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    names = {public for publics in package._HOMES.values() for public in publics}
    assert names and not names & modules
