"""A recipe is read, changed, refused and written out again."""

from __future__ import annotations

import tomllib

import pytest

from ganvas.config import (
    Config,
    load_recipe,
    parse,
    parse_set,
    recipe_header,
    recipe_names,
    recipe_text,
)
from ganvas.errors import ConfigError
from refusals import refuses


def again(config: Config) -> Config:
    return parse(tomllib.loads(config.toml()))


def test_defaults_survive_toml():
    assert again(Config()) == Config()


def test_every_kind_of_value_survives_toml():
    config = Config().with_values(
        {
            "data.size": [48, 64],
            "data.source": 'a "strange" folder\\with ümlauts',
            "networks": {"name": "dcgan", "width": 8, "norm": "none"},
            "penalties": [{"name": "r1", "weight": 1.0}, {"name": "r2", "weight": 0.5, "every": 4}],
            "train.epochs": 2.5,
            "train.learning_rate": 1e-7,
        }
    )
    assert again(config) == config
    assert config.data.size == (48, 64)
    assert config.networks["width"] == 8
    assert config.penalties[1]["every"] == 4


def test_a_config_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        Config().train.kimg = 3


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [("train.kimgs", "train.kimg"), ("train.learning_rat", "train.learning_rate"),
     ("data.sise", "data.size"), ("watch.grid", "watch.grids"), ("los", "loss"),
     ("trian.kimg", "train.kimg"), ("penalty", "penalties")],
)  # fmt: skip
def test_a_misspelt_key_suggests(key, suggestion):
    with refuses(ConfigError, f"'{key}'", f"'{suggestion}'"):
        Config().with_values({key: 1})


def test_a_misspelt_key_in_a_file_suggests(tmp_path):
    (tmp_path / "mine.toml").write_text("[train]\nkimgs = 3\n")
    with refuses(ConfigError, "'train.kimg'"):
        load_recipe(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("key", "value"),
    [("train.kimg", 0), ("train.kimg", -1), ("train.kimg", "many"), ("train.batch", 1),
     ("train.batch", 8.5), ("train.seed", -1), ("train.tick_kimg", 0), ("train.beta1", 1),
     ("train.learning_rate", 0), ("train.discriminator_steps", 0), ("train.decay", "cubic"),
     ("train.steps_per_execution", 0), ("train.ema_kimg", -1), ("train.decay_to", 2),
     ("data.size", 8), ("data.size", 512), ("data.size", [16, 8]), ("data.size", [16, 16, 16]),
     ("data.channels", 5), ("data.fit", "stretch"), ("data.holdout", 1), ("data.labels", "maybe"),
     ("penalties", "r1"), ("watch.grids", -1), ("loss", 3), ("train", 3)],
)  # fmt: skip
def test_an_impossible_value_is_one_sentence_that_names_it(key, value):
    with refuses(ConfigError, key) as caught:
        Config().with_values({key: value})
    sentence = str(caught.value)
    assert sentence.startswith(key)
    assert "\n" not in sentence
    assert "pydantic" not in sentence


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["train.kimg", "train.learning_rate", "train.tick_kimg"])
def test_numbers_are_finite(key, value):
    with refuses(ConfigError, key, value):
        Config().with_values({key: value})


@pytest.mark.parametrize("warmup", [5, 6])
def test_a_warmup_as_long_as_the_run_is_refused(warmup):
    with refuses(ConfigError):
        Config().with_values({"train.kimg": 5, "train.warmup_kimg": warmup})
    assert Config().with_values({"train.kimg": 5, "train.warmup_kimg": 4.9})


@pytest.mark.parametrize("values", [{"train.discriminator_steps": 2}, {"privacy.noise": 1.0}])
def test_shared_fakes_are_those_of_one_turn(values):
    with refuses(ConfigError, "train.shared_fakes"):
        Config().with_values({"penalties": [], "train.shared_fakes": True, **values})
    assert Config().with_values({"train.shared_fakes": True}).train.shared_fakes


