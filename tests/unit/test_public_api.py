"""What users may import, and how long they wait for it."""

import ast
import importlib
import pkgutil
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import ganvas

PUBLIC = [
    "AUGMENTS", "Advice", "Augment", "Client", "ConfigError", "Config", "Critique", "DataError",
    "Diverged", "GAN", "GanvasError", "Images", "LOSSES", "Loss", "MissingExtra", "ModelError",
    "NETWORKS", "Networks", "Options", "PENALTIES", "Penalty", "Refused", "Run", "RunError",
    "Sampler", "UsageError", "bench", "evaluate", "export", "load", "load_game", "prepare",
    "rehearse", "resume", "train", "tune",
]  # fmt: skip
PACKAGES = [
    "ganvas",
    *(f"ganvas.{name}" for name in ("cluster", "data", "evaluation", "exporting", "tuning")),
    *(f"ganvas.kits.{kit}" for kit in ("defects", "patterns", "privacy", "rare_class")),
]  # fmt: skip
"""Those whose names are imported when first used."""


def test_names():
    assert sorted(ganvas.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        value = getattr(ganvas, name)
        assert name.isupper() or value.__doc__, name
    assert callable(ganvas.train)


@pytest.mark.parametrize("package", [ganvas, ganvas.data, ganvas.gan, ganvas.kits, ganvas.cluster])
def test_unknown_name(package):
    assert not hasattr(package, "nothing")
    with pytest.raises(AttributeError, match="nothing"):
        package.nothing  # noqa: B018


def test_submodules_resolve_when_first_used():
    code = (
        "import random, sys, ganvas; before = random.getstate(); "
        "ganvas.evaluation.scores_table; "
        "assert 'rich.style' in sys.modules and random.getstate() == before; "
        "ganvas.cluster.ray; ganvas.kits.defects; "
        "assert 'ganvas.kits.patterns' not in sys.modules; from ganvas import kits; kits.patterns"
    )
    assert processor_time("-c", code)[1].returncode == 0


def exported(path: Path) -> set[tuple[str, str]]:
    """(module, name) of what a package's `if TYPE_CHECKING:` block names, submodules left out."""
    found = set()
    for block in ast.parse(path.read_text()).body:
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING":
            found |= {
                (node.module, one.name)
                for node in block.body
                if isinstance(node, ast.ImportFrom) and node.module
                for one in node.names
                if one.asname == one.name
            }
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_mypy_and_editors_see_the_same_names_as_python(name):
    package = importlib.import_module(name)
    homes = {(home, one) for home, names in package._HOMES.items() for one in names}
    assert homes and exported(Path(package.__file__)) == homes


def processor_time(*arguments) -> tuple[float, subprocess.CompletedProcess]:
    """Seconds of the processor, not of the clock: other work on the machine does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def within(bound: float, *arguments) -> subprocess.CompletedProcess:
    """What a process gives that takes at most so many times as long as importing the command
    line's two libraries: processors differ by more than any bound in seconds leaves. It may be
    repeated twice, because the first start after a change also compiles."""
    for _ in range(3):
        unit, _ = processor_time("-c", "import typer, pydantic.types")
        spent, done = processor_time(*arguments)
        if spent < bound * unit:
            return done
    raise AssertionError(f"{arguments}: {spent:.3f} s, {spent / unit:.2f} times {unit:.3f} s")


def test_import_is_quick_and_leaves_tensorflow_and_scipy_alone():
    asked = "import sys, ganvas; sys.exit(not {'tensorflow', 'scipy'}.isdisjoint(sys.modules))"
    done = within(1, "-c", asked)
    assert done.returncode == 0


def test_statistics_import_the_parts_of_scipy_when_they_are_used():
    """They take up to 0.7 s, which whoever draws no interval need not wait."""
    asked = "import sys, ganvas.stats.{0}; sys.exit('scipy.special' in sys.modules)"
    for name in ("exact", "intervals", "ranking"):
        assert processor_time("-c", asked.format(name))[1].returncode == 0, name


def test_help_is_quick():
    done = within(2, "-m", "ganvas", "--help")
    assert done.returncode == 0
    assert "train" in done.stdout


def test_wrong_words_are_answered_quickly_in_one_line():
    done = within(2.5, "-m", "ganvas", "train", "mnist", "--speed", "9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", PACKAGES)
def test_no_public_name_is_a_module_beside_it(name):
    """Whoever imports the module first would get it in place of the function."""
    package = importlib.import_module(name)
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    names = {public for publics in package._HOMES.values() for public in publics}
    assert names and not names & modules
