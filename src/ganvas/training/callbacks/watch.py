"""The doctor after each tick: reports when a run starts to fail, and stops it for a fix."""

from __future__ import annotations

from typing import Any

from ...base.messages import log
from ...config.plan import Plan
from ...doctor import (
    LOOK_BACK,
    Finding,
    diagnose,
    examine,
    health_report,
    healthy,
    since_fix,
)
from ...storage.run import Run
from ..loggers.several import Loggers
from .base import EachTick


class Watch(EachTick):
    """Called after the log's line and the state are written.

    Attributes:
        failure: the failure because of which the run is stopped; None if it is not.
        findings: of the last tick; None: it is too early to say.
    """

    def __init__(
        self, run: Run, plan: Plan, heal: bool, loggers: Loggers, progress: bool = True
    ) -> None:
        super().__init__(run, plan)
        self.report = run.read_json("data.json")
        self.heal = heal
        self.loggers = loggers
        self.progress = progress
        self.failure: Finding | None = None
        self.findings: list[Finding] | None = None
        self.known: set[tuple[str, str]] = set()

    def tick(self, step: int, logs: dict[str, float]) -> None:
        rows = since_fix(self.run.rows())
        findings = examine(rows, self.report)
        self.findings = findings if findings or len(rows) >= LOOK_BACK else None
        if self.heal and healthy(rows, self.report):
            self.run.keep_healthy(step)
        certain = [f for f in findings if f.severity == "certain" and f.failure != "bad_data"]
        if self.heal and certain and step < self.plan.total:
            self.failure = certain[0]
            self.model.stop_training = True
        found = {(f.failure, f.severity) for f in findings}
        if found - self.known or step >= self.plan.total:
            self.report_findings(step, rows, findings)
        self.known |= found

    def report_findings(self, step: int, rows: Any, findings: list[Finding]) -> None:
        """Log certain failures that are new, and send the health report to the loggers."""
        for finding in findings:
            new = (finding.failure, finding.severity) not in self.known
            if self.progress and new and finding.severity == "certain" and not self.failure:
                log.warning(
                    f"{finding.failure} since {finding.since_kimg:g} kimg: "
                    f"`ganvas doctor {self.run.where}` shows the evidence and fixes"
                )
        if self.loggers.active:
            text = health_report(self.run.folder.name, rows, diagnose(self.run))  # with fixes
            self.loggers.finding(step, text)
