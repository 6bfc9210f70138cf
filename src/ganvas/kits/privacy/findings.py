"""What an audit found, in sentences: who is affected, how badly, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from .opinion import grid
from .phrases import capital, percent, together
from .result import AuditReport, Result
from .risk import MOST_NAMED
from .terms import CRITERIA, phrase

_NO_LEAK, _LEAK, _NOT = "no leak found", "leak found", "not tested"


@dataclass(frozen=True)
class Risk:
    """The risk under one criterion of Opinion 05/2014, by the attack with the highest one.

    Attributes:
        attack: name of the test; "" where none was run.
        value, low, high: (attack - control) / (1 - control), and its 95 % interval.
        success, control: share of attacks on training images and on held-out ones that succeed.
        attacked, controls: their numbers, counted in `unit`.
        p: of the test, adjusted for all tests of the audit.
        status: "leak found", "no leak found" or "not tested".
    """

    attack: str
    status: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    success: float | None = None
    control: float | None = None
    attacked: int = 0
    controls: int = 0
    unit: str = ""
    p: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def concluded(results: AuditReport) -> AuditReport:
    """With its summary, its risks, and the attacks of Opinion 28/2024 that were tested."""
    rows = {row.attack: {"status": row.status, "how": row.how} for row in grid(results)}
    rated = {name: risk.to_dict() for name, risk in risks(results).items()}
    return replace(results, summary=headline(results), risks=rated, opinion_28_2024=rows)


def risks(results: AuditReport) -> dict[str, Risk]:
    """One risk for each criterion."""
    return {
        title: _risk({name: results.tests[name] for name in names if name in results.tests})
        for title, (_, names) in CRITERIA.items()
    }


def _risk(tests: dict[str, Result]) -> Risk:
    run = {name: test for name, test in tests.items() if test.p is not None}
    leak = _LEAK if any(test.leak for test in run.values()) else _NO_LEAK
    rated = {name: test for name, test in run.items() if "risk" in test.more}
    if not rated:
        return Risk(next(iter(run), ""), leak if run else _NOT)
    leaking = {name: test for name, test in rated.items() if test.leak}
    end = "value" if leaking else "high"
    name = max(leaking or rated, key=lambda n: rated[n].more["risk"][end])
    at, test = rated[name].more["risk"], rated[name]
    return Risk(
        name, leak, at["value"], at["low"], at["high"], at["attack"], at["control"],
        at["attacked"], at["controls"], at["unit"], test.adjusted,
    )  # fmt: skip


def worst(results: AuditReport) -> tuple[str, Risk] | None:
    """The criterion with the highest risk among those with a leak; None without a leak."""
    leaking = {k: r for k, r in risks(results).items() if r.status == _LEAK and r.value is not None}
    if not leaking:
        return None
    title = max(leaking, key=lambda k: leaking[k].value or 0.0)
    return title, leaking[title]


def exposed(results: AuditReport) -> dict[str, list[str]]:
    """Names of exposed people, or images -> the attacks with a leak that expose them, the most
    exposed first."""
    found: dict[str, list[str]] = {}
    for name in results.found:
        for who in results.tests[name].more.get("exposed", ()):
            found.setdefault(who, []).append(name)
    matches = (
        results.tests["identity"].more.get("matches", {}) if "identity" in results.tests else {}
    )
    return dict(
        sorted(found.items(), key=lambda row: (-len(row[1]), -matches.get(row[0], 0), row[0]))
    )


def valid(results: AuditReport) -> bool:
    """Whether no negative control was flagged."""
    return not (results.controls.false_alarm or results.controls.unlike)


def headline(results: AuditReport) -> str:
    """What was found, who is affected, how badly, and what to do."""
    return f"{found(results)} {action(results)}"


def found(results: AuditReport) -> str:
    """What was found, who is affected, and how badly."""
    if results.found:
        who = _who(results)
        return f"A leak was found: {_leak(results)}{f', and {who}' if who else ''}."
    bound = ""
    if results.verdict == "formally bounded" and results.bound:
        bound = (
            f" after training with differential privacy (epsilon {results.bound['epsilon']:.3g} "
            f"for one {results.bound['unit']})"
        )
    if not _powerful(results):
        return f"No leak was found{bound}, but no number of copies could have been detected."
    return (
        f"No leak was found{bound}: noisy copies of training images would have been detected "
        f"reliably from {percent(results.power.least_share)} of the {results.n_fake:,} images on."
    )


def _powerful(results: AuditReport) -> bool:
    """Whether any leak of noisy copies could be detected."""
    possible = results.controls.enough and results.power.copies_needed is not None
    return possible and results.power.least_share < 1


def _leak(results: AuditReport) -> str:
    """Copies or matched people, whichever is more frequent; else the highest risk."""
    tests, fakes = results.tests, results.n_fake
    names = ("near_copies_pixels", "near_copies_recoloured", "near_copies_features")
    copied = {n: tests[n] for n in names if n in results.found and _excess(tests[n]) > 0}
    name = max(copied, key=lambda n: _excess(copied[n]), default="")
    people = tests["identity"] if "identity" in results.found else None
    if people and _excess(people) > (_excess(tests[name]) if name else 0):
        return (
            f"{_of(people.value, fakes)} match one of the {people.more['people']} people trained "
            f"on (of as many held-out people {percent(people.holdout)})"
        )
    if name:
        return (
            f"{_of(tests[name].value, fakes)} nearly copy a training image "
            f"({percent(tests[name].holdout)} a held-out one)"
        )
    top = worst(results)
    if top is None:
        return f"{together([phrase(n) for n in results.found])} found training images"
    risk = top[1]
    return (
        f"{phrase(risk.attack)} finds {percent(risk.success)} of the {risk.attacked:,} {risk.unit} "
        f"trained on, and {percent(risk.control)} of those held out"
    )


def _excess(test: Result) -> float:
    """How much more often than for held-out images; 0 where chance may explain it."""
    value, chance = test.value or 0.0, test.holdout or 0.0
    return value - chance if (test.low or 0.0) > chance else 0.0


def _of(share: float | None, fakes: int) -> str:
    return f"{'all' if share == 1 else f'{percent(share)} of the'} {fakes:,} generated images"


def some_are_exposed(results: AuditReport) -> bool:
    """Whether some people, or images, are known to be exposed, but not all: the others remain to
    train on."""
    total = results.people[0] if results.people else results.n_train
    return 0 < len(exposed(results)) < total


def _who(results: AuditReport) -> str:
    """How many are exposed; "" where it is not known."""
    count, total = len(exposed(results)), results.n_train
    unit = "training images"
    if results.people:
        unit, total = "people trained on", results.people[0]
    if not count:
        return ""
    several = "at least " if count >= MOST_NAMED else ""
    share = f"all {total:,}" if count == total else f"{several}{count:,} of the {total:,}"
    return f"{share} {unit} are exposed"


def action(results: AuditReport) -> str:
    """What to do next, in one sentence."""
    if not valid(results):
        return (
            "Do not rely on this audit: real images were taken for a leak; split the images at "
            "random, by person, and audit again."
        )
    if results.found:
        return "Do not release."
    if not _powerful(results):
        return "Do not release on this evidence: hold out more people and audit again."
    if not results.controls.found:
        return "Do not release on this evidence: the positive control was missed."
    return "Decide on the release by the risks below, and by what was not tested."


def next_step(results: AuditReport) -> str:
    """The step after it; "" where `action` names it."""
    if not valid(results):
        return ""
    if not results.found:
        return " Repeat the audit for each new version of the model."
    without = ", or without the exposed images," if some_are_exposed(results) else ""
    return (
        f" Next step: train again with differential privacy{without} and audit again. Until then, "
        "give away neither the generator nor its images."
    )


def affected(results: AuditReport) -> str:
    """Who is affected."""
    if not results.found:
        return "Nobody was shown to be exposed."
    who = exposed(results)
    if not who:
        return "It is not known who is exposed: no attack with a leak ranks people or images."
    first = together(list(who)[:3])
    more = f"; most exposed: {first}" if len(who) > 3 else f": {first}"
    return f"{capital(_who(results))}{more}."


def severity(results: AuditReport) -> str:
    """How badly."""
    top = worst(results)
    if top is None:
        values = [
            f"{title.lower()} {percent(risk.high)}"
            for title, risk in risks(results).items()
            if risk.high is not None
        ]
        if not values:
            return "No risk was measured."
        return f"The risks may be up to: {', '.join(values)} (ends of the 95 % intervals)."
    title, risk = top
    return (
        f"The highest risk is {title.lower()}: {percent(risk.value)} (95 % interval "
        f"{percent(risk.low)} to {percent(risk.high)}), by {phrase(risk.attack)}."
    )
