"""Which recipe the images of a folder and a machine decide."""

import pytest

from ganvas.config import Config, load_recipe
from ganvas.errors import ConfigError
from ganvas.training import replicas
from ganvas.training.choosing import Undecided, choose
from ganvas.training.deciding import Folder, Machine, decide, largest_side

TWO, EIGHT, GPU = Machine(2, False), Machine(8, False), Machine(2, True)
LONG = Machine(2, False, minutes=60)


@pytest.mark.parametrize(
    ("count", "native", "channels", "machine", "recipe", "side", "kimg", "said"),
    [
        (50, 28, 1, TWO, "finetune", 28, 40, "50 grey images at 28x28, 2 cores"),
        (500, 64, 3, TWO, "finetune", 64, 60, "500 RGB images"),
        (5000, 64, 4, TWO, "finetune", 64, 100, "5,000 RGBA images"),
        (5000, 64, 4, GPU, "finetune", 64, 100, "a GPU"),
        (5000, 128, 3, TWO, "finetune", 64, 100, "128 px needs --minutes 13 or more"),
        (500, 128, 3, LONG, "finetune", 64, 60, "128 px needs 2,000 images"),
        (5000, 300, 3, LONG, "colour128", 128, 150, "at 128x128, 2 cores"),
        (5000, 300, 1, EIGHT, "colour128", 128, 150, "8 cores"),
        (5000, 300, 3, GPU, "colour256", 256, 300, "a GPU"),
        (5000, 128, 3, GPU, "colour128", 128, 150, "a GPU"),
    ],
)
def test_the_table(count, native, channels, machine, recipe, side, kimg, said):
    """The size is settled while the images are read, by the largest one that is affordable."""
    most = largest_side(machine) if count >= 2000 else 64
    size = min(native, most)
    folder = Folder(count, (size, size, channels), (native, native))
    choice = decide(folder, machine)
    assert (choice.recipe, size, choice.values["train.kimg"]) == (recipe, side, kimg)
    assert said in choice.why
    config = Undecided.of("auto", {}).decided(choice)
    assert config.recipe == recipe and config.parent == "auto"
    assert config.networks["name"] == "dcgan"
    if recipe != "finetune":
        assert config.data.channels == channels and config.networks["width"] == 32


def test_a_size_that_is_given_is_kept():
    choice = decide(Folder(300, (256, 192, 3), (256, 192)), TWO)
    config = Undecided.of("auto", {"data.size": [256, 192]}).decided(choice)
    assert config.recipe == "colour128" and config.data.size == (256, 192)


def test_classes_are_said():
    assert "in 3 classes" in decide(Folder(500, (64, 64, 3), (64, 64), 3), TWO).why


def test_minutes_decide_the_size():
    assert [largest_side(Machine(2, False, m)) for m in (10, 13)] == [64, 128]
    assert largest_side(Machine(1, False, 10)) == 64


def test_values_of_the_caller_come_last():
    given = {"train.kimg": 8, "networks.width": 16, "train.seed": 3}
    config = Undecided.of("auto", given).with_values({"train.heal": True})
    assert isinstance(config, Undecided) and config.recipe == "auto" and config.train.kimg == 8
    config = config.decided(decide(Folder(5000, (128, 128, 3), (128, 128)), LONG))
    assert type(config) is Config and config.recipe == "colour128"
    assert (config.train.kimg, config.networks["width"], config.train.seed) == (8, 16, 3)
    assert config.train.heal
    own_ticks = read_with_transfer("colour128").train.tick_kimg
    assert config.train.tick_kimg == own_ticks, "not those of another length"


def read_with_transfer(name: str) -> Config:
    recipe = load_recipe(name)
    return recipe.with_values(recipe.transfer)


def test_what_is_named_is_not_decided():
    assert choose("x/", None, {}, None).recipe == choose("x/", "auto", {}, None).recipe == "auto"
    for recipe, start in (("finetune", None), ("finetune", "auto"), (None, "photos")):
        assert choose("x/", recipe, {}, start).recipe == "finetune"
    for data, start in (("mnist", None), ("x/", "none")):
        assert choose(data, "auto", {}, start).recipe == "quick"
    assert choose("x/", None, {}, None, workers=4).recipe == "finetune"


def test_several_workers_take_no_minutes():
    config = load_recipe("quick").with_values({"train.minutes": 5})
    replicas.check(config, 1, 1)
    with pytest.raises(ConfigError, match=r"set train\.kimg"):
        replicas.check(config, 2, 2)


def test_lengths_replace_each_other():
    train = load_recipe("quick").with_values({"train.minutes": 5}).train
    assert train.minutes == 5 and train.epochs is None
    config = load_recipe("quick").with_values({"train.minutes": 5})
    for other in ("train.kimg", "train.epochs"):
        assert config.with_values({other: 3}).train.minutes is None
    private = {"privacy.noise": 1.0, "scores.times": 0, "penalties": [], "data.clusters": 0}
    with pytest.raises(ConfigError, match="leave it out"):
        config.with_values({**private, "train.burn_in": 0.0})
