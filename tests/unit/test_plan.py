"""Stretches cover a run exactly, from wherever it is taken up."""

from __future__ import annotations

import itertools

import pytest

from ganvas.config import Scores, Train, Watch, parse
from ganvas.config.plan import Plan
from ganvas.training.assembly import optimizers

CASES = [
    Train(kimg=kimg, batch=batch, tick_kimg=tick, warmup_kimg=warm, discriminator_steps=turns,
          steps_per_execution=execution)
    for kimg, batch, tick, warm, turns, execution in [
        (1000, 64, 20, 0, 1, 10), (1000, 64, 20, 33, 1, 10), (600, 128, 20, 20, 1, 5),
        (0.5, 8, 0.1, 0, 1, 2), (0.5, 8, 0.1, 0.25, 2, 2), (7.3, 32, 1.7, 2.9, 5, 7),
        (5, 64, 20, 1, 1, 10), (0.01, 64, 20, 0, 1, 10), (3, 64, 0.001, 0.5, 1, 4),
        (200, 64, 20, 0, 1, 25), (1, 2, 0.3, 0.9, 3, 1), (25000, 256, 20, 0, 1, 10),
    ]
]  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda t: f"{t.kimg}-{t.tick_kimg}-{t.warmup_kimg}")
def plan(request) -> Plan:
    return Plan.of(request.param, Watch(), reads_real=False)


def ends(plan: Plan, start: int) -> list[tuple[int, bool]]:
    """(last step, warming up) of every tick that is played from a step on."""
    found = []
    for stretch in plan.stretches(start):
        for tick in range(stretch.ticks):
            found.append((stretch.start + (tick + 1) * stretch.steps, stretch.warming_up))
    return found


def test_counts_are_multiples_of_the_execution(plan):
    assert plan.total > 0
    for steps in (plan.tick, plan.warmup, plan.total):
        assert steps % plan.execution == 0


@pytest.mark.parametrize("train", CASES, ids=lambda t: f"{t.kimg}-{t.tick_kimg}-{t.warmup_kimg}")
def test_kimg_is_what_was_asked_for_rounded_up(train):
    plan = Plan.of(train, Watch(), reads_real=False)
    one = plan.execution * train.batch * train.discriminator_steps / 1000
    assert train.kimg <= plan.kimg(plan.total) + 1e-9 < train.kimg + one + 1e-6
    assert train.tick_kimg <= plan.kimg(plan.tick) + 1e-9
    assert plan.kimg(plan.warmup) >= train.warmup_kimg - 1e-9


def test_stretches_follow_each_other_to_the_end(plan):
    at = 0
    for stretch in plan.stretches(0):
        assert stretch.start == at
        assert stretch.ticks >= 1
        assert stretch.steps >= 1
        assert stretch.steps % plan.execution == 0
        at += stretch.ticks * stretch.steps
    assert at == plan.total


def test_cut_at_every_tick_at_the_warmup_and_at_the_end_and_nowhere_else(plan):
    wanted = {*range(plan.tick, plan.total, plan.tick), plan.total}
    if plan.warmup:
        wanted.add(min(plan.warmup, plan.total))
    assert [step for step, _ in ends(plan, 0)] == sorted(wanted)
    assert all(warming == (step <= plan.warmup) for step, warming in ends(plan, 0))


def test_resumed_anywhere_it_plays_the_same_ticks(plan):
    whole = ends(plan, 0)
    starts = {step + shift for step, _ in whole[:40] for shift in (-plan.execution, 0)}
    for start in starts | {0, plan.execution, plan.total - plan.execution}:
        if 0 <= start < plan.total:
            assert ends(plan, start) == [tick for tick in whole if tick[0] > start]


def test_nothing_is_left_after_the_end(plan):
    assert plan.stretches(plan.total) == []
    assert plan.stretches(plan.total + plan.execution) == []


def test_alike_ticks_are_one_fit():
    plan = Plan.of(Train(kimg=1000, batch=64, tick_kimg=20), Watch(), reads_real=False)
    assert len(plan.stretches(0)) <= 2


def test_kimg_counts_only_what_the_discriminator_was_trained_on():
    train = Train(kimg=1, batch=10, discriminator_steps=3, steps_per_execution=1)
    plain, paired = (Plan.of(train, Watch(), reads_real=real) for real in (False, True))
    assert plain.kimg(7) == paired.kimg(7) == 0.21
    assert (plain.turns, paired.turns) == (3, 4)
    assert (plain.position(7), paired.position(7)) == (210, 280)


def test_a_run_is_never_longer_than_one_execution_too_much():
    plan = Plan.of(Train(kimg=0.064, batch=64, steps_per_execution=1000), Watch(), reads_real=False)
    assert plan.total == plan.execution == 1


@pytest.mark.parametrize("kimg", [600, 1000, 2500, 5000, 12345, 25000])
def test_twenty_to_fifty_grids(kimg):
    plan = Plan.of(Train(kimg=kimg), Watch(), reads_real=False)
    due = [step for step, _ in ends(plan, 0) if plan.grid_due(step)]
    assert 20 <= len(due) <= 50
    assert due[-1] == plan.total
    gaps = {b - a for a, b in itertools.pairwise([0, *due])}
    assert len(gaps) <= 2, "evenly spread but for the last"


def test_the_generator_is_not_scored_while_it_stands_still():
    """The warm-up ends with a tick that would be scored."""
    train = Train(kimg=100, batch=10, tick_kimg=10, warmup_kimg=30, steps_per_execution=10)
    plan = Plan.of(train, Watch(), False, Scores(times=10))
    due = [step for step, _ in ends(plan, 0) if plan.score_due(step)]
    assert plan.warmup == 3000
    assert due == list(range(4000, 10_001, 1000))


def test_rates_fall_over_the_updates_of_each_player_alone():
    """The generator makes none during the warm-up; the discriminator makes several a step."""
    values = {"train.kimg": 100, "train.batch": 10, "train.warmup_kimg": 30,
              "train.discriminator_steps": 2, "train.decay": "linear",
              "train.steps_per_execution": 10}  # fmt: skip
    config = parse({}).with_values(values)
    plan = Plan.of(config.train, config.watch, False)
    assert (plan.warmup, plan.total) == (1500, 5000)
    generator, discriminator = (one._learning_rate.updates for one in optimizers(config, plan))
    assert (generator, discriminator) == (3500, 10_000)


def test_schedules_over_the_run_are_longer_in_a_longer_run():
    """Also if a run is extended: at each step, rates and weights are those of its new length."""
    config = parse({}).with_values(
        {"train.burn_in": 0.5, "train.decay": "cosine", "train.beta2_start": 0.9}
    )
    for kimg in (100, 300):
        longer = config.with_values({"train.kimg": kimg})
        plan = Plan.of(longer.train, longer.watch, False)
        assert plan.burn_in == plan.total // 2
        generator, _ = optimizers(longer, plan)
        assert (generator.burn_in, generator._learning_rate.updates) == (plan.burn_in, plan.total)


def test_a_burn_in_in_kimg_has_the_same_length_in_any_run():
    steps = {Plan.of(Train(kimg=kimg, burn_in_kimg=32), Watch(), False).burn_in for kimg in (50, 9)}
    assert steps == {500}


def test_grids_zero_leaves_the_last():
    plan = Plan.of(Train(kimg=1000), Watch(grids=0), reads_real=False)
    assert [step for step, _ in ends(plan, 0) if plan.grid_due(step)] == [plan.total]
