"""Every key has a meaning, and what is read from sources is what the objects are."""

import inspect
import tomllib

import pytest

from ganvas.base.docstrings import described, summary
from ganvas.config import Config, load_recipe, parse, recipe_names
from ganvas.config.commented import commented
from ganvas.config.keys import accepted, keys, purposes, shown, value_of
from ganvas.config.recipe import known_keys
from ganvas.errors import ConfigError
from ganvas.gan.augment import AUGMENTS
from ganvas.gan.catalogue import TABLES, catalogue, check_keys, check_names, find
from ganvas.gan.losses import LOSSES
from ganvas.gan.networks import NETWORKS
from ganvas.gan.penalties import PENALTIES
from refusals import refuses

REAL = {"loss": LOSSES, "penalties": PENALTIES, "augment": AUGMENTS, "networks": NETWORKS}
PARTS = [(kind, name) for kind in TABLES for name in catalogue()[kind]]


def test_every_key_has_a_short_meaning():
    assert [one.name for one in keys() if not one.meaning] == []
    assert {one.name: one.summary for one in keys() if len(one.summary) > 70} == {}
    assert sorted(one.name for one in keys()) == sorted(known_keys())
    assert all(purposes().values())


def test_defaults_are_those_of_a_recipe():
    for one in keys():
        assert value_of(Config(), one.name) == one.default, one.name


def test_every_table_of_parts_is_read():
    assert {kind: set(parts) for kind, parts in catalogue().items()} == {
        kind: set(table) for kind, table in REAL.items()
    }


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_part_is_read_as_it_is(kind, name):
    part, real = catalogue()[kind][name], REAL[kind][name]
    taken = {
        key: None if one.default is one.empty else one.default
        for key, one in inspect.signature(real).parameters.items()
    }
    assert {one.last: one.default for one in part.arguments} == taken
    assert all(one.meaning for one in part.arguments)
    assert part.meaning == " ".join(inspect.cleandoc(real.__doc__).split("\n\n")[0].split())
    assert "arXiv:" in part.source


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_words_in_quotes_are_accepted_and_no_others(kind, name):
    part, real = catalogue()[kind][name], REAL[kind][name]
    needed = {one.last: 1.0 for one in part.arguments if one.required}
    for one in part.arguments:
        for choice in one.choices:
            others = {"norm": "batch"} if one.last == "condition" else {}
            real(**needed, **{**others, one.last: choice})
        if one.choices:
            with pytest.raises(ValueError, match=one.last):
                real(**needed, **{one.last: "other"})


def test_a_description_is_read_from_args():
    text = "Args:\n    height, width: of the map,\n        in pixels.\n    p: a share.\n\nEnd."
    assert described(text) == {
        "height": "of the map, in pixels.", "width": "of the map, in pixels.", "p": "a share.",
    }  # fmt: skip
    assert described("Nothing.") == {}
    assert summary("One thing.\nTwo things.\n\nMore.") == "One thing."


@pytest.mark.parametrize(
    ("schema", "words"),
    [({"enum": ["a", "b", "c"]}, "a, b or c"), ({"type": "boolean"}, "true or false"),
     ({"type": "number", "exclusiveMinimum": 0.0}, "> 0"), ({"type": "string"}, "text"),
     ({"type": "number", "minimum": 0, "maximum": 0.5}, "0 to 0.5"),
     ({"type": "integer", "minimum": 2}, ">= 2"), ({"type": "integer"}, "a whole number"),
     ({"type": "number", "minimum": 0, "exclusiveMaximum": 1.0}, ">= 0 and < 1")],
)  # fmt: skip
def test_what_is_accepted_in_words(schema, words):
    assert accepted(schema) == words


def test_values_in_words():
    values = [None, "", "adam", 600.0, 2e-4, True, []]
    assert [*map(shown, values)] == ["unset", '""', "adam", "600", "0.0002", "true", "[]"]


