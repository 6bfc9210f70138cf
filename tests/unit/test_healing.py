"""To which state a failing run goes back, and what stops a run before it is written down."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ganvas.config import Scores, Train, Watch, load_recipe
from ganvas.config.plan import Plan
from ganvas.doctor import Finding
from ganvas.errors import Diverged
from ganvas.storage.run import Run
from ganvas.training import healing
from ganvas.training.callbacks import NaNGuard
from refusals import refuses

PLAN = Plan.of(Train(kimg=1, batch=10, tick_kimg=0.1, steps_per_execution=10), Watch(), False,
               Scores())  # fmt: skip


@pytest.fixture
def run(tmp_path) -> Run:
    return Run.create(tmp_path / "run", "run", load_recipe("quick"))


@pytest.mark.parametrize(
    ("kept", "back_to"), [((10, 20, 30, 40), 30), ((10, 20), 20), ((40, 50, 60), None)]
)
def test_a_run_goes_back_to_three_ticks_before_the_first_sign(run, kept, back_to, monkeypatch):
    """The first sign is at step 60: what was healthy later than step 30 may hide the failure."""
    assert PLAN.tick == 10
    (run.folder / "state").mkdir(exist_ok=True)
    for step in kept:
        (run.folder / "state" / f"{step:09d}.healthy").touch()
    monkeypatch.setattr(healing, "assemble", lambda *_: None)
    rates = {"train.learning_rate": 0.1, "train.discriminator_learning_rate": 0.1}
    config = load_recipe("quick").with_values({**rates, "networks.minibatch": "std"})
    finding = Finding("divergence", "certain", PLAN.kimg(60), {})
    session = SimpleNamespace(run=run, config=config, source=None, plan=PLAN, step=80)
    healing.choose_fix(session, finding)
    (entry,) = run.info["healed"]
    assert entry["back_to"] == (f"{back_to:09d}.healthy" if back_to else None)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_weights_that_are_not_finite_stop_a_run_whose_losses_are(run, player):
    """A loss is the mean of a tick before the last update: weights may be lost already."""

    def weight(value):
        return SimpleNamespace(path="dense/kernel", numpy=lambda: np.array([1.0, value]))

    model = SimpleNamespace(
        generator=SimpleNamespace(weights=[weight(2.0)]),
        discriminator=SimpleNamespace(weights=[weight(3.0)]),
    )
    guard = NaNGuard(run, PLAN)
    guard.set_model(model)
    guard.tick(10, {"generator": 0.5})
    getattr(model, player).weights.append(weight(np.inf))
    with refuses(Diverged, "weight dense/kernel", 20):
        guard.tick(20, {"generator": 0.5})
    assert run.info["diverged"] == {"what": "weight dense/kernel", "step": 20, "kimg": 0.2}
