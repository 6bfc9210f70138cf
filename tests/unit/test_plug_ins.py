"""Plug-ins: listed without an import, checked when they are named, recorded in run.json."""

import json
import re
import sys
from pathlib import Path

import pytest

from ganvas.base import plug_ins
from ganvas.config import Config
from ganvas.config.build import build
from ganvas.data.naming import check_named
from ganvas.errors import ConfigError, DataError, RunError
from ganvas.gan.catalogue import catalogue, check_names
from ganvas.training import loggers

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "plug-ins.md"


class Part:
    """Stands for the base class of a kind."""


def distribution(folder: Path, entries: str, code: str, name: str = "ganvas_fake") -> Path:
    """What pip leaves in site-packages: metadata with entry points, and a module."""
    about = folder / f"{name}-1.5.dist-info"
    about.mkdir(parents=True)
    about.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    about.joinpath("entry_points.txt").write_text(entries)
    (folder / f"{name}.py").write_text(code)
    return folder


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a distribution for one test."""

    def forget():
        for one in (plug_ins.found, catalogue):
            one.cache_clear()
        for name in [name for name in sys.modules if name.startswith("ganvas_fake")]:
            del sys.modules[name]

    def install(entries, code="", name="ganvas_fake"):
        folder = distribution(tmp_path / name, entries, code, name)
        monkeypatch.syspath_prepend(str(folder))
        forget()

    yield install
    monkeypatch.undo()
    forget()


def test_names_are_listed_without_an_import(installed):
    installed("[ganvas.losses]\nmine = ganvas_fake:Mine\n", "raise RuntimeError('imported')")
    assert catalogue()["loss"]["mine"].meaning == "Plug-in of ganvas_fake 1.5."
    check_names(Config(loss={"name": "mine", "weight": 2.0}))
    assert "ganvas_fake" not in sys.modules


def test_a_part_is_built_as_an_own_one(installed):
    code = (
        f"from {__name__} import Part\n"
        "class Mine(Part):\n"
        "    def __init__(self, weight: float = 1.0):\n"
        "        self.weight = weight\n"
    )
    installed("[ganvas.losses]\nmine = ganvas_fake:Mine\n", code)
    assert build("loss", {"name": "mine", "weight": 2.0}, {}, Part).weight == 2.0
    with pytest.raises(ConfigError, match="wieght"):
        build("loss", {"name": "mine", "wieght": 2.0}, {}, Part)
    with pytest.raises(ConfigError, match=r"accepted: hinge, mine$"):
        build("loss", "theirs", {"hinge": Part}, Part)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import no_such_module", r"cannot be imported \(No module named 'no_such_module'\)"),
        ("Other = int", "cannot be imported"),
        ("Mine = int", "is not a Part"),
    ],
)
def test_a_broken_one_is_a_line_that_names_its_package(installed, code, says):
    installed("[ganvas.losses]\nmine = ganvas_fake:Mine\n", code)
    with pytest.raises(ConfigError, match=f"^loss 'mine' of the plug-in ganvas_fake 1.5 {says}"):
        build("loss", "mine", {}, Part)


def test_a_name_has_one_meaning(installed):
    installed("[ganvas.losses]\nhinge = ganvas_fake:Mine\nmine = ganvas_fake:Mine\n")
    with pytest.raises(ConfigError, match="declared by ganvas and by ganvas_fake"):
        check_names(Config(loss="hinge"))
    installed("[ganvas.losses]\nmine = ganvas_fake_too:Mine\n", name="ganvas_fake_too")
    with pytest.raises(ConfigError, match="by ganvas_fake") as error:
        build("loss", "mine", {}, Part)
    assert "ganvas_fake_too 1.5" in str(error.value)


def test_loggers_and_sources(installed):
    with pytest.raises(ConfigError, match="mytracker"):
        Config().with_values({"watch.loggers": "csv,mytracker"})
    with pytest.raises(DataError):
        check_named("myset:flowers")
    installed(
        "[ganvas.loggers]\nmytracker = ganvas_fake:Tracker\n"
        "[ganvas.sources]\nmyset = ganvas_fake:read\n",
        "from ganvas.training.loggers.base import Logger\nclass Tracker(Logger): ...\n",
    )
    names = Config().with_values({"watch.loggers": "csv,mytracker"}).watch.loggers
    loggers.check(names)
    check_named("myset:flowers")
    assert "ganvas_fake" not in sys.modules
    assert loggers.logger_type("mytracker").__name__ == "Tracker"


def test_a_run_says_which_package_it_needs(installed):
    record = {"kind": "networks", "name": "mine", "distribution": "ganvas_fake", "version": "1.5"}
    with pytest.raises(RunError, match=r"runs/a .* the plug-in ganvas_fake 1.5, which is not in"):
        plug_ins.check_installed([record], "runs/a")
    plug_ins.check_installed([record], "runs/a", ("loss",))
    for damaged in (None, "x", [3], [{}], [{"kind": ["networks"]}]):
        plug_ins.check_installed(damaged, "runs/a")
    installed("[ganvas.networks]\nmine = ganvas_fake:Mine\n", "Mine = int\n")
    assert plug_ins.records([("networks", "mine"), ("loss", "hinge")]) == [record]
    plug_ins.check_installed([record], "runs/a")
    assert "ganvas_fake" in sys.modules


def test_the_example_of_the_guide_trains(tmp_path, command, monkeypatch):
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (toml,), (code,) = ([t for kind, t in blocks if kind == k] for k in ("toml", "python"))
    groups = re.findall(r'entry-points\."([\w.]+)"\]\n(\w+ = )"([\w:]+)"', toml)
    entries = "".join(f"[{group}]\n{name}{place}\n" for group, name, place in groups)
    place = distribution(tmp_path / "site", entries, code, "ganvas_example")
    run = tmp_path / "run"
    arguments = (
        "train", "stripes:16", "--recipe", "quick", "--run", str(run), "--set", "train.kimg=0.4",
        "--set", "train.tick_kimg=0.4", "--set", "train.batch=16", "--set", "networks.width=8",
        "--set", "loss=least_squares_ab", "--set", "loss.real_target=0.9",
        "--set", "scores.times=0",
    )  # fmt: skip
    path = ":".join([str(place), *(one for one in sys.path if one)])
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", path)
        trained = command(*arguments)
    assert trained.returncode == 0, trained.stderr
    used = json.loads((run / "run.json").read_text())["plug_ins"]
    assert [(one["kind"], one["name"], one["version"]) for one in used] == [
        ("loss", "least_squares_ab", "1.5"), ("source", "stripes", "1.5"),
    ]  # fmt: skip
    without = command("resume", str(run), "--set", "train.kimg=0.8")
    assert without.returncode == 2
    assert len(without.stderr.strip().splitlines()) == 1
    assert "ganvas_example 1.5, which is not installed" in without.stderr
