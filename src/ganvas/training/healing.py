"""Playing with a doctor at hand: a run that falls sick goes back and takes a cure."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from ..config import Config, parse_set
from ..config.plan import Plan
from ..data import Images
from ..doctor import Finding, examine, next_cure, since_cure
from ..errors import ConfigError, Diverged, RunError
from ..gan.model import GAN
from ..storage.run import UNREADABLE, Run, read_state
from .assembly import assemble
from .callbacks import restore, state_of, take_weights
from .loop import play

MOST = 3
"""Cures that a run may take."""
MARGIN = 3
"""Ticks before the first sign that a state must lie to be gone back to."""


def play_and_heal(
    run: Run,
    gan: GAN,
    plan: Plan,
    source: Images,
    config: Config,
    progress: bool,
    each_tick: Callable[[Run], bool] | None = None,
) -> None:
    """`play`, and with `train.heal` again after each cure, within the same budget of kimg.

    Raises: Diverged: what ails it came back after every cure there is, or after three.
    """
    while True:
        try:
            finding = play(run, gan, plan, source, config, progress, each_tick)
        except Diverged:
            if not config.train.heal or int(gan.step.numpy()) >= plan.total:
                raise
            finding = _named(run)
        if finding is None:
            return
        config = prescribe(run, config, source, finding, int(gan.step.numpy()), plan)
        with gan.distribute_strategy.scope():
            gan, plan = take_cure(run, config, source)


def prescribe(
    run: Run, config: Config, source: Images, finding: Finding, step: int, plan: Plan
) -> Config:
    """Choose the next cure that can be taken, write it down, and return the recipe with it."""
    taken = list(run.info.get("healed", ()))
    known = [one["cure"] for one in taken]
    # What was not seen at once has been going on for a while before its first sign.
    back = run.healthy(plan.step(finding.since_kimg) - MARGIN * plan.tick)
    while cure := next_cure(finding.disease, config, known, anew=back is None):
        try:
            assemble(config.with_values(cure.values), source)
            break
        except ConfigError:  # such as a batch that the cured networks cannot judge
            known.append(list(cure.words))
    if cure is None or len(taken) >= MOST:
        run.update_info(status="sick")
        past = "; ".join(
            f"{one['disease']} at {one['kimg']:g} kimg, {' '.join(one['cure'])}" for one in taken
        )
        raise Diverged(
            f"{finding.disease} since {finding.since_kimg:g} kimg, and no cure is left "
            f"({past or 'none fits'}): what was best is kept; `ganvas doctor {run.folder}` shows "
            "the evidence, another recipe may do"
        )
    entry = {
        "disease": finding.disease, "since_kimg": finding.since_kimg, "evidence": finding.evidence,
        "step": step, "kimg": round(plan.kimg(step), 3), "cure": list(cure.words),
        "back_to": None if cure.anew or back is None else back.name, "taken": False,
    }  # fmt: skip
    run.update_info(healed=[*taken, entry])
    sys.stderr.write(
        f"note: {finding.disease} since {finding.since_kimg:g} kimg: "
        f"{'going back to the last healthy state' if entry['back_to'] else 'starting anew'} with "
        f"{' '.join(cure.words)}\n"
    )
    return config.with_values(cure.values)


def take_cure(run: Run, config: Config, source: Images) -> tuple[GAN, Plan]:
    """The game with the cure that was written down last, at the step where the sick one stood.

    May be called again after a kill: the state that it reads stays.
    """
    healed = run.info["healed"]
    entry = healed[-1]
    gan, plan = assemble(config, source)
    if entry["back_to"]:
        with contextlib.suppress(*UNREADABLE):  # it starts anew, then
            healthy = read_state(run.folder / "state" / entry["back_to"])
            try:
                restore(gan, healthy)
            except RunError:  # the cure brought something to remember, such as ADA's p
                take_weights(gan, healthy)
    gan.step.assign(entry["step"])
    last = (run.rows() or [{"seconds": 0.0}])[-1]
    if last.get("cure") != entry["cure"]:
        told = {key: entry[key] for key in ("step", "kimg", "disease", "cure")}
        run.log(told | {"seconds": last["seconds"]})
    run.save_state(entry["step"], state_of(gan))
    run.forget_healthy(entry["back_to"])
    run.write("config.toml", config.toml())
    run.update_info(healed=[*healed[:-1], {**entry, "taken": True}])
    return gan, plan


def untaken(run: Run) -> dict[str, Any]:
    """The values of a cure that a kill came before; none where there is none."""
    healed = run.info.get("healed") or [{"taken": True}]
    return {} if healed[-1]["taken"] else parse_set(healed[-1]["cure"])


def _named(run: Run) -> Finding:
    """The disease of a run that diverged."""
    found = examine(since_cure(run.rows()), run.read_json("data.json"), run.info.get("diverged"))
    return next(finding for finding in found if finding.disease != "bad_data")
