"""Every recipe in the package can be read, written, built and planned."""

from __future__ import annotations

import tomllib

import pytest

from ganvas.config import load_recipe, parse, recipe_header, recipe_names
from ganvas.config.build import build, complete
from ganvas.config.plan import Plan
from ganvas.gan.augment import AUGMENTS, Augment
from ganvas.gan.losses import LOSSES, Loss
from ganvas.gan.networks import NETWORKS, Networks
from ganvas.gan.penalties import PENALTIES, Penalty
from ganvas.training.assembly import advice

BASELINES = {"classic", "warm", "wgan"}
"""As in the textbook, or in the paper: unstable, or too slow for a rate that falls."""
KITS = {"dp", "faces", "logos", "texture"}
"""Short runs of a fixed length: what the kits quote was measured with constant rates."""
PAIRS = {"finetune"}
"""R1 keeps the weight with which the pretrained pairs were trained."""

pytestmark = pytest.mark.parametrize("name", recipe_names())


def test_it_survives_toml(name):
    config = load_recipe(name)
    assert config.recipe == name
    assert parse(tomllib.loads(config.toml())) == config


def test_its_parts_can_be_built_and_written_out(name):
    config = load_recipe(name)
    kinds = [("loss", config.loss, LOSSES, Loss), ("networks", config.networks, NETWORKS, Networks)]
    kinds += [("penalty", spec, PENALTIES, Penalty) for spec in config.penalties]
    kinds += [("augment", config.augment, AUGMENTS, Augment)] if config.augment else []
    for kind, spec, table, base in kinds:
        assert isinstance(build(kind, spec, table, base), base)
        full = complete(kind, spec, table, base)
        assert complete(kind, full, table, base) == full


def test_its_networks_fit_mnist_and_each_other(name):
    config = load_recipe(name)
    networks = build("networks", config.networks, NETWORKS, Networks)
    classes = 10 if config.data.labels else 0
    generator = networks.generator((28, 28, 1), classes)
    discriminator = networks.discriminator((28, 28, 1), classes)
    assert generator.output.shape[1:] == discriminator.input["image"].shape[1:] == (28, 28, 1)


def test_its_plan_is_of_ordinary_length(name):
    config = load_recipe(name)
    plan = Plan.of(config.train, config.watch, LOSSES[_name(config.loss)].reads_real)
    assert 0 <= plan.warmup < plan.total
    assert plan.kimg(plan.total) == pytest.approx(config.train.kimg, rel=0.02)
    ends = range(plan.tick, plan.total + 1, plan.tick)
    assert 20 <= sum(plan.grid_due(step) for step in ends) <= 50


def test_its_schedules_end_with_the_run(name):
    """Rates fall, and so do the weights of R1 and R2; the average is as long as its ramp allows."""
    config = load_recipe(name)
    train = config.train
    if name in BASELINES or name in KITS:
        return
    assert train.decay != "none" and train.decay_to <= 0.25
    assert train.burn_in_kimg == 0
    if name in PAIRS:
        return
    assert train.ema_kimg >= min(50, train.ema_ramp * train.kimg)
    for penalty in config.penalties:
        if penalty["name"] in ("r1", "r2"):
            assert train.burn_in >= 0.5 and penalty["weight"] <= penalty["start"] / 2


def test_the_literature_does_not_advise_against_it(name):
    assert advice(load_recipe(name)) == []


def test_its_header_is_a_lab_note(name):
    """`ganvas recipes` shows what it is for, its cost and its score."""
    header = recipe_header(name)
    assert {"what", "command", "cost", "score"} <= header.keys()
    assert all(header.values())
    assert name in header["command"]


def _name(spec) -> str:
    return spec if isinstance(spec, str) else spec["name"]
