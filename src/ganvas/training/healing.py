"""Training with the doctor: a run that fails is rolled back, and goes on with a fix."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from ..config import Config, parse_set
from ..doctor import Finding, examine, next_cure, since_cure
from ..errors import ConfigError, Diverged, RunError
from ..storage.run import UNREADABLE, Run, read_state
from .assembly import assemble
from .callbacks import restore, state_of, take_weights
from .loop import run_loop
from .session import Session

MOST = 3
"""Fixes that a run may take."""
MARGIN = 3
"""Ticks between a state that is gone back to and the first sign of the failure."""


def fit(session: Session) -> None:
    """Train the session to its end; with `train.heal`, again after each fix, within the same kimg.

    Raises: Diverged: the failure came back after every fix there is, or after three.
    """
    while True:
        try:
            finding = run_loop(session)
        except Diverged:
            if not session.config.train.heal or session.done:
                raise
            finding = _named(session.run)
        if finding is None:
            return
        apply_fix(session, choose_fix(session, finding))


def choose_fix(session: Session, finding: Finding) -> Config:
    """Choose the next fix that can be applied, write it down, and return the recipe with it."""
    run, config, plan, step = session.run, session.config, session.plan, session.step
    taken = list(run.info.get("healed", ()))
    known = [one["cure"] for one in taken]
    # What was not seen at once has been going on for a while before its first sign.
    back = run.healthy(plan.step(finding.since_kimg) - MARGIN * plan.tick)
    while cure := next_cure(finding.disease, config, known, anew=back is None):
        try:
            assemble(config.with_values(cure.values), session.source)
            break
        except ConfigError:  # such as a batch that the networks with this fix cannot judge
            known.append(list(cure.words))
    if cure is None or len(taken) >= MOST:
        run.update_info(status="sick")
        past = "; ".join(
            f"{one['disease']} at {one['kimg']:g} kimg, {' '.join(one['cure'])}" for one in taken
        )
        raise Diverged(
            f"{finding.disease} since {finding.since_kimg:g} kimg, and no fix is left "
            f"({past or 'none applies'}): the best model is kept; `ganvas doctor {run.folder}` "
            "shows the evidence; try another recipe"
        )
    entry = {
        "disease": finding.disease, "since_kimg": finding.since_kimg, "evidence": finding.evidence,
        "step": step, "kimg": round(plan.kimg(step), 3), "cure": list(cure.words),
        "back_to": None if cure.anew or back is None else back.name, "taken": False,
    }  # fmt: skip
    run.update_info(healed=[*taken, entry])
    sys.stderr.write(
        f"note: {finding.disease} since {finding.since_kimg:g} kimg: "
        f"{'rolled back to the last healthy state' if entry['back_to'] else 'started anew'} with "
        f"{' '.join(cure.words)}\n"
    )
    return config.with_values(cure.values)


def apply_fix(session: Session, config: Config) -> None:
    """Build the session's GAN with the fix that was written down last, at the step where the
    failing one stood.

    May be called again after a kill: the state that it reads stays.
    """
    run = session.run
    healed = run.info["healed"]
    entry = healed[-1]
    session.assemble(config)
    with session.strategy.scope():
        if entry["back_to"]:
            with contextlib.suppress(*UNREADABLE):  # it starts anew, then
                healthy = read_state(run.folder / "state" / entry["back_to"])
                try:
                    restore(session.gan, healthy)
                except RunError:  # the fix brought something to remember, such as ADA's p
                    take_weights(session.gan, healthy)
        session.gan.step.assign(entry["step"])
    last = (run.rows() or [{"seconds": 0.0}])[-1]
    if last.get("cure") != entry["cure"]:
        row = {key: entry[key] for key in ("step", "kimg", "disease", "cure")}
        run.log(row | {"seconds": last["seconds"]})
    run.save_state(entry["step"], state_of(session.gan))
    run.forget_healthy(entry["back_to"])
    run.write("config.toml", config.toml())
    run.update_info(healed=[*healed[:-1], {**entry, "taken": True}])


def pending_fix(run: Run) -> dict[str, Any]:
    """The values of a fix that a kill came before; none where there is none."""
    healed = run.info.get("healed") or [{"taken": True}]
    return {} if healed[-1]["taken"] else parse_set(healed[-1]["cure"])


def _named(run: Run) -> Finding:
    """The failure of a run that diverged."""
    found = examine(since_cure(run.rows()), run.read_json("data.json"), run.info.get("diverged"))
    return next(finding for finding in found if finding.disease != "bad_data")