@pytest.mark.parametrize(
    ("name", "names"),
    [("train.kimg", ["train.kimg"]), ("kimg", ["train.kimg", "augment.ada.kimg"]),
     ("learning-rate", ["train.learning_rate"]), ("penalties.r1.weight", ["penalties.r1.weight"]),
     ("beta2_s", ["train.beta2_start"]), ("r1", ["penalties.r1"]), ("gate.kid", ["gate.kid_max"]),
     ("networks.pack", ["networks.dcgan.pack", "networks.resnet.pack"]),
     ("watch", ["watch.grids", "watch.loggers", "watch.signals", "watch.histograms"]),
     ("augment", ["augment", "augment.ada", "augment.diff"])],
)  # fmt: skip
def test_a_key_is_found_by_any_of_its_names(name, names):
    found, parts = find(name)
    assert [one.name for one in found] + [one.full for one in parts] == names


def test_an_unknown_name():
    with refuses(ConfigError, "'train.kimmg'", "'train.kimg'"):
        find("train.kimmg")
    with refuses(ConfigError, "'xyz'"):
        find("xyz")


@pytest.mark.parametrize(
    ("values", "named"),
    [({"networks.wdith": 3}, ["'wdith'", "'width'"]), ({"loss": "hing"}, ["'hing'", "'hinge'"]),
     ({"networks.dcgan.wdith": 3}, ["'wdith'", "'width'"]),
     ({"networks.resnet.width": 3}, ["networks.width", "networks=resnet"]),
     ({"penalties.r1.wieght": 3}, ["'wieght'", "'weight'"]), ({"loss.margim": 3}, ["'margim'"]),
     ({"penalties": ["r7"]}, ["'r7'"]), ({"penalties": ["r1"]}, ["r1", "'weight'"]),
     ({"augment": "dif"}, ["'dif'", "'diff'"]),
     ({"networks": {"name": "textbook", "width": 3}}, ["textbook", "'width'"]),
     ({"penalties": [], "penalties.r1.weight": 1}, ["penalties.r1"])],
)  # fmt: skip
def test_parts_are_checked_before_tensorflow_is_imported(values, named):
    with refuses(ConfigError, *named):
        check_names(load_recipe("quick").with_values(values))


def test_a_part_that_somebody_has_added_to_a_table(monkeypatch):
    config = load_recipe("quick").with_values({"loss": {"name": "mine", "depth": 3}})
    with refuses(ConfigError, "'mine'"):
        check_names(config)
    monkeypatch.setitem(LOSSES, "mine", type("Mine", (LOSSES["hinge"],), {"__module__": "mine"}))
    check_names(config)


def test_a_part_of_an_argument_may_be_named():
    config = load_recipe("quick").with_values({"networks.dcgan.width": 8, "penalties.r1.every": 2})
    assert config.networks["width"] == 8
    assert config.penalties[0]["every"] == 2


@pytest.mark.parametrize(
    ("key", "meant"),
    [("kimg", "'train.kimg'"), ("width", "'networks.width'"), ("clip", "'privacy.clip'"),
     ("weight", "'penalties.r1.weight'"), ("learning_rat", "'train.learning_rate'"),
     ("learning-rate", "'train.learning_rate'")],
)  # fmt: skip
def test_a_key_without_its_section_suggests(key, meant):
    with refuses(ConfigError, f"'{key}'", meant):
        check_keys(load_recipe("quick"), {key: 1})


@pytest.mark.parametrize("name", recipe_names())
def test_a_commented_recipe_is_the_same_recipe(name):
    config = load_recipe(name)
    text = commented(config, catalogue(), "All.")
    assert parse({"recipe": name, **tomllib.loads(text)}) == config
    for one in keys():
        assert (
            one.name in ("loss", "networks") or f"{one.last} = " in text or "[" + one.last in text
        )
    assert max(map(len, text.splitlines())) <= 120


def test_a_commented_recipe_of_own_parts():
    config = parse({"loss": "my.losses:Mine", "networks": {"name": "my.nets:Net", "depth": 3}})
    text = commented(config, catalogue(), "Mine.")
    assert parse({**tomllib.loads(text)}) == config
