"""A word becomes an object, or a sentence that says what would have."""

from __future__ import annotations

import sys
import types
from typing import ClassVar

import pytest

from ganvas.config.build import build, complete, import_modules, import_parts
from ganvas.errors import ConfigError, UsageError
from refusals import refuses


class Part:
    def __init__(
        self,
        weight: float,
        every: int = 1,
        on: bool = False,
        word: str = "x",
        more: tuple[int, ...] = (1, 2),
        nothing: int | None = None,
    ):
        if weight < 0:
            raise ValueError(f"weight {weight}: takes weight >= 0")
        self.arguments = (weight, every, on, word)


class Plain:
    pass


TABLE = {"part": Part, "plain": Plain}


def test_by_name_and_by_table():
    assert isinstance(build("thing", "plain", TABLE, object), Plain)
    assert isinstance(build("thing", {"name": "plain"}, TABLE, object), Plain)
    part = build("thing", {"name": "part", "weight": 2, "on": True, "word": "y"}, TABLE, object)
    assert part.arguments == (2, 1, True, "y")


def test_the_spec_is_not_changed():
    spec = {"name": "part", "weight": 2.0}
    build("thing", spec, TABLE, object)
    complete("thing", spec, TABLE, object)
    assert spec == {"name": "part", "weight": 2.0}


def test_complete_writes_every_default_and_is_stable():
    full = complete("thing", {"name": "part", "weight": 2.0}, TABLE, object)
    assert full == {
        "name": "part", "weight": 2.0, "every": 1, "on": False, "word": "x", "more": [1, 2],
    }  # fmt: skip
    assert complete("thing", full, TABLE, object) == full
    assert complete("thing", "plain", TABLE, object) == {"name": "plain"}


@pytest.mark.parametrize("function", [build, complete])
@pytest.mark.parametrize(
    ("spec", "sentence"),
    [("prat", "unknown thing 'prat': did you mean 'part'?"),
     ("qqq", "unknown thing 'qqq'; accepted: part, plain"),
     ({"weight": 1.0}, "has no name"),
     ({"name": 3}, "has no name"),
     ("part", "thing part needs 'weight': write {name = "),
     ({"name": "part", "weight": 1.0, "evry": 2}, "'evry': did you mean 'every'?"),
     ({"name": "plain", "weight": 1.0}, "takes no arguments"),
     ({"name": "part", "weight": "heavy"}, "weight = 'heavy' is not of type float"),
     ({"name": "part", "weight": True}, "weight = True is not of type float"),
     ({"name": "part", "weight": 1.0, "every": 1.5}, "every = 1.5 is not of type int"),
     ({"name": "part", "weight": 1.0, "every": True}, "every = True is not of type int"),
     ({"name": "part", "weight": 1.0, "on": 1}, "on = 1 is not of type bool"),
     ({"name": "part", "weight": 1.0, "word": 1}, "word = 1 is not of type str"),
     ("no_such_package:Part", "`ganvas --import no_such_package ...`"),
     ("this:d", "`ganvas --import this ...`"),
     ("json:NoSuchThing", "does not exist"),
     (":", "`ganvas --import MODULE ...`"),
     ("os:sep", "is not a class")],
)  # fmt: skip
def test_what_is_refused(function, spec, sentence):
    with refuses(ConfigError, sentence) as caught:
        function("thing", spec, TABLE, object)
    assert "\n" not in str(caught.value)


def test_what_the_constructor_refuses():
    with refuses(ConfigError, "-1", "0"):
        build("thing", {"name": "part", "weight": -1}, TABLE, object)


def test_reading_imports_nothing_and_calls_nothing_of_another_class(monkeypatch):
    module = types.ModuleType("my_package")

    class Trap:
        touched: ClassVar[list[str]] = []

        def __init__(self, weight=1.0):
            self.touched.append("called")

        @property
        def __signature__(self):
            self.touched.append("inspected")

    module.Trap = Trap
    module.__getattr__ = lambda name: pytest.fail(name)
    monkeypatch.setitem(sys.modules, "my_package", module)
    for function in (build, complete):
        for name in ("my_package:Trap", "subprocess:Popen", "my_package:Other", "this:d"):
            with refuses(ConfigError, name):
                function("thing", {"name": name, "args": "touch x"}, TABLE, Part)
    assert not Trap.touched and "this" not in sys.modules


def test_training_imports(monkeypatch, tmp_path):
    (tmp_path / "my_own_part.py").write_text("class Mine:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_own_part", raising=False)
    with refuses(ConfigError, "my_own_part:Mine"):
        build("thing", "my_own_part:Mine", {}, object)
    import_parts("part", {"name": "my_own_part:Mine"}, {"weight": 1})
    assert type(build("thing", "my_own_part:Mine", {}, object)).__name__ == "Mine"
    for name in ("no_such_package:Part", "json:NoSuchThing", ":"):
        with refuses(ConfigError, name, "cannot be imported"):
            import_parts(name)
    import_modules(["my_own_part"])
    for name in ("no_such_package", "", ".x"):
        with refuses(UsageError, f"'{name}'"):
            import_modules([name])


def test_an_own_part_needs_no_table(monkeypatch):
    module = types.ModuleType("my_package")
    module.Mine = Part
    monkeypatch.setitem(sys.modules, "my_package", module)
    assert isinstance(
        build("thing", {"name": "my_package:Mine", "weight": 1.0}, TABLE, object), Part
    )
    full = complete("thing", {"name": "my_package:Mine", "weight": 1.0}, {}, object)
    assert full["name"] == "my_package:Mine"
    with refuses(ConfigError):
        build("thing", "my_package:Mine", TABLE, object)


@pytest.mark.parametrize("value", ["1", True, float("nan")])
def test_optional_numbers_are_checked_too(value):
    from ganvas.gan.penalties import PENALTIES

    with refuses(ConfigError):
        build("penalty", {"name": "r1", "weight": 1.0, "start": value}, PENALTIES, object)
