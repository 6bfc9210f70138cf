"""The audit: every attack that applies, controls, power, and one decision over all of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...base.files import disk_errors
from ...base.progress import reported, stage
from ...stats.exact import holm, least_share, needed
from ...storage.job import recall, remember
from . import controls
from .attacks import Attacks
from .case import Case, gather
from .cautions import notes
from .findings import concluded
from .options import AuditOptions
from .phrases import percent
from .record import recorded
from .result import AuditReport, Controls, Power, Result

LEAK, SILENT, BOUNDED = "leak found", "no leak found at this power", "formally bounded"
MOST_EPSILON = 10  # above, a bound guarantees little (Ponomareva et al. 2023, arXiv:2303.00654)
_EARLY = ("identity", "near_copies_features")  # first, because these may refuse a wrong file


@reported
def audit(
    subject: Any,
    train: Any = None,
    holdout: Any = None,
    *,
    out: str | os.PathLike[str] | None = None,
    progress: bool = False,
    **options: Any,
) -> AuditReport:
    """Attack a generator, or generated images, and report what the attacks found.

    Args:
        subject: a run, an exported model, a `Sampler`, or images (a folder, a file, an array).
        train: the training images; None: of a run, those that its recipe names.
        holdout: images of the same kind, of other people, that were not trained on; None: those
            that the run held out.
        out: folder for the report, and for the state with which an interrupted audit is resumed;
            default: the run's `privacy`; for other subjects nothing is written.
        progress: report progress on standard error.
        options: n (images drawn), alpha (probability of any false alarm, over all tests), seed,
            identity (CSV), embedder (a file, "general" or "none"; default: the bundled features if
            the people are known), features, searches (images of each kind to search for in latent
            space; 0: none), search_steps, model, purpose (of the processing, for the report).

    Raises: UsageError, DataError: images with which no audit is valid.
    """
    chosen = AuditOptions(**options)
    case = gather(subject, train, holdout, chosen.identity, chosen.n, chosen.seed, chosen.model)
    folder = Path(out) if out else case.run.folder / "privacy" if case.run else None
    if folder:
        with disk_errors(folder):
            (folder / "tests").mkdir(parents=True, exist_ok=True)
    return Audit(case, chosen, folder).result()


class Audit:
    """One audit; results of slow tests are kept in its folder and not computed twice."""

    def __init__(self, case: Case, options: AuditOptions, folder: Path | None):
        self.case, self.options, self.folder = case, options, folder
        self.attacks = Attacks(case, options)
        self.seconds: dict[str, float] = {}

    def result(self) -> AuditReport:
        makers = self.attacks.makers()
        early = sorted(makers, key=lambda name: name not in _EARLY)
        done = {}
        with stage("auditing", len(makers) + 1, "tests") as auditing:
            for name in early:
                done[name] = self._once(name, makers[name])
                auditing.advance()
            tests = {name: done[name] for name in makers}
            controlled = Controls.of(self._once("controls", self._controls).more)
        decisive = {name: test.p for name, test in tests.items() if test.p is not None}
        adjusted = holm(decisive)
        found = sorted(name for name, p in adjusted.items() if p <= self.options.alpha)
        tests = {
            name: test.having(adjusted=adjusted[name], leak=name in found)
            if name in adjusted
            else test
            for name, test in tests.items()
        }
        bound = self.case.bound
        bounded = bound and bound["epsilon"] <= MOST_EPSILON
        verdict = LEAK if found else BOUNDED if bounded else SILENT
        report = AuditReport(
            verdict=verdict,
            tests=tests,
            found=tuple(found),
            alpha=self.options.alpha,
            power=self._power(len(decisive), controlled),
            controls=controlled,
            bound=bound,
            notes=tuple(notes(self.case, controlled, bound, bool(found))),
            subject=self.case.name,
            n_fake=len(self.case.fakes),
            n_train=len(self.case.train),
            n_holdout=len(self.case.holdout),
            seconds=self.seconds,
            people=None if self.case.people is None else self.case.units,
            record=recorded(self.case, self.options),
            pictures=self._pictures(),
        )
        return concluded(report)

    def _controls(self) -> Result:
        done = controls.run(self.case, self.options.alpha)
        return Result(None, why="controls", more=done.to_dict())

    def _power(self, decisive: int, controlled: Controls) -> Power:
        """Which leak this audit could detect."""
        members, others = self.case.units
        people = None if self.case.people is None else members
        count = needed(members, others, self.options.alpha / max(1, decisive))
        least = least_share(len(self.case.fakes), count, controlled.recovered, people=people)
        of = "images" if people is None else "people"
        meaning = (
            f"with {len(self.case.fakes):,} images a leak below {percent(least)} (noisy copies "
            "of training images among them) cannot be detected reliably"
        )
        if people is not None:
            meaning += f"; copies must show at least {count} of the {members} people"
        if count is None or least >= 1:
            meaning = (
                f"with {len(self.case.fakes):,} images against {members} {of} trained on and "
                f"{others} held out, no leak of noisy copies can be detected reliably"
            )
        return Power(count, least, 0.9, meaning)

    def _pictures(self) -> dict[str, np.ndarray]:
        """The 20 most suspicious pairs with training images, and with held-out ones."""
        from .audit_report import pair_grid

        return pair_grid(self.case, self.attacks.pairs)

    def _once(self, name: str, make: Callable[[], Result]) -> Result:
        """Compute, or read what an earlier call with the same images wrote."""
        path = self.folder / "tests" / f"{name}.json" if self.folder else None
        if path and (kept := recall(path, self._key)):
            self.seconds[name] = kept["seconds"]
            return Result.of(kept["result"])
        began = time.perf_counter()
        with stage(f"testing {name}"):
            done = make()
        self.seconds[name] = round(time.perf_counter() - began, 2)
        if path:
            remember(path, self._key, seconds=self.seconds[name], result=done.to_dict())
        return done

    @cached_property
    def _key(self) -> str:
        """Hash of everything that a test depends on."""
        known = replace(self.options, purpose="")
        digest = hashlib.sha256(repr((__version__, asdict(known), self.case.bound)).encode())
        for file in (self.options.embedder, self.options.features):
            if file is not None and Path(file).is_file():
                digest.update(Path(file).read_bytes())
        for part in (self.case.train, self.case.holdout):
            digest.update(part.small.tobytes())
            digest.update(b"" if part.people is None else "\n".join(part.people).encode())
            digest.update(b"" if part.labels is None else part.labels.tobytes())
        digest.update(self.case.fakes.tobytes())
        return digest.hexdigest()
