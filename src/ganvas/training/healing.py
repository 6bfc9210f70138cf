"""Training with the doctor: a failing run is rolled back, and resumed with a fix."""

from __future__ import annotations

import contextlib
from typing import Any

from ..base.files import inside
from ..base.messages import log
from ..config import Config, parse_set
from ..doctor import Finding, examine, next_fix, since_fix
from ..errors import ConfigError, Diverged, RunError
from ..storage.run import UNREADABLE, Run, read_state
from .assembly import assemble
from .beginning import begin
from .callbacks import restore, state_of, take_weights
from .loop import run_loop
from .session import Session

MOST = 3
"""Largest number of fixes of a run."""
MARGIN = 3
"""Ticks between the state of a rollback and the first sign of the failure."""


def fit(session: Session) -> None:
    """Train the session to its end; with `train.heal`, continue after each fix within the same
    kimg.

    Raises: Diverged: a failure, and no fix is left, or three were applied.
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
    """Choose the next fix that can be applied, write it into run.json, and return the recipe with
    it."""
    run, config, plan, step = session.run, session.config, session.plan, session.step
    applied = list(run.info.get("healed", ()))
    known = [one["cure"] for one in applied]
    # A failure begins some ticks before its first sign.
    back = run.healthy(plan.step(finding.since_kimg) - MARGIN * plan.tick)
    while fix := next_fix(finding.failure, config, known, anew=back is None):
        try:
            assemble(config.with_values(fix.values), session.source)
            break
        except ConfigError:  # such as a batch that the networks with this fix cannot judge
            known.append(list(fix.settings))
    if fix is None or len(applied) >= MOST:
        run.update_info(status="sick")
        run.mark_complete()
        past = "; ".join(
            f"{one['disease']} at {one['kimg']:g} kimg, {' '.join(one['cure'])}" for one in applied
        )
        raise Diverged(
            f"{finding.failure} since {finding.since_kimg:g} kimg, and no fix is left "
            f"({past or 'none applies'}): the best model is kept; `ganvas doctor {run.folder}` "
            "shows the evidence; try another recipe"
        )
    entry = {
        "disease": finding.failure, "since_kimg": finding.since_kimg, "evidence": finding.evidence,
        "step": step, "kimg": round(plan.kimg(step), 3), "cure": list(fix.settings),
        "back_to": None if fix.anew or back is None else back.name, "taken": False,
    }  # fmt: skip
    run.update_info(healed=[*applied, entry])
    log.warning(
        f"{finding.failure} since {finding.since_kimg:g} kimg: "
        f"{'rolled back to the last healthy state' if entry['back_to'] else 'started anew'} with "
        f"{' '.join(fix.settings)}"
    )
    return config.with_values(fix.values)


def apply_fix(session: Session, config: Config) -> None:
    """Build the session's GAN with the fix that was chosen last, at the step of the failing GAN.

    May be called again after a kill: the state that it reads is not changed.
    """
    run = session.run
    healed = run.info["healed"]
    entry = healed[-1]
    run.mark_complete()  # the failing tick: its state is replaced
    session.assemble(config)
    with contextlib.suppress(RunError):  # the fix changed the networks: they begin from noise
        begin(session.gan, config, session.source)
    with session.strategy.scope():
        if entry["back_to"]:
            with contextlib.suppress(*UNREADABLE):  # then training starts anew
                healthy = read_state(inside(run.folder / "state", entry["back_to"]))
                try:
                    restore(session.gan, healthy)
                except RunError:  # the fix added a state, such as ADA's p
                    take_weights(session.gan, healthy)
        session.gan.step.assign(entry["step"])
    last = (run.rows() or [{"seconds": 0.0}])[-1]
    if last.get("cure") != entry["cure"]:
        row = {key: entry[key] for key in ("step", "kimg", "disease", "cure")}
        times = ("seconds", "step_seconds", "wall_seconds")
        run.log(row | {key: last[key] for key in times if key in last})
    run.save_state(entry["step"], state_of(session.gan))
    run.forget_healthy(entry["back_to"])
    run.write_recipe(config)
    run.update_info(healed=[*healed[:-1], {**entry, "taken": True}])


def pending_fix(run: Run) -> dict[str, Any]:
    """The values of a fix that was chosen but, because of a kill, not applied; else empty."""
    healed = run.info.get("healed") or [{"taken": True}]
    return {} if healed[-1]["taken"] else parse_set(healed[-1]["cure"])


def _named(run: Run) -> Finding:
    """The finding for a run that diverged."""
    found = examine(since_fix(run.rows()), run.read_json("data.json"), run.info.get("diverged"))
    return next(finding for finding in found if finding.failure != "bad_data")
