"""A run and its scoring are fitted to time: numbers in, values out."""

import pytest

from ganvas.config import load_recipe
from ganvas.training.budget import SPARE, Case, Speed, cost, fit

FAST = Speed(step=0.02, scoring=0.05, fake=0.003, real=0.002)
SLOW = Speed(step=0.2, scoring=0.05, fake=0.003, real=0.002)


def case(recipe="finetune", real=500, held=False, **values) -> Case:
    changes = {name.replace("__", "."): value for name, value in values.items()}
    return Case(load_recipe(recipe).with_values(changes), False, real, held)


@pytest.mark.parametrize("speed", [FAST, SLOW])
@pytest.mark.parametrize("recipe", ["finetune", "quick", "colour128"])
@pytest.mark.parametrize(("real", "held"), [(50, False), (2000, True)])
def test_scoring_takes_at_most_its_share(recipe, speed, real, held):
    one = case(recipe, real, held)
    found = fit(one, speed)
    assert found.scoring <= 0.1 * found.seconds * 1.001
    assert found.config.scores.times >= 1 and found.config.train == one.config.train
    assert found.scoring == cost(one, found.config, speed)


def test_scoring_is_full_where_there_is_time():
    scores = fit(case("colour128"), SLOW).config.scores
    assert (scores.times, scores.images, scores.last_images, scores.real) == (8, 1000, 1000, 2000)


def test_a_short_run_is_scored_once():
    found = fit(case(train__kimg=0.64), SLOW)
    scores = found.config.scores
    assert (scores.times, scores.images, scores.last_images) == (1, 100, 100)


def test_values_that_are_set_are_kept():
    given = {"scores__times": 5, "scores__images": 300}
    scores = fit(case(**given), FAST).config.scores
    assert (scores.times, scores.images, scores.filled.last_images) == (5, 300, 300)
    scores = fit(case(scores__images=300), FAST).config.scores
    assert scores.times and scores.images == 300 and scores.last_images is scores.real is None
    none = fit(case(scores__times=0), FAST)
    assert none.scoring == 0 and none.config.scores.images is None


@pytest.mark.parametrize("minutes", [1, 10, 100])
@pytest.mark.parametrize("speed", [FAST, SLOW])
def test_minutes_are_kept(minutes, speed):
    one = case(train__minutes=minutes)
    found = fit(one, speed, 60 * minutes - 20)
    train = found.config.train
    assert found.seconds == pytest.approx(SPARE * (60 * minutes - 20), rel=0.06)
    assert found.scoring <= 6 * minutes
    assert train.minutes is None and train.epochs is None, "a run of this recipe needs no clock"
    ticks = len(one.plan(found.config).ends)
    assert 4 <= ticks <= 26
    assert one.plan(found.config).total % 10 == 0


def test_schedules_follow_the_length():
    short = fit(case(train__minutes=1, train__burn_in_kimg=20), FAST, 40).config.train
    long = fit(case(train__minutes=100), FAST, 5900).config.train
    assert short.kimg < 100 < long.kimg
    assert short.burn_in_kimg == pytest.approx(20 * short.kimg / 100, rel=0.01)
    assert short.ema_kimg == 5 and long.ema_kimg == pytest.approx(5 * long.kimg / 100, rel=0.01)


def test_no_time_is_left():
    found = fit(case(train__minutes=0.1), SLOW, -30.0)
    assert found.config.train.kimg == pytest.approx(0.32), "one call of the train function"
