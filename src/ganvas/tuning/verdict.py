"""What a search found, repeated honestly: the best of many is partly luck.

The lowest of many scores is lower than what its values give again (the winner's curse), so the
best and the recipe as it was are trained anew with seeds that the search has not seen.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna

from .. import __version__
from ..base.files import in_turn, write_file, write_json
from ..config import Config
from ..errors import Diverged, UsageError
from ..stats.intervals import student
from ..storage.run import Run
from .session import Search
from .space import values_of
from .study import Study
from .study_report import page
from .trial import played, scores_of


def conclude(search: Search, study: Study, repeats: int) -> dict[str, Any]:
    """Repeat, judge, and write tune.json, best.toml and report.html beside the runs.

    Of several machines, each whose search ends does so, one after the other; the first one's
    repeats are runs that the others only read.

    Raises: UsageError: no trial was played to its end.
    """
    note = "note: another process of this study repeats the best: waiting for it\n"
    with in_turn(search.folder / ".conclude.lock", note):
        return _conclude(search, study, repeats)


def _conclude(search: Search, study: Study, repeats: int) -> dict[str, Any]:
    best = study.best()
    if best is None and time.time() > search.deadline:
        raise UsageError("the time is up before a trial was played to its end: go on, same words")
    if best is None:
        whys = Counter(trial.user_attrs.get("why", "stopped") for trial in study.done())
        found = ", ".join(f"{count} {why}" for why, count in whys.most_common()) or "none was done"
        raise UsageError(
            f"no trial was played to its end ({found}): widen [tune], or give more --trials or "
            "kimg; what was trained is kept"
        )
    values = values_of(study.space, best.params)
    result = {
        "recipe": search.config.recipe,
        "data": search.data if isinstance(search.data, str) else "arrays",
        "kimg": search.config.train.kimg,
        "folder": str(search.folder),
        "study": study.address,
        "images": search.about["images"],
        "by": best.user_attrs["by"],
        "against": search.against,
        "best": {"trial": best.number, "value": best.value, "values": values},
        "trials": [_about(study, trial) for trial in study.done()],
        "importance": importance(study),
        "repeats": _repeat(search, values, repeats) if repeats else None,
    }
    write_json(search.folder / "tune.json", result)
    write_file(search.folder / "best.toml", best_recipe(search.recipe, result))
    write_file(search.folder / "report.html", page(result).html())
    return result


def _about(study: Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "value": trial.value if trial.state == optuna.trial.TrialState.COMPLETE else None,
        "why": trial.user_attrs.get("why"),
        "scores": [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)],
        "values": values_of(study.space, trial.params),
        "run": trial.user_attrs.get("run"),
    }


def importance(study: Study) -> dict[str, float]:
    """How much each value decides whether a trial is among the better ones; empty for too few.

    Source: Watanabe et al. 2023, arXiv:2304.10255 (PED-ANOVA), by Optuna.
    """
    evaluator = optuna.importance.PedAnovaImportanceEvaluator
    with warnings.catch_warnings(), contextlib.suppress(ValueError, RuntimeError):
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(study.optuna, evaluator=evaluator())
        return {key: float(value) for key, value in found.items()}
    return {}


def _repeat(search: Search, values: Mapping[str, Any], repeats: int) -> dict[str, Any] | None:
    """The last scores of the best values and of the recipe as it was, seed by seed."""
    seeds = [search.config.train.seed + 1 + number for number in range(repeats)]
    rows: dict[str, list[float | None]] = {"best": [], "default": []}
    for seed in seeds:
        for name, changed in (("best", values), ("default", {})):
            every = {**changed, "train.seed": seed}
            folder = search.run_of(every)
            before = Run(folder).status()
            if before == "diverged":  # as it would again
                rows[name].append(None)
                continue
            if time.time() > search.deadline and before != "finished":
                sys.stderr.write("note: the time is up before the repeats: the same call goes on\n")
                return None
            try:
                run = played(search, folder, every)
            except Diverged:
                rows[name].append(None)
            else:
                if run.status() != "finished":
                    raise KeyboardInterrupt
                rows[name].append(scores_of(run)[-1])
            if search.aloud:
                sys.stderr.write(f"{name}, seed {seed}: {_shown(rows[name][-1])}\n")
    return {"seeds": seeds, **rows, **compare(rows["best"], rows["default"])}


def _shown(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4g}"


def compare(best: Sequence[float | None], default: Sequence[float | None]) -> dict[str, Any]:
    """The difference of scores, seed by seed: its mean, its 95 % interval, and what to say.

    Args:
        best, default: scores, lower is better; None: the run diverged.

    Returns: {"difference", "low", "high", "verdict"}; numbers are None where a run diverged or
        there is one seed. Verdicts: "helps", "no evidence", "hurts".
    """
    pairs = list(zip(best, default, strict=True))
    nothing = {"difference": None, "low": None, "high": None}
    if any(one is None or other is None for one, other in pairs):
        lost = [sum(score is None for score in side) for side in (best, default)]
        alone = len(best) in lost and 0 in lost  # one side always, the other never
        verdict = ("helps" if lost[1] > lost[0] else "hurts") if alone else "no evidence"
        return {**nothing, "verdict": verdict}
    gaps = np.array(pairs, float) @ [1.0, -1.0]
    if len(gaps) < 2:
        return {**nothing, "difference": float(gaps.mean()), "verdict": "no evidence"}
    half = student(len(gaps) - 1) * float(gaps.std(ddof=1)) / math.sqrt(len(gaps))
    low, high = float(gaps.mean()) - half, float(gaps.mean()) + half
    verdict = "helps" if high < 0 else "hurts" if low > 0 else "no evidence"
    return {"difference": float(gaps.mean()), "low": low, "high": high, "verdict": verdict}


def best_recipe(config: Config, result: Mapping[str, Any]) -> str:
    """The recipe with the best values, as a file that `train --recipe` takes."""
    best, repeats = result["best"], result["repeats"]
    score = f"{result['by']} on {result['against']}: {best['value']:.4g} in the search"
    if repeats and None not in repeats["best"]:
        again = ", ".join(f"{value:.4g}" for value in repeats["best"])
        score += f"; {again} with seeds {repeats['seeds']}"
    header = {
        "what": f"{result['recipe']} with the values of trial {best['trial']} of a search over "
        f"{len(result['trials'])} trials of {result['kimg']:g} kimg",
        "command": f"ganvas train {result['data']} --recipe best.toml",
        "length": f"{result['kimg']:g} kimg, that of a trial; --set train.kimg=... for more",
        "data": f"searched on {result['data']}, fingerprint {result['images']}",
        "score": score,
        "study": result["study"],
        "made": f"by ganvas {__version__} on {datetime.date.today().isoformat()}",
    }
    named = {"recipe": f"{config.recipe}-tuned", "data.source": ""}
    tuned = config.with_values({**best["values"], **named})
    return "".join(f"# {key}: {words}\n" for key, words in header.items()) + tuned.toml()