def test_the_later_word_about_the_length_counts():
    epochs = Config().with_values({"train.epochs": 3})
    assert epochs.train.epochs == 3
    assert epochs.with_values({"train.kimg": 7}).train.epochs is None


def test_an_argument_of_a_part_given_by_name_only():
    config = parse({"networks": "dcgan"}).with_values({"networks.width": 8, "loss.margin": 2.0})
    assert config.networks == {"name": "dcgan", "width": 8}
    assert config.loss == {"name": "nonsaturating", "margin": 2.0}


@pytest.mark.parametrize(
    ("word", "value"),
    [("500", 500), ("1e-4", 1e-4), ("true", True), ("[16, 32]", [16, 32]), ('"r1"', "r1"),
     ("hinge", "hinge"), ("a=b", "a=b"), ("my_package.losses:MyLoss", "my_package.losses:MyLoss"),
     ('[{name="r1", weight=1.0}]', [{"name": "r1", "weight": 1.0}]),
     ('{name = "hinge", margin = 0.5}', {"name": "hinge", "margin": 0.5}),
     ("photos of 2024", "photos of 2024"), ("1\nother = 2", "1\nother = 2"), ("", "")],
)  # fmt: skip
def test_set_values_are_toml_else_strings(word, value):
    assert parse_set([f"some.key={word}"]) == {"some.key": value}


def test_set_takes_several_and_the_last_counts():
    assert parse_set(["a=1", "b=2", "a = 3"]) == {"a": 3, "b": 2}
    assert parse_set([]) == {}


@pytest.mark.parametrize("word", ["train.kimg", "=3", " =3", ""])
def test_set_without_key_and_value(word):
    with refuses(ConfigError):
        parse_set([word])


def test_an_unknown_recipe_suggests():
    with refuses(ConfigError, "'quik'", "'quick'"):
        load_recipe("quik")


def test_a_recipe_file_without_its_suffix_suggests(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").touch()
    monkeypatch.chdir(tmp_path)
    with refuses(ConfigError, "'mine'", "mine.toml"):
        load_recipe("mine")


def test_a_recipe_file(tmp_path):
    file = tmp_path / "mine.toml"
    with refuses(ConfigError, "mine.toml"):
        load_recipe(file)
    file.write_text("loss = ")
    with refuses(ConfigError):
        load_recipe(file)
    file.write_bytes(b"loss = '\xff'")
    with refuses(ConfigError, "mine.toml"):
        load_recipe(file)
    file.write_text('loss = "hinge"\n')
    config = load_recipe(str(file))
    assert (config.loss, config.recipe) == ("hinge", "mine")


def test_a_recipe_of_the_package_tells_its_name_and_header():
    for name in recipe_names():
        assert load_recipe(name).recipe == name
        assert tomllib.loads(recipe_text(name))
        assert isinstance(recipe_header(name), dict)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"penalties": [{"name": "r1", "weight": 1.0, "start": 2.0}]}, "r1"),
        ({"train.beta2_start": 0.9}, "train.beta2_start"),
        ({"train.burn_in": 0.5, "train.burn_in_kimg": 3}, "train.burn_in_kimg"),
        ({"train.beta2_start": 0.9, "train.burn_in_kimg": 1, "train.optimizer": "rmsprop"}, "adam"),
    ],
)  # fmt: skip
def test_values_that_nothing_listens_to(values, named):
    with refuses(ConfigError, named):
        parse({}).with_values(values)


def test_of_two_lengths_of_the_burn_in_the_later_one_counts():
    share = parse({"train": {"burn_in": 0.5}})
    counted = share.with_values({"train.burn_in_kimg": 8})
    assert (counted.train.burn_in, counted.train.burn_in_kimg) == (0, 8)
    assert counted.with_values({"train.burn_in": 0.5}) == share
    assert not share.with_values({"train.burn_in_kimg": 0}).train.burns_in


def test_an_augmentation_named_by_a_word_takes_arguments_later():
    config = parse({"augment": "ada"}).with_values({"augment.kimg": 50})
    assert config.augment == {"name": "ada", "kimg": 50}
